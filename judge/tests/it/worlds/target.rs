//! Target: what a store shows to those who read it, moment by moment.

use std::collections::HashMap;

use truth::observed::counters::Counters;

use super::store::{Counted, History, Stored};
use super::world::{Borders, Counts, MILLISECOND, Order, SECOND, START, TopicFilter, Us, View, World};

/// Time that a look takes.
const LOOK_TAKES: Us = 20 * MILLISECOND;

/// Age of the target's process at the first send.
const OLD: Us = 100 * SECOND;

/// A target, and the clock of those who read it.
pub(super) struct Target<'a> {
    pub(super) world: &'a World,
    pub(super) history: &'a mut History,
    pub(super) now: Us,
    looks: u64,
    readings: u64,
    cached_at: Option<Us>,
    /// Largest `Age` header that was sent.
    pub(super) age: Option<u64>,
}

impl<'a> Target<'a> {
    pub(super) fn new(world: &'a World, history: &'a mut History) -> Self {
        Self { world, history, now: 0, looks: 0, readings: 0, cached_at: None, age: None }
    }

    /// Lists all rows, or those of a topic, in pages of this size. The rows are places in the
    /// history.
    pub(super) fn list(&mut self, topic: Option<usize>, limit: u32) -> Vec<Vec<usize>> {
        self.looks += 1;
        self.now += LOOK_TAKES;
        let heeded = match self.world.listing.topics {
            TopicFilter::Unoffered | TopicFilter::Ignored => None,
            TopicFilter::Before | TopicFilter::Demanded | TopicFilter::After => topic,
        };
        let is_of_topic = |row: &Stored| heeded.is_none() || row.topic == heeded;
        let cuts_first = self.world.listing.topics == TopicFilter::After;
        let at = self.at();
        let shows = |row: &Stored| self.shows(row, at) && (cuts_first || is_of_topic(row));
        let rows = &self.history.rows;
        let mut shown: Vec<usize> = (0..rows.len()).filter(|nth| shows(&rows[*nth])).collect();
        shown.sort_by_key(|nth| (rows[*nth].from, rows[*nth].hash));
        let mut shown = self.cut(shown);
        shown.retain(|nth| is_of_topic(&rows[*nth]));
        match self.world.listing.order {
            Order::Newest => shown.reverse(),
            Order::Oldest => {}
            Order::Key => shown.sort_by_key(|nth| rows[*nth].hash),
        }
        let listing = &self.world.listing;
        let limit = if listing.can_ask_for_limit { limit } else { listing.limit };
        self.paged(&shown, limit.min(listing.most).max(1) as usize)
    }

    /// Moment that a look shows.
    fn at(&mut self) -> Us {
        match self.world.view {
            View::Replica(lag) if self.looks.is_multiple_of(2) => self.now - lag,
            View::Cached(kept, has_age) => {
                let at = self.cached_at.filter(|at| self.now < at + kept).unwrap_or(self.now);
                self.cached_at = Some(at);
                if has_age {
                    self.age = self.age.max(Some((self.now - at) / SECOND));
                }
                at
            }
            _ => self.now,
        }
    }

    /// Whether a row is there, as the view is behind.
    fn shows(&self, row: &Stored, at: Us) -> bool {
        let at = match self.world.view {
            View::Late(lag) | View::NewestLate(_, lag) => at - lag,
            View::LateTopic(lag, topic) if row.topic == Some(topic) => at - lag,
            View::LateShard(lag) if row.hash.is_multiple_of(4) => at - lag,
            _ => at,
        };
        let is_there = row.from <= at && at < row.until;
        is_there
            && match self.world.view {
                View::Age(age) => row.from + age > at,
                View::Sample(one_in) => row.hash.is_multiple_of(one_in),
                View::SinceStart => {
                    self.world.restart.is_none_or(|restart| at < restart || row.from >= restart)
                }
                View::Hidden(topic) => row.topic != Some(topic),
                View::Flicker(one_in) => !(row.hash % one_in + self.looks).is_multiple_of(one_in),
                _ => true,
            }
    }

    /// Cuts off what the view does not show, of rows in the order of time.
    fn cut(&self, rows: Vec<usize>) -> Vec<usize> {
        let newest = |most: usize| rows[rows.len().saturating_sub(most)..].to_vec();
        match self.world.view {
            View::Newest(most) | View::NewestLate(most, _) => newest(most),
            View::Oldest(most) => rows.into_iter().take(most).collect(),
            View::NewestOfEach(most) => {
                let mut met: HashMap<&str, usize> = HashMap::new();
                let mut kept = rows.clone();
                kept.reverse();
                kept.retain(|nth| {
                    let topic = met.entry(self.history.rows[*nth].row.topic.as_str()).or_default();
                    *topic += 1;
                    *topic <= most.max(2)
                });
                kept.reverse();
                kept
            }
            _ => rows,
        }
    }

