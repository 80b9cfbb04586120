//! Meaning of an acknowledgement: a burst of events, and a look right after its response.

use std::time::{Duration, Instant};

use reader::client::TargetClient;
use truth::chain::chain;
use truth::observed::rows::{Equality, RowTally};

use super::asking::{Asker, Stop};
use super::context::Session;
use super::counters::{self, Counted};
use super::draft::Draft;
use super::exchange::{Author, SHOWN_WITHIN};
use super::listing::Listed;
use super::publish::BATCH;

/// Events of a burst at a target on this machine whose request was searched for.
const LARGE: u64 = 100;

/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// Table of the promises.
const TABLE: &str = "promises";

/// Sends a burst, and writes what an acknowledgement means.
pub(super) async fn say(
    session: &Session<'_>,
    author: &mut Author,
    listed: Option<&Listed>,
    counted: &Counted,
    draft: &mut Draft,
) -> Option<String> {
    let topic = author.events.topics().first().cloned().unwrap_or_default();
    let unique = counted.unique.as_ref().filter(|_| listed.is_none());
    let was = match unique {
        Some((url, place)) => counters::value(&session.asker, url, place, &topic).await,
        None => None,
    };
    let size = if session.is_careful() { BATCH } else { LARGE };
    let first = author.used();
    let burst = tolerated(author.burst(&session.asker, size).await, draft).unwrap_or_default();
    let count = burst.len();
    let own = session.client(&author.scenario.target).ok().filter(can_list);
    let mut doubt = None;
    let lag = match (listed, own, unique, was) {
        (Some(listed), ..) => listed.lag(&session.asker, &burst).await,
        (None, Some(client), ..) => {
            let (lag, found) = listing_lag(&client, author, first, count as u64).await;
            doubt = found;
            lag
        }
        (None, None, Some((url, place)), Some(was)) => {
            counter_lag(&session.asker, url, place, &topic, was + count as u64).await
        }
        _ => None,
    };
    say_lag(lag, count, draft);
    doubt
}

fn say_lag(lag: Option<Duration>, count: usize, draft: &mut Draft) {
    match lag {
        _ if count == 0 => draft.note(TABLE, "no event of a burst was acknowledged"),
        Some(Duration::ZERO) => {
            let note = format!("{count} events were visible at the first look after their response");
            draft.note(TABLE, &note);
        }
        Some(lag) => {
            let seen = format!("{count} events were visible {lag:.1?} after their response, and not at once");
            draft.set(TABLE, "ack", "queued", &seen);
            let drain = format!("{}s", (lag * 10).as_secs().max(1));
            draft.set(TABLE, "drain", &drain, "ten times the time that was seen");
        }
        None => {
            let seen =
                format!("no look showed {count} events right after their response: they may be stored later");
            draft.set(TABLE, "ack", "queued", &seen);
        }
    }
}

/// Returns a result. A stop at the end of a probe is a note: what was seen before it stands.
pub(super) fn tolerated<T>(result: Result<T, Stop>, draft: &mut Draft) -> Option<T> {
    result.inspect_err(|stop| draft.note("target.publish", &stop.to_string())).ok()
}

/// True if the scenario describes a listing that can be read twice.
fn can_list(client: &TargetClient) -> bool {
    client.offers_listing() && !client.target().listing.drains
}

/// Returns the time until the listing of the scenario shows so many keys from this one on, and a doubt
/// if it does not, or shows other contents than were sent. Zero stands for the first look.
async fn listing_lag(
    client: &TargetClient,
    author: &Author,
    first: u64,
    count: u64,
) -> (Option<Duration>, Option<String>) {
    let begun = Instant::now();
    let mut is_first = true;
    let equality = Equality::from(&author.scenario.promises).of_target(&author.scenario.target);
    while begun.elapsed() < SHOWN_WITHIN {
        let mut tally = RowTally::new(&author.events, author.nonce, author.used(), equality);
        if let Err(error) = client.list_into(author.events.topics(), &mut tally).await {
            return (None, Some(format!("the scenario's listing cannot be read: {}", chain(&error))));
        }
        let shown = (first..author.used()).filter(|key| tally.presence.seen(*key) > 0).count() as u64;
        if shown >= count {
            let changed = tally.payload_changed();
            let doubt =
                format!("the scenario's listing shows {changed} events with other contents than were sent");
            let lag = if is_first { Duration::ZERO } else { begun.elapsed() };
            return (Some(lag), (changed > 0).then_some(doubt));
        }
        is_first = false;
        tokio::time::sleep(LOOK).await;
    }
    (None, Some(format!("the scenario's listing does not show the {count} events of a burst")))
}

/// Returns the time until a counter has a value; none if it does not. Zero stands for the first look.
async fn counter_lag(asker: &Asker, url: &str, place: &str, topic: &str, expected: u64) -> Option<Duration> {
    let begun = Instant::now();
    let mut is_first = true;
    while begun.elapsed() < SHOWN_WITHIN {
        if counters::value(asker, url, place, topic).await.is_some_and(|now| now >= expected) {
            return Some(if is_first { Duration::ZERO } else { begun.elapsed() });
        }
        is_first = false;
        tokio::time::sleep(LOOK).await;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lag: Option<Duration>, count: usize) -> String {
        let mut draft = Draft::default();
        say_lag(lag, count, &mut draft);
        draft.text()
    }

    #[test]
    fn an_acknowledgement_is_queued_unless_a_burst_was_visible_at_once() {
        assert!(!said(Some(Duration::ZERO), 5).contains("\nack = "));
        assert!(said(None, 5).contains("\nack = \"queued\"\n") && !said(None, 5).contains("drain"));
        let late = said(Some(Duration::from_millis(400)), 5);
        assert!(late.contains("\nack = \"queued\"\n") && late.contains("\ndrain = \"4s\"\n"), "{late}");
        assert!(said(Some(Duration::from_millis(1)), 5).contains("\ndrain = \"1s\"\n"));
        assert!(!said(None, 0).contains("\nack = "));
    }
}
