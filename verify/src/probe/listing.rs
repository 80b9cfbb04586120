//! Listing of a target: its path, its parameters, its pages.

mod instead;
mod paging;
mod question;

use self::paging::Way;
use self::question::{Base, Found, Question, has_no_rows, longest_list};
use super::asking::Asker;
use super::draft::Draft;
use super::pace::{Looks, Pace};
use super::response::Response;
use super::rows::{Sent, Shape, is_in_list};

/// Paths that are tried.
pub(super) const PATHS: [&str; 6] = ["/events", "/api/events", "/logs", "/items", "/messages", "/records"];

/// Topic that nobody used.
const NOBODY: &str = "onceproof-probe-nobody";

/// Rows to ask for in one page.
const LIMIT: u64 = 1000;

/// Rows to ask for if that is too many.
const LOWER_LIMIT: u64 = 100;

/// Listing that was found.
#[derive(Debug)]
pub(super) struct Listed {
    base: Base,
    /// Event that was looked for.
    event: Sent,
    shape: Shape,
    /// True if requests have to name the topic in a parameter.
    by_topic: bool,
    /// True if the topic of a request makes a difference.
    heeds_topic: bool,
    /// True if the response for a topic without events has status 404.
    unknown_is_404: bool,
    /// Limit to ask for; none if the target ignores it.
    limit: Option<Limit>,
    paging: Way,
    /// Reason why not all questions could be asked; none if they were.
    unread: Option<String>,
    /// Parameters of the page that showed the event; none if it was no first page.
    first: Option<String>,
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

/// First page of a listing.
enum First {
    /// Page that shows the event, and the parameters that it was asked with.
    Shows(Box<Found>, String),
    /// Page without rows.
    Empty,
    /// Page of other rows, or no page.
    Other,
}

/// Looks for an event until a listing shows it, at these URLs. The error says what was shown instead.
pub(super) async fn find(
    asker: &Asker,
    urls: &[String],
    event: &Sent,
    topics: &[String],
) -> Result<Listed, String> {
    let mut bases: Vec<Base> = urls.iter().map(|url| Base::of(url, topics)).collect();
    if let [only] = urls
        && asker.get(only).await.is_ok_and(|response| is_absent(&response))
    {
        // A listing that is not there does not come later.
        bases.clear();
    }
    // A search may use up all reads, so it is said beforehand what there is.
    let seen = if urls.len() > 1 { Some(seen_instead(asker, urls, event).await) } else { None };
    let mut pace = Pace::begin();
    loop {
        for base in &bases {
            let question = Question { asker, base, by_topic: false, event };
            if let Some(listed) = look(&question, pace.is_first_or_last()).await {
                return Ok(listed);
            }
        }
        if bases.is_empty() || !pace.next(asker).await {
            return match seen {
                Some(seen) => Err(seen),
                None => Err(seen_instead(asker, urls, event).await),
            };
        }
    }
}

/// Looks for the event once: on the first page, on that of its topic, and then further on, if it
/// `goes_further`.
async fn look(whole: &Question<'_>, goes_further: bool) -> Option<Listed> {
    let first = first_page(whole).await;
    if let First::Shows(found, parameters) = first {
        return Some(describe(whole, *found, Some(parameters)).await);
    }
    let of_topic = Question { by_topic: true, ..*whole };
    let can_ask = !whole.event.topic.is_empty() && !whole.base.has_topic;
    if can_ask && let First::Shows(found, parameters) = first_page(&of_topic).await {
        // The event may have been stored between the two questions.
        return Some(match whole.first(&parameters).await {
            Some(found) => describe(whole, found, Some(parameters)).await,
            None => describe(&of_topic, *found, Some(parameters)).await,
        });
    }
    if matches!(first, First::Empty) {
        return None;
    }
    if goes_further { further(whole).await } else { None }
}

/// Looks for the event behind the first page, by each limit that makes another first page.
async fn further(whole: &Question<'_>) -> Option<Listed> {
    let mut seen: Vec<String> = Vec::new();
    for limit in [whole.limit(LIMIT), whole.limit(LOWER_LIMIT), String::new()] {
        let first = whole.page(&limit).await?.response;
        if seen.contains(&first.text) {
            continue;
        }
        seen.push(first.text.clone());
        if let Some(found) = whole.further(&limit, first).await {
            return Some(describe(whole, found, None).await);
        }
    }
    None
}

/// Asks for the first page, with the limits that a target may take.
async fn first_page(question: &Question<'_>) -> First {
    for parameters in [question.limit(LIMIT), question.limit(LOWER_LIMIT), String::new()] {
        let Some(page) = question.page(&parameters).await else { continue };
        if has_no_rows(&page.response) {
            return First::Empty;
        }
        if let Some(found) = page.found() {
            return First::Shows(Box::new(found), parameters);
        }
    }
    First::Other
}

/// Says what the URLs show, if none shows the event.
async fn seen_instead(asker: &Asker, urls: &[String], event: &Sent) -> String {
    if let [only] = urls {
        return instead::of(path_of(only), &asker.get(only).await, event);
    }
    let mut refused = None;
    for url in urls {
        let Ok(response) = asker.get(url).await else { continue };
        if longest_list(&response).is_some() {
            return instead::of(path_of(url), &Ok(response), event);
        }
        if !response.is_success() && !is_absent(&response) {
            refused.get_or_insert_with(|| instead::of(path_of(url), &Ok(response), event));
        }
    }
    if let Some(refused) = refused {
        return refused;
    }
    let paths: Vec<&str> = urls.iter().map(|url| path_of(url)).collect();
    format!("no listing showed an event of the probe, at {}", paths.join(", "))
}

/// True if a response says that nothing is at its URL.
fn is_absent(response: &Response) -> bool {
    matches!(response.status, 404 | 405 | 501)
}

/// Path of a URL, without its query.
fn path_of(url: &str) -> &str {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after.find('/').map_or("/", |at| &after[at..]);
    path.split('?').next().unwrap_or_default()
}

/// Asks a listing about its parameters and its pages.
async fn describe(question: &Question<'_>, found: Found, first: Option<String>) -> Listed {
    let Found { response, shape } = found;
    let broken = question.asker.broken();
    let two = question.ids(&shape, &question.limit(2)).await;
    let mut limit = None;
    if two.len() == 2 {
        let all = question.ids(&shape, &question.limit(LIMIT)).await;
        let highest = if all.len() > 2 { LIMIT } else { LOWER_LIMIT };
        let rows = match all.len() {
            0..=2 => question.ids(&shape, &question.limit(LOWER_LIMIT)).await.len(),
            rows => rows,
        };
        let name = &question.base.limit;
        let evidence = format!("{name}=2 showed 2 rows, {name}={highest} showed {rows}");
        limit = Some(Limit { rows: highest, evidence });
    }
    let paging = paging::find(question, &shape, &two, limit.is_some()).await;
    let can_ask = !question.event.topic.is_empty() && !question.base.has_topic;
    let unknown = Question { by_topic: false, ..*question };
    let of_nobody = format!("topic={NOBODY}");
    let page = if can_ask { unknown.page(&of_nobody).await } else { None };
    let is_404 = page.as_ref().is_some_and(|page| page.response.status == 404);
    let shown_of_unknown = match &page {
        Some(page) if !is_404 => longest_list(&page.response),
        _ => None,
    };
    Listed {
        base: question.base.clone(),
        event: question.event.clone(),
        by_topic: question.by_topic,
        heeds_topic: page.is_some() && shown_of_unknown.is_none(),
        unknown_is_404: is_404,
        limit,
        paging,
        unread: question.asker.unreadable_because().or_else(|| {
            (question.asker.broken() > broken).then(|| "a read had no complete response".to_owned())
        }),
        first,
        response: response.in_one_line(),
        shape,
    }
}

impl Listed {
    /// Topic of the event that it showed.
    pub(super) fn topic(&self) -> &str {
        &self.event.topic
    }

