//! Views: the rows that a listing can show at this moment.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use crate::settings::{Settings, View};
use crate::store::{Row, State};

const NEWEST: usize = 500;
const OLDEST: usize = 500;
const NEWEST_OF_TOPIC: usize = 150;
const SAMPLED_ONE_IN: usize = 10;
const YOUNG: Duration = Duration::from_secs(10);
const LAG: Duration = Duration::from_secs(20);
const REPLICA_LAG: Duration = Duration::from_secs(30);

/// Topic that is shown late.
const LATE_TOPIC: &str = "auth";

/// Returns the places of the rows that are shown, oldest first. The replica shows less.
pub(crate) fn visible(state: &State, settings: &Settings, is_replica: bool) -> Vec<usize> {
    let now = Instant::now();
    let rows = &state.rows;
    let is_there = |place: &usize| {
        let row = &rows[*place];
        !row.is_deleted && row.merged.is_none_or(|merged| now < merged)
    };
    let mut there: Vec<usize> = (0..rows.len()).filter(is_there).collect();
    let is_older = |row: &Row, age: Duration| {
        row.stored.is_none_or(|stored| now.duration_since(stored) >= settings.delay(age))
    };
    match settings.view {
        View::Whole | View::Merging => {}
        View::Newest => drop(there.drain(..there.len().saturating_sub(NEWEST))),
        View::Oldest => there.truncate(OLDEST),
        View::NewestOfTopic => {
            let mut shown: HashMap<&str, usize> = HashMap::new();
            let mut is_new_enough = |place: &usize| {
                let shown = shown.entry(&rows[*place].event.topic).or_default();
                *shown += 1;
                *shown <= NEWEST_OF_TOPIC
            };
            there = there.into_iter().rev().filter(&mut is_new_enough).collect();
            there.reverse();
        }
        View::Sampled => there.retain(|place| place.is_multiple_of(SAMPLED_ONE_IN)),
        View::SinceStart => there.retain(|place| rows[*place].stored.is_some()),
        View::Young => there.retain(|place| !is_older(&rows[*place], YOUNG)),
        View::Late => there.retain(|place| is_older(&rows[*place], LAG)),
        View::LateTopic => {
            there.retain(|place| rows[*place].event.topic != LATE_TOPIC || is_older(&rows[*place], LAG));
        }
        View::LateShard => {
            there.retain(|place| !is_in_the_late_shard(&rows[*place]) || is_older(&rows[*place], LAG));
        }
        View::Replica if is_replica => there.retain(|place| is_older(&rows[*place], REPLICA_LAG)),
        View::Replica => {}
    }
    there
}

fn is_in_the_late_shard(row: &Row) -> bool {
    let mut hasher = DefaultHasher::new();
    row.event.event_id.hash(&mut hasher);
    hasher.finish().is_multiple_of(4)
}
