//! How a target shows what it stored: where, asked how, page by page.

use std::time::{Duration, Instant};

use truth::scenario::promises::TimestampEquality;
use truth::target::Paging;
use url::form_urlencoded::byte_serialize;

use super::answers::{escaped, find_lists};
use super::asking::{Answer, Asker, Sent};
use super::draft::Draft;
use super::publish::{Exchanges, WayIn};
use super::rows::{Kept, Shape};

/// Where listings may be.
const PATHS: [&str; 6] = ["/events", "/api/events", "/logs", "/items", "/messages", "/records"];

/// How long an event that was taken may take to be shown, and between two looks.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(100);

/// Rows to ask for in one page, and what is tried where that is too many.
const LIMIT: u64 = 1000;
const LOWER_LIMIT: u64 = 100;

/// How many pages are looked at one after the other, and how far numbers of pages or rows are tried.
const MOST_PAGES: u32 = 100;
const FARTHEST: u64 = 1 << 30;

/// A listing that was found.
#[derive(Debug)]
pub(super) struct Listed {
    path: String,
    shape: Shape,
    /// Whether the topic has to be named.
    by_topic: bool,
    /// Whether naming it makes a difference.
    heeds_topic: bool,
    /// Whether a topic that nothing was stored under is answered with 404.
    unknown_is_404: bool,
    /// The limit to ask for, and why; none if none is heeded.
    limit: Option<(u64, String)>,
    paging: Way,
    /// Whether the first look after the last answer showed its events.
    pub(super) at_once: bool,
    told: String,
}

/// The way from page to page.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Way {
    Plain(Paging),
    Page { first: u32 },
    Cursor { next: String, parameter: String },
}

/// A listing, with what a question of it is made of.
struct Asking<'a> {
    asker: &'a Asker,
    path: &'a str,
    by_topic: bool,
    event: &'a Sent,
}

impl Asking<'_> {
    async fn page(&self, parameters: &str) -> Option<(Answer, Option<Shape>)> {
        let topic = byte_serialize(self.asker.topic.as_bytes()).collect::<String>();
        let topic = if self.by_topic { format!("&topic={topic}") } else { String::new() };
        let query = format!("{parameters}{topic}");
        let answer = self.asker.get(&format!("{}?{}", self.path, query.trim_start_matches('&'))).await?;
        let shape = Shape::of(&answer, self.event, &self.asker.topic);
        Some((answer, shape))
    }

    /// The first page without a row that was sent, if it has others.
    async fn others(&self, parameters: &str) -> Option<(Answer, u64)> {
        let (answer, _) = self.page(parameters).await?;
        let rows = longest_list(&answer)?;
        Some((answer, rows))
    }

    /// Looks for the event behind the first page, where a store shows its oldest rows first and has many: by an offset or
    /// a page number, which lead anywhere, to the last rows; by links, for so many pages.
    async fn further(&self, limit: &str) -> Option<(Answer, Shape)> {
        let (first, rows) = self.others(limit).await?;
        let at = |name: &'static str, number: u64| format!("{limit}&{name}={number}");
        for (name, step) in [("offset", rows), ("page", 1)] {
            let has_rows = async |nth: u64| self.others(&at(name, nth * step)).await.is_some();
            let (mut low, mut high) = (0, 1);
            while high < FARTHEST && has_rows(high).await {
                (low, high) = (high, high * 2);
            }
            while high - low > 1 && high < FARTHEST {
                let middle = low + (high - low) / 2;
                if has_rows(middle).await { low = middle } else { high = middle }
            }
            // The last page may have been full when it was asked for.
            for nth in [low, high] {
                if let Some((answer, Some(shape))) = self.page(&at(name, nth * step)).await {
                    return Some((answer, shape));
                }
            }
        }
        self.follow(first).await
    }

    /// Follows the links of pages until one shows the event.
    async fn follow(&self, first: Answer) -> Option<(Answer, Shape)> {
        let mut next = first.next;
        for _ in 0..MOST_PAGES {
            let answer = self.asker.get_url(&next?).await?;
            if let Some(shape) = Shape::of(&answer, self.event, &self.asker.topic) {
                return Some((answer, shape));
            }
            next = answer.next;
        }
        None
    }

    /// Ids of a page of the shape that is known.
    async fn ids(&self, shape: &Shape, parameters: &str) -> Vec<String> {
        let Some((answer, _)) = self.page(parameters).await else { return Vec::new() };
        let rows = answer.json.as_ref().and_then(|body| body.pointer(&shape.rows)?.as_array().cloned());
        let place = if shape.event_id.starts_with('/') {
            shape.event_id.clone()
        } else {
            format!("/{}", escaped(&shape.event_id))
        };
        let id = |row: &serde_json::Value| row.pointer(&place).map(serde_json::Value::to_string);
        rows.unwrap_or_default().iter().filter_map(id).collect()
    }
}