    /// True if its first page shows this event; none if it cannot tell.
    pub(super) async fn shows(&self, asker: &Asker, event: &Sent) -> Option<bool> {
        let parameters = self.first.as_ref().filter(|_| !event.id.is_empty())?;
        let question = Question { asker, base: &self.base, by_topic: self.by_topic, event };
        let page = question.page(parameters).await?;
        Some(self.shape.ids_in(&page.response).contains(&event.id))
    }

    /// Looks at the first page until it shows all these events.
    pub(super) async fn looks(&self, asker: &Asker, events: &[Sent]) -> Looks {
        let is_without_id = events.iter().all(|event| event.id.is_empty());
        let Some(parameters) = self.first.as_ref().filter(|_| !is_without_id) else {
            let reason =
                "the first page of the listing does not show the events of the probe, and no other was read";
            return Looks::None(reason.to_owned());
        };
        let mut pace = Pace::begin();
        let place = format!("GET {}", path_of(&self.base.url));
        let mut count = 0;
        // One topic is waited for after the other, because a look at each is a read.
        for group in by_topic(events, self.by_topic || self.base.has_topic) {
            loop {
                let question = Question { asker, base: &self.base, by_topic: self.by_topic, event: group[0] };
                let ids = question.ids(&self.shape, parameters).await;
                let shown = group.iter().filter(|event| ids.contains(&event.id)).count();
                if shown == group.len() {
                    break;
                }
                if !pace.next(asker).await {
                    return pace.missed(place, (count + shown) as u64);
                }
            }
            count += group.len();
        }
        Looks::Shown { place, after: pace.after() }
    }

    /// Base URL of the listing, if it is another than this one, and its path with holes.
    fn place(&self, home: &str) -> (Option<String>, String) {
        let mut query = self.base.query.clone();
        query.extend(self.limit.as_ref().map(|_| format!("{}={{{{limit}}}}", self.base.limit)));
        let names_topic = self.by_topic || self.heeds_topic;
        query.extend((names_topic && !self.base.has_topic).then(|| "topic={{topic}}".to_owned()));
        query.extend(self.paging.parameter());
        let (host, path) = match self.base.url.strip_prefix(home) {
            Some(path) => (None, path),
            None => {
                let scheme = self.base.url.find("://").map_or(0, |at| at + 3);
                let end = self.base.url[scheme..].find('/').map_or(self.base.url.len(), |at| at + scheme);
                let (host, path) = self.base.url.split_at(end);
                (Some(host.to_owned()), path)
            }
        };
        let path = if path.is_empty() { "/" } else { path };
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        (host, format!("{path}{query}"))
    }

