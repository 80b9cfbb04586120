//! Listing of a target: its path, its parameters, its pages.

mod paging;
mod question;

use std::time::{Duration, Instant};

use truth::target::Paging;

use self::paging::Way;
use self::question::{Found, Question, longest_list};
use super::asking::Asker;
use super::draft::Draft;
use super::publish::{Exchanges, WayIn};
use super::rows::{Shape, Shown};

/// Paths that are tried.
const PATHS: [&str; 6] = ["/events", "/api/events", "/logs", "/items", "/messages", "/records"];

/// Longest time until an accepted event is listed.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);

/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Rows to ask for in one page.
const LIMIT: u64 = 1000;

/// Rows to ask for if that is too many.
const LOWER_LIMIT: u64 = 100;

/// Listing that was found.
#[derive(Debug)]
pub(super) struct Listed {
    path: String,
    shape: Shape,
    /// True if requests have to name the topic.
    by_topic: bool,
    /// True if the topic of a request makes a difference.
    heeds_topic: bool,
    /// True if the response for a topic without events has status 404.
    unknown_is_404: bool,
    /// Limit to ask for; none if the target ignores it.
    limit: Option<Limit>,
    paging: Way,
    /// True if the first look after the last response showed the event.
    pub(super) at_once: bool,
    /// Response that showed the event, in one line.
    response: String,
}

/// Limit of rows in a page.
#[derive(Debug)]
struct Limit {
    rows: u64,
    /// Sentence for the scenario that says what was seen.
    evidence: String,
}

/// Looks for the last event that was sent, until a listing shows it. The error says what was shown
/// instead.
pub(super) async fn find(asker: &Asker, way_in: &WayIn, sent: &Exchanges) -> Result<Listed, String> {
    let event = &sent.last;
    let deadline = Instant::now() + SHOWN_WITHIN;
    let mut at_once = true;
    let paths: Vec<&str> = PATHS.into_iter().chain([way_in.path.as_str()]).collect();
    loop {
        for path in &paths {
            let whole = Question { asker, path, by_topic: false, event };
            if let Some(found) = on_first_page(&whole).await {
                return Ok(describe(&whole, found, at_once).await);
            }
            let of_topic = Question { by_topic: true, ..whole };
            if let Some(found) = on_first_page(&of_topic).await {
                // A listing of all topics may have too many rows to show the event on its first
                // page.
                if !whole.ids(&found.shape, "").await.is_empty() {
                    let listed = describe(&whole, found.clone(), at_once).await;
                    if listed.paging != Way::Plain(Paging::None) {
                        return Ok(listed);
                    }
                }
                return Ok(describe(&of_topic, found, at_once).await);
            }
            for limit in [format!("limit={LIMIT}"), format!("limit={LOWER_LIMIT}"), String::new()] {
                if let Some(found) = whole.further(&limit).await {
                    // The search took a while, so it is unknown if the event was listed at once.
                    return Ok(describe(&whole, found, false).await);
                }
            }
        }
        if Instant::now() >= deadline {
            return Err(seen_instead(asker, &paths).await);
        }
        at_once = false;
        tokio::time::sleep(LOOK).await;
    }
}

async fn on_first_page(question: &Question<'_>) -> Option<Found> {
    for parameters in [format!("limit={LIMIT}"), format!("limit={LOWER_LIMIT}"), String::new()] {
        if let Some(found) = question.first(&parameters).await {
            return Some(found);
        }
    }
    None
}

/// Says what the paths show, if none shows the event.
async fn seen_instead(asker: &Asker, paths: &[&str]) -> String {
    for path in paths {
        let Some(response) = asker.get(path).await else { continue };
        if let Some(rows) = longest_list(&response) {
            return format!(
                "GET {path} shows {rows} rows, but no event of the probe, and no further page that has one"
            );
        }
    }
    format!("no listing showed an event of the probe, at {}", paths.join(", "))
}