/// Looks for the last event that was sent, until it is shown somewhere; else says what was shown instead.
pub(super) async fn find(asker: &Asker, way_in: &WayIn, sent: &Exchanges) -> Result<Listed, String> {
    let event = &sent.last;
    let deadline = Instant::now() + SHOWN_WITHIN;
    let mut at_once = true;
    let paths: Vec<&str> = PATHS.into_iter().chain([way_in.path.as_str()]).collect();
    loop {
        for path in &paths {
            let whole = Asking { asker, path, by_topic: false, event };
            if let Some((answer, shape)) = on_first_page(&whole).await {
                return Ok(describe(&whole, &answer, shape, at_once).await);
            }
            let of_topic = Asking { by_topic: true, ..whole };
            if let Some((answer, shape)) = on_first_page(&of_topic).await {
                // One that shows its rows without being asked for a topic may have too many to show ours at first.
                if !whole.ids(&shape, "").await.is_empty() {
                    let listed = describe(&whole, &answer, shape.clone(), at_once).await;
                    if listed.paging != Way::Plain(Paging::None) {
                        return Ok(listed);
                    }
                }
                return Ok(describe(&of_topic, &answer, shape, at_once).await);
            }
            for limit in [format!("limit={LIMIT}"), format!("limit={LOWER_LIMIT}"), String::new()] {
                if let Some((answer, shape)) = whole.further(&limit).await {
                    // It took a while to get there.
                    return Ok(describe(&whole, &answer, shape, false).await);
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

async fn on_first_page(asking: &Asking<'_>) -> Option<(Answer, Shape)> {
    for parameters in [format!("limit={LIMIT}"), format!("limit={LOWER_LIMIT}"), String::new()] {
        if let Some((answer, Some(shape))) = asking.page(&parameters).await {
            return Some((answer, shape));
        }
    }
    None
}

/// What the paths show, where none shows what was sent.
async fn seen_instead(asker: &Asker, paths: &[&str]) -> String {
    for path in paths {
        let Some(answer) = asker.get(path).await else { continue };
        if let Some(rows) = longest_list(&answer) {
            return format!("GET {path} shows {rows} rows, and none that was sent, nor a way to it");
        }
    }
    format!("no listing showed what was sent, at {}", paths.join(", "))
}

/// Rows of the longest list of objects in a page; none if it has no row.
fn longest_list(page: &Answer) -> Option<u64> {
    let body = page.json.as_ref().filter(|_| page.is_success())?;
    let mut lists = Vec::new();
    find_lists(body, "", &mut lists);
    let rows = lists.iter().filter_map(|list| body.pointer(list)?.as_array());
    let of_objects = rows.filter(|rows| rows.first().is_some_and(serde_json::Value::is_object));
    of_objects.map(|rows| rows.len() as u64).max()
}

async fn describe(asking: &Asking<'_>, answer: &Answer, shape: Shape, at_once: bool) -> Listed {
    let two = asking.ids(&shape, "limit=2").await;
    let mut limit = None;
    if two.len() == 2 {
        let all = asking.ids(&shape, &format!("limit={LIMIT}")).await;
        let highest = if all.len() > 2 { LIMIT } else { LOWER_LIMIT };
        let rows = if all.len() > 2 {
            all.len()
        } else {
            asking.ids(&shape, &format!("limit={LOWER_LIMIT}")).await.len()
        };
        limit = Some((highest, format!("limit=2 showed 2 rows, limit={highest} showed {rows}")));
    }
    let paging = way_on(asking, &shape, &two, limit.is_some()).await;
    let unknown = Asking { asker: asking.asker, path: asking.path, by_topic: false, event: asking.event };
    let of_unknown = unknown.page("topic=onceproof-probe-nobody").await;
    let shown_of_unknown = unknown.ids(&shape, "topic=onceproof-probe-nobody").await;
    Listed {
        path: asking.path.to_owned(),
        by_topic: asking.by_topic,
        heeds_topic: of_unknown.is_some() && shown_of_unknown.is_empty(),
        unknown_is_404: of_unknown.is_some_and(|(answer, _)| answer.status == 404),
        limit,
        paging,
        at_once,
        told: answer.told(),
        shape,
    }
}

/// How to get what does not fit one page: by asking for the second.
async fn way_on(asking: &Asking<'_>, shape: &Shape, first: &[String], heeds_limit: bool) -> Way {
    let limit = if heeds_limit { "limit=2&" } else { "" };
    if let Some((answer, _)) = asking.page(limit.trim_end_matches('&')).await {
        if answer.next.is_some() {
            return Way::Plain(Paging::Link);
        }
        if let Some(way) = by_cursor(asking, shape, first, &answer, limit).await {
            return way;
        }
    }
    let all = asking.ids(shape, limit.trim_end_matches('&')).await;
    let step = if heeds_limit { 2 } else { 1 };
    let further = asking.ids(shape, &format!("{limit}offset={step}")).await;
    if !further.is_empty() && further.first() != all.first() {
        return Way::Plain(Paging::Offset);
    }
    for first_page in [1, 0] {
        let own = asking.ids(shape, &format!("{limit}page={first_page}")).await;
        let next = asking.ids(shape, &format!("{limit}page={}", first_page + 1)).await;
        if own == all && next != all {
            return Way::Page { first: first_page };
        }
    }
    Way::Plain(Paging::None)
}

async fn by_cursor(
    asking: &Asking<'_>,
    shape: &Shape,
    first: &[String],
    answer: &Answer,
    limit: &str,
) -> Option<Way> {
    let members = answer.json.as_ref()?.as_object()?;
    for (name, value) in members {
        let cursor =
            value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|number| number.to_string()));
        let looks_so =
            ["next", "cursor", "after", "token"].iter().any(|part| name.to_ascii_lowercase().contains(part));
        let Some(cursor) = cursor.filter(|_| looks_so) else { continue };
        for parameter in ["cursor", "after", "next", name.as_str()] {
            let further = asking.ids(shape, &format!("{limit}{parameter}={cursor}")).await;
            if !further.is_empty() && further.first() != first.first() {
                let next = format!("/{}", escaped(name));
                return Some(Way::Cursor { next, parameter: parameter.to_owned() });
            }
        }
    }
    None
}

/// Says how the listing is asked and read.
pub(super) fn say(listed: Result<&Listed, &String>, draft: &mut Draft) {
    const TABLE: &str = "target.listing";
    let listed = match listed {
        Ok(listed) => listed,
        Err(seen) => {
            draft.note(TABLE, seen);
            draft.note(TABLE, "fill in: path = \"/...\", and rows = \"/...\", paging, [target.listing.fields] if they differ");
            draft.set("promises", "payload", "none", "nothing shows what became of payloads");
            draft.set("promises", "timestamp", "none", "nothing shows what became of timestamps");
            return;
        }
    };
    draft.set(TABLE, "path", &listed.path, &format!("GET {} answered {}", listed.path, listed.told));
    draft.set(TABLE, "rows", &listed.shape.rows, "the list that our events stand in");
    let topics = if listed.by_topic { "each" } else { "all" };
    draft.set(TABLE, "topics", topics, "whether our events are shown without naming their topic");
    match &listed.limit {
        Some((limit, seen)) => draft.number(TABLE, "limit", *limit, seen),
        None => draft.set("target.listing.parameters", "limit", "", "limit=2 was not heeded"),
    }
    if !listed.heeds_topic && !listed.by_topic {
        draft.set("target.listing.parameters", "topic", "", "a topic that nobody used shows our events too");
    }
    if listed.unknown_is_404 {
        draft.list(
            TABLE,
            "empty",
            &["404".to_owned()],
            "the answer for a topic that nothing was stored under",
        );
    }
    say_paging(&listed.paging, draft);
    say_fields(&listed.shape, draft);
}

fn say_paging(way: &Way, draft: &mut Draft) {
    const TABLE: &str = "target.listing";
    match way {
        Way::Plain(Paging::Link) => {
            draft.set(TABLE, "paging", "link", "a Link header leads to the next page");
        }
        Way::Plain(Paging::Offset) => draft.set(TABLE, "paging", "offset", "an offset led to further rows"),
        Way::Plain(_) => {
            draft.set(
                TABLE,
                "paging",
                "none",
                "neither a link, a cursor, an offset nor a page number led to further rows",
            );
            draft.note(TABLE, "how many rows it shows at most is not known. If that is fewer than there are, spread the keys: --topics 100");
        }
        Way::Page { first } => {
            draft.set(TABLE, "paging", "page", "a page number led to further rows");
            draft.number(
                TABLE,
                "first_page",
                u64::from(*first),
                "the page that is shown without asking for one",
            );
        }
        Way::Cursor { next, parameter } => {
            draft.set(TABLE, "paging", "cursor", "a cursor in the body led to further rows");
            draft.set(TABLE, "next", next, "where it stands");
            if parameter != "cursor" {
                draft.set("target.listing.parameters", "cursor", parameter, "the parameter that takes it");
            }
        }
    }
}

/// Says what rows call their fields, and what can be promised of the contents.
fn say_fields(shape: &Shape, draft: &mut Draft) {
    const TABLE: &str = "target.listing.fields";
    draft.set(TABLE, "event_id", &shape.event_id, "our id stands there");
    let others = [("topic", &shape.topic), ("source", &shape.source)];
    for (field, place) in others {
        match place {
            Some(place) => draft.set(TABLE, field, place, "what was sent stands there"),
            None => draft.set(TABLE, field, "", "rows do not show it"),
        }
    }
    match &shape.timestamp {
        Some((place, equality)) => {
            draft.set(TABLE, "timestamp", place, "the moment that was sent stands there");
            let (value, kept) = match equality {
                TimestampEquality::Exact => ("exact", "the text is as sent"),
                _ => ("instant", "the moment is as sent, the text is not"),
            };
            draft.set("promises", "timestamp", value, kept);
        }
        None => {
            draft.set(TABLE, "timestamp", "", "rows do not show it as sent");
            draft.set("promises", "timestamp", "none", "it is not shown as sent");
        }
    }
    match &shape.payload {
        Some((place, kept)) => {
            draft.set(TABLE, "payload", place, "what was sent stands there");
            let (value, kept) = match kept {
                Kept::Exact => ("exact", "the text of the payload is as sent, number and order included"),
                Kept::Json => ("json", "the payload is as sent, the text is not"),
                Kept::Respelt => (
                    "json",
                    "the payload is as sent but for how numbers are spelt: 1.50 comes back as 1.5. Numbers like that in a \
                     template, and the trap number_spelling, would be found changed",
                ),
            };
            draft.set("promises", "payload", value, kept);
        }
        None => {
            draft.set(TABLE, "payload", "", "rows do not show it as sent");
            draft.set("promises", "payload", "none", "it is not shown as sent");
        }
    }
}
