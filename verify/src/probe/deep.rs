//! Deep look: many events, and a listing that is read to its end. It shows if the listing is whole.

use std::time::{Duration, Instant};

use reader::client::TargetClient;
use truth::chain::chain;
use truth::observed::rows::{Equality, RowTally};

use super::asking::{Asker, Stop};
use super::draft::Draft;
use super::exchange::Author;

/// Number of events.
pub(super) const EVENTS: u64 = 2_500;

/// Rows to ask for in one page, to find the most that the target shows.
const MANY: u32 = 10_000;

/// Longest time until all events are listed.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);

/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// Table of the listing.
const TABLE: &str = "target.listing";

/// One reading of the listing.
struct Look {
    /// Number of our keys, and of rows of them.
    keys: u64,
    rows: u64,
    longest_page: u64,
    pages: u64,
}

/// Sends the events, reads the listing twice, and writes what it showed.
pub(super) async fn look(
    author: &mut Author,
    asker: &Asker,
    client: &TargetClient,
    draft: &mut Draft,
) -> Result<(), Stop> {
    let first = author.used();
    let acknowledged = author.flood(asker, EVENTS).await?;
    let keys = first..author.used();
    let limit = client.target().listing.limit;
    let deadline = Instant::now() + SHOWN_WITHIN;
    let mut looks: Vec<Look> = Vec::new();
    while looks.len() < 2 || (Instant::now() < deadline && !is_whole(&looks, acknowledged)) {
        match read(author, client, limit, keys.clone()).await {
            Ok(look) => looks.push(look),
            Err(reason) => {
                draft.note(TABLE, &format!("with {EVENTS} more events it could not be read: {reason}"));
                return Ok(());
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    let Some(last) = looks.last() else { return Ok(()) };
    let Look { keys: shown, rows, pages, longest_page } = last;
    let seen = format!(
        "{acknowledged} of {EVENTS} events were acknowledged, and {shown} of them listed in {rows} rows on {pages} \
         pages of at most {longest_page} rows"
    );
    if is_whole(&looks, acknowledged) && acknowledged > 0 {
        draft.line(TABLE, "complete", "true", &format!("{seen}, twice"));
    } else {
        draft.note(TABLE, &format!("{seen}: that it shows everything was not seen"));
    }
    if *rows > *shown {
        let note =
            "some events stand in several rows: pages may overlap where rows of one time change places";
        draft.note(TABLE, note);
    }
    if let Ok(many) = read(author, client, MANY, keys).await {
        draft.note(
            TABLE,
            &format!("asked for {MANY} rows in a page, it showed at most {}", many.longest_page),
        );
    }
    Ok(())
}

/// True if the last two looks showed each event once.
fn is_whole(looks: &[Look], acknowledged: u64) -> bool {
    let shows_all = |look: &Look| look.keys == acknowledged && look.rows == look.keys;
    looks.len() >= 2 && looks[looks.len() - 2..].iter().all(shows_all)
}

async fn read(
    author: &Author,
    client: &TargetClient,
    limit: u32,
    keys: std::ops::Range<u64>,
) -> Result<Look, String> {
    let mut tally = RowTally::new(&author.events, author.nonce, author.used(), Equality::NONE);
    let topics = author.events.topics();
    let paged = client.list_pages(topics, limit, &mut tally).await.map_err(|error| chain(&error))?;
    let before = keys.start;
    let found = keys.filter(|key| tally.presence.seen(*key) > 0).count() as u64;
    let earlier = (0..before).filter(|key| tally.presence.seen(*key) > 0).count() as u64;
    let rows = tally.ours.count.saturating_sub(earlier);
    Ok(Look { keys: found, rows, longest_page: paged.longest_page, pages: paged.pages })
}