    /// Writes how the listing is asked and read. `home` is the base URL of the target.
    pub(super) fn say(&self, home: &str, draft: &mut Draft) {
        const TABLE: &str = "target.listing";
        let (host, path) = self.place(home);
        if let Some(host) = host {
            draft.set(TABLE, "url", &host, "the host of the listing that was given");
        }
        let topics = match (self.by_topic, self.heeds_topic, self.base.has_topic) {
            (true, ..) => "; only requests that name their topic show the events",
            (false, true, _) => "; a request for an unused topic shows none of the events",
            (false, false, true) => "; the topic that was given in the URL became a hole",
            (false, false, false) if !self.base.query.is_empty() => {
                "; requests with the query of the URL show the events"
            }
            (false, false, false) => "; requests that name no topic show the events",
        };
        let shown = format!("GET {} answered {}{topics}", path_of(&self.base.url), self.response);
        draft.template(TABLE, "path", &path, &shown);
        if self.shape.is_lines {
            draft.set(TABLE, "format", "ndjson", "the response is lines of JSON");
        }
        let evidence = match self.shape.copies() {
            Some(_) => "place of the list of the row of an event that its repeat has added to",
            None => "place of the list that shows the events of the probe",
        };
        draft.set(TABLE, "rows", &self.shape.place_of_rows(), evidence);
        match &self.limit {
            Some(Limit { rows, evidence }) => draft.number(TABLE, "limit", *rows, evidence),
            None if self.unread.is_some() => {}
            None => draft.note(TABLE, &format!("the target ignored {}=2", self.base.limit)),
        }
        if self.unknown_is_404 {
            draft.list(
                TABLE,
                "empty",
                &["404".to_owned()],
                "status of the response for a topic without events",
            );
        }
        paging::say(&self.paging, self.unread.as_deref(), draft);
        self.say_fields(draft);
    }

    /// Writes the places of the fields.
    fn say_fields(&self, draft: &mut Draft) {
        const TABLE: &str = "target.listing.fields";
        let shape = &self.shape;
        let evidence = match is_in_list(&shape.event_id) {
            true => "place of the event id, in a list of the row of which no other element is read",
            false => "place of the event id",
        };
        let event_id = shape.seen_from_event(&shape.event_id);
        draft.set(TABLE, "event_id", event_id.as_deref().unwrap_or_default(), evidence);
        let sent = &self.event;
        for (field, place, was_sent) in [
            ("topic", &shape.topic, !sent.topic.is_empty()),
            ("source", &shape.source, !sent.source.is_empty()),
            ("timestamp", &shape.timestamp, sent.has_time),
            ("payload", &shape.payload, !sent.payload.is_empty()),
        ] {
            let seen = place.as_deref().and_then(|place| shape.seen_from_event(place));
            match seen {
                Some(seen) if is_in_list(&seen) => {
                    let evidence = "place of the value that was sent; of its list, no other element is read";
                    draft.set(TABLE, field, &seen, evidence);
                }
                Some(seen) => draft.set(TABLE, field, &seen, "place of the value that was sent"),
                None if place.is_some() => {
                    draft.note(TABLE, &format!("the {field} is an element of a list: it is not compared"));
                }
                None if was_sent => {
                    let note = format!("no place shows the {field} as it was sent: it is not compared");
                    draft.note(TABLE, &note);
                }
                None => {}
            }
        }
        if shape.has_more {
            let evidence = "the listed payload has members that were not sent";
            draft.set("promises", "payload", "contains", evidence);
        }
    }

    /// Reason why the rows may not be the stored events; none if nothing speaks against it.
    pub(super) fn doubt(&self) -> Option<String> {
        let times = self.shape.times.as_ref().filter(|times| !times.has_copies)?;
        Some(format!(
            "the row of an event has a list {}, which may hold an element for each copy of the event: then write \
             rows = {:?} and fields such as \"../id\"",
            times.list,
            self.shape.rows_in(&times.list)
        ))
    }

    /// True if rows do not say their topic, and requests do not name it.
    pub(super) fn lacks_topic(&self) -> bool {
        !self.event.topic.is_empty()
            && self.shape.topic.is_none()
            && !self.by_topic
            && !self.heeds_topic
            && !self.base.has_topic
    }
}

/// Returns the events of each topic if pages show one topic, else all together.
fn by_topic(events: &[Sent], is_by_topic: bool) -> Vec<Vec<&Sent>> {
    let mut groups: Vec<Vec<&Sent>> = Vec::new();
    for event in events {
        match groups.iter_mut().find(|group| !is_by_topic || group[0].topic == event.topic) {
            Some(group) => group.push(event),
            None => groups.push(vec![event]),
        }
    }
    groups
}