/// Asks a listing about its parameters and its pages.
async fn describe(question: &Question<'_>, found: Found, at_once: bool) -> Listed {
    let Found { response, shape } = found;
    let two = question.ids(&shape, "limit=2").await;
    let mut limit = None;
    if two.len() == 2 {
        let all = question.ids(&shape, &format!("limit={LIMIT}")).await;
        let highest = if all.len() > 2 { LIMIT } else { LOWER_LIMIT };
        let rows = if all.len() > 2 {
            all.len()
        } else {
            question.ids(&shape, &format!("limit={LOWER_LIMIT}")).await.len()
        };
        let evidence = format!("limit=2 showed 2 rows, limit={highest} showed {rows}");
        limit = Some(Limit { rows: highest, evidence });
    }
    let paging = paging::find(question, &shape, &two, limit.is_some()).await;
    let unknown = Question { by_topic: false, ..*question };
    let of_unknown = unknown.page("topic=onceproof-probe-nobody").await;
    let shown_of_unknown = unknown.ids(&shape, "topic=onceproof-probe-nobody").await;
    Listed {
        path: question.path.to_owned(),
        by_topic: question.by_topic,
        heeds_topic: of_unknown.is_some() && shown_of_unknown.is_empty(),
        unknown_is_404: of_unknown.is_some_and(|page| page.response.status == 404),
        limit,
        paging,
        at_once,
        response: response.in_one_line(),
        shape,
    }
}

/// Writes how the listing is asked and read.
pub(super) fn say(listed: Result<&Listed, &String>, draft: &mut Draft) {
    const TABLE: &str = "target.listing";
    let listed = match listed {
        Ok(listed) => listed,
        Err(seen) => {
            draft.note(TABLE, seen);
            draft.note(TABLE, "fill in: path = \"/...\", and rows = \"/...\", paging and [target.listing.fields] if they differ from the defaults");
            return;
        }
    };
    draft.set(TABLE, "path", &listed.path, &format!("GET {} answered {}", listed.path, listed.response));
    draft.set(TABLE, "rows", &listed.shape.rows, "place of the list that shows the events of the probe");
    match listed.by_topic {
        true => draft.set(TABLE, "topics", "each", "only requests that name their topic show the events"),
        false => draft.set(TABLE, "topics", "all", "requests that name no topic show the events, too"),
    }
    match &listed.limit {
        Some(Limit { rows, evidence }) => draft.number(TABLE, "limit", *rows, evidence),
        None => draft.set("target.listing.parameters", "limit", "", "the target ignored limit=2"),
    }
    if !listed.heeds_topic && !listed.by_topic {
        draft.set(
            "target.listing.parameters",
            "topic",
            "",
            "the target ignored the topic: a request for an unused topic showed the events, too",
        );
    }
    if listed.unknown_is_404 {
        draft.list(TABLE, "empty", &["404".to_owned()], "status of the response for a topic without events");
    }
    paging::say(&listed.paging, draft);
    say_fields(&listed.shape, draft);
}

/// Writes the names of the fields, and the promises about their contents.
fn say_fields(shape: &Shape, draft: &mut Draft) {
    const TABLE: &str = "target.listing.fields";
    draft.set(TABLE, "event_id", &shape.event_id, "place of the event id");
    let others = [("topic", &shape.topic), ("source", &shape.source)];
    for (field, place) in others {
        match place {
            Some(place) => draft.set(TABLE, field, place, "place of the value that was sent"),
            None => draft.set(TABLE, field, "", "rows do not show it"),
        }
    }
    match &shape.timestamp {
        Some(Shown { at, .. }) => draft.set(TABLE, "timestamp", at, "place of the time that was sent"),
        None => draft.set(TABLE, "timestamp", "", "rows do not show it as sent"),
    }
    match &shape.payload {
        Some(Shown { at, .. }) => draft.set(TABLE, "payload", at, "place of the value that was sent"),
        None => draft.set(TABLE, "payload", "", "rows do not show it as sent"),
    }
}