    /// Cuts a listing into pages, as the cursor does.
    fn paged(&self, rows: &[usize], most: usize) -> Vec<Vec<usize>> {
        if !self.world.listing.is_paged {
            return vec![rows.iter().copied().take(most).collect()];
        }
        let mut pages: Vec<Vec<usize>> = Vec::new();
        let mut from = 0;
        while from < rows.len() {
            let to = (from + most).min(rows.len());
            let shuffles = self.world.listing.borders == Borders::Shuffles && pages.len() % 2 == 1;
            pages.push(if shuffles {
                self.shuffled(rows)[from..to].to_vec()
            } else {
                rows[from..to].to_vec()
            });
            from = match self.world.listing.borders {
                _ if to == rows.len() => to,
                Borders::Repeats if most > 1 => to - 1,
                Borders::Drops => to + 1,
                Borders::Repeats | Borders::Sound | Borders::Shuffles => to,
            };
        }
        pages
    }

    /// The same rows, with those of one second in another order.
    fn shuffled(&self, rows: &[usize]) -> Vec<usize> {
        let rank = |nth: &usize| self.history.rows[*nth].from / SECOND;
        let mut shuffled = Vec::new();
        for tied in rows.chunk_by(|one, other| rank(one) == rank(other)) {
            shuffled.extend(tied.iter().rev());
        }
        shuffled
    }

    /// Reads the counters, if there are any.
    pub(super) fn counters(&mut self) -> Option<Counters> {
        let counting = &self.world.counting;
        self.readings += 1;
        let instance = match counting.kind {
            Counts::None => return None,
            Counts::PerInstance => Some(self.readings % 2),
            _ => None,
        };
        let at = match counting.kind {
            Counts::Late(lag) => self.now - lag,
            Counts::Refreshed(each) => self.now / each * each,
            _ => self.now,
        };
        let restarted = self.world.restart.filter(|restart| *restart <= at);
        let since = restarted.filter(|_| counting.kind == Counts::Volatile).unwrap_or(0);
        let [received, unique, duplicates] = self.sums(since, at, instance);
        let name = match (instance, restarted) {
            (Some(instance), _) => format!("instance {instance}"),
            (None, Some(_)) => "after".to_owned(),
            (None, None) => "before".to_owned(),
        };
        let up = self.now - self.world.restart.filter(|at| *at <= self.now).unwrap_or(START - OLD);
        let up = up / SECOND + instance.map_or(0, |instance| instance * 7);
        let [has_received, has_unique, has_duplicates] = counting.offered;
        Some(Counters {
            received: has_received.then_some(received),
            unique: has_unique.then_some(unique),
            duplicates: has_duplicates.then_some(duplicates),
            pending: counting.has_pending.then(|| self.pending()),
            processing: None,
            instance: counting.has_instance.then_some(name),
            uptime_ms: counting.has_uptime.then_some(up * 1_000),
        })
    }

    /// Received, unique and duplicates as they are counted.
    fn sums(&self, since: Us, at: Us, instance: Option<u64>) -> [u64; 3] {
        let is_counted = |counted: &&Counted| {
            (since..=at).contains(&counted.at) && instance.is_none_or(|one| counted.instance == one)
        };
        let mut sums = [0; 3];
        for counted in self.history.counted.iter().filter(is_counted) {
            sums[0] += counted.received;
            sums[1] += counted.unique;
            sums[2] += counted.duplicates;
        }
        let [received, unique, duplicates] = sums.map(|sum| sum.max(0) as u64);
        match self.world.counting.kind {
            Counts::Estimated(off) => [received, (unique as i64 * (1_000 + off) / 1_000) as u64, duplicates],
            Counts::OfRows => {
                let is_there = |row: &&Stored| row.from <= at && at < row.until;
                let rows = self.history.rows.iter().filter(is_there).count() as u64;
                [received, rows, received.saturating_sub(rows)]
            }
            Counts::Ring(most) => [received, unique.min(most), duplicates],
            Counts::Multiple(times) => [received * times, unique, received * times - unique.min(received)],
            _ => [received, unique, duplicates],
        }
    }

    fn pending(&self) -> u64 {
        let waits = |(from, until, _): &&(Us, Us, u64)| *from <= self.now && self.now < *until;
        self.history.waiting.iter().filter(waits).map(|(_, _, events)| events).sum()
    }
}
