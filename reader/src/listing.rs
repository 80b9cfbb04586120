//! Listing of the stored events, read page by page in memory that does not grow with their number.

use std::hash::{DefaultHasher, Hasher};

use reqwest::header::{HeaderMap, LINK};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use truth::observed::rows::{Row, RowTally};
use truth::target::{EventFields, ListedTopics, Paging, StatusPattern};
use url::Url;

use crate::client::{Answer, ReadError, TargetClient};

/// Equal pages in a row that show that the target does not go on. Two may hold copies of one row.
const EQUAL_PAGES: u32 = 3;

/// Course of a whole listing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Paged {
    /// Number of pages.
    pub pages: u64,
    /// True if a next page showed further rows.
    pub went_on: bool,
    /// Rows of the longest listing, if topics are listed one by one.
    pub longest: u64,
    /// Rows of each topic, if topics are listed one by one.
    pub lengths: Vec<u64>,
    /// Rows of topics that were not asked for.
    pub of_others: u64,
    /// Rows of the longest page.
    pub longest_page: u64,
}

impl Paged {
    /// True if the listing may end early: it never had a next page, and the target counts more rows
    /// than were `shown`.
    pub fn looks_capped(&self, shown: u64, counted: Option<u64>) -> bool {
        !self.went_on && counted.is_some_and(|counted| counted > shown)
    }
}

/// Notices a listing that goes round in circles, in constant memory (Brent 1980): it keeps the page
/// at each power of two until the next.
struct Circle {
    kept: String,
    steps: u64,
    power: u64,
    /// Fingerprint of the last page.
    fingerprint: u64,
    /// Number of pages in a row with that fingerprint.
    equal: u32,
}

impl Circle {
    fn new(first: &str) -> Self {
        Self { kept: first.to_owned(), steps: 0, power: 1, fingerprint: 0, equal: 0 }
    }

    fn closes(&mut self, next: &str, page: &Page) -> bool {
        self.equal = if page.fingerprint == self.fingerprint { self.equal + 1 } else { 1 };
        self.fingerprint = page.fingerprint;
        if next == self.kept || (self.equal >= EQUAL_PAGES && !page.rows.is_empty()) {
            return true;
        }
        self.steps += 1;
        if self.steps == self.power {
            next.clone_into(&mut self.kept);
            self.steps = 0;
            self.power *= 2;
        }
        false
    }
}

/// Page of a listing.
struct Page {
    rows: Vec<Row>,
    next: Option<String>,
    /// Hash of the body.
    fingerprint: u64,
}

impl TargetClient {
    /// True if the scenario says where the target lists its events.
    pub fn offers_listing(&self) -> bool {
        self.target().listing.path.is_some()
    }

    /// Lists everything, or these topics one by one if the target has to be asked for each.
    pub async fn list_into(&self, topics: &[String], tally: &mut RowTally<'_>) -> Result<Paged, ReadError> {
        self.list_pages(topics, self.target().listing.limit, tally).await
    }

    /// Lists the same with another page size.
    pub async fn list_pages(
        &self,
        topics: &[String],
        limit: u32,
        tally: &mut RowTally<'_>,
    ) -> Result<Paged, ReadError> {
        let mut paged = Paged::default();
        match self.target().listing.topics {
            ListedTopics::All => {
                self.list_topic(None, limit, tally, &mut paged).await?;
            }
            ListedTopics::Each => {
                for topic in topics {
                    let listed = self.list_topic(Some(topic), limit, tally, &mut paged).await?;
                    paged.lengths.push(listed);
                }
            }
        }
        Ok(paged)
    }

    /// Lists topic by topic a target that can also list all at once. None if it ignores the topic
    /// of the request.
    pub async fn list_by_topic(
        &self,
        topics: &[String],
        limit: u32,
        tally: &mut RowTally<'_>,
    ) -> Result<Option<Paged>, ReadError> {
        let mut paged = Paged::default();
        for topic in topics {
            let listed = self.list_topic(Some(topic), limit, tally, &mut paged).await?;
            paged.lengths.push(listed);
            if paged.of_others > 0 {
                return Ok(None);
            }
        }
        Ok(Some(paged))
    }

    /// Returns true if the first page of a listing shows an event of this run.
    pub async fn shows_any(&self, topics: &[String], tally: &mut RowTally<'_>) -> Result<bool, ReadError> {
        let asked: Vec<Option<&String>> = match self.target().listing.topics {
            ListedTopics::All => vec![None],
            ListedTopics::Each => topics.iter().map(Some).collect(),
        };
        for topic in asked {
            let url = self.first_page(topic, self.target().listing.limit)?;
            let page = self.page(&url, topic).await?;
            page.rows.iter().for_each(|row| tally.take(row));
        }
        Ok(tally.ours.count + tally.wrong_topic + tally.never_planned > 0)
    }

    /// Returns the rows of a topic's first page.
    pub(super) async fn first_rows(&self, topic: &String) -> Result<Vec<Row>, ReadError> {
        let url = self.first_page(Some(topic), self.target().listing.limit)?;
        Ok(self.page(&url, Some(topic)).await?.rows)
    }

    /// Lists one topic, or all at once, and returns the number of rows.
    async fn list_topic(
        &self,
        topic: Option<&String>,
        limit: u32,
        tally: &mut RowTally<'_>,
        paged: &mut Paged,
    ) -> Result<u64, ReadError> {
        let first = self.first_page(topic, limit)?;
        let listing = &self.target().listing;
        let names = &listing.parameters;
        let mut url = first.clone();
        let mut circle = Circle::new(&first);
        let mut page_number = listing.first_page;
        let mut listed = 0_u64;
        tally.copies.begin_listing();
        loop {
            let page = self.page(&url, topic).await?;
            tally.copies.begin_page();
            self.trace().add_rows(page.rows.len() as u64);
            paged.pages += 1;
            paged.longest_page = paged.longest_page.max(page.rows.len() as u64);
            paged.went_on |= listed > 0 && !page.rows.is_empty();
            listed += page.rows.len() as u64;
            paged.longest = paged.longest.max(listed);
            // A target that ignores `topic` shows every event under each, so only rows of the topic
            // count.
            let is_asked_for = |row: &Row| topic.is_none_or(|topic| row.topic == *topic);
            for row in &page.rows {
                if is_asked_for(row) {
                    tally.take(row);
                } else {
                    paged.of_others += 1;
                }
            }
            let has_rows = !page.rows.is_empty();
            let with = |name: &String, value: &str| with_query(&first, &[(name.as_str(), value)]).map(Some);
            let next = match listing.paging {
                Paging::Link | Paging::Cursor if page.next.is_none() => None,
                Paging::Offset | Paging::Page if !has_rows => None,
                Paging::Link => page.next.clone(),
                Paging::Cursor => with(&names.cursor, page.next.as_deref().unwrap_or_default())?,
                Paging::Offset => with(&names.offset, &listed.to_string())?,
                Paging::Page => {
                    page_number += 1;
                    with(&names.page, &page_number.to_string())?
                }
                Paging::None => None,
            };
            let Some(next) = next else { return Ok(listed) };
            if circle.closes(&next, &page) {
                return Err(shape(&url, "the next page is an earlier page again"));
            }
            url = next;
        }
    }

    fn first_page(&self, topic: Option<&String>, limit: u32) -> Result<String, ReadError> {
        let path = self.target().listing.path.as_deref().ok_or(ReadError::NotOffered { what: "listing" })?;
        let limit = limit.to_string();
        let names = &self.target().listing.parameters;
        let mut query = vec![(names.limit.as_str(), limit.as_str())];
        query.extend(topic.map(|topic| (names.topic.as_str(), topic.as_str())));
        with_query(&self.url(path), &query)
    }

    async fn page(&self, url: &str, topic: Option<&String>) -> Result<Page, ReadError> {
        let mut retry = self.retry();
        loop {
            match self.page_once(url, topic).await {
                Ok(page) => return Ok(page),
                Err(error) => retry.after(error).await?,
            }
        }
    }

    async fn page_once(&self, url: &str, topic: Option<&String>) -> Result<Page, ReadError> {
        let answer = self.read(url).await?;
        let listing = &self.target().listing;
        let is_empty =
            |pattern: &StatusPattern| pattern.is_exactly(answer.status) || pattern.is_class_of(answer.status);
        if listing.empty.iter().any(is_empty) {
            return Ok(Page { rows: Vec::new(), next: None, fingerprint: 0 });
        }
        let Answer { headers, body, .. } = answer.success(url)?;
        let mut next = next_link(url, &headers)?;
        let rows = self.rows(&body, topic).map_err(|reason| shape(url, &reason))?;
        if listing.paging == Paging::Cursor {
            next = next_cursor(&body, listing.next.as_deref().unwrap_or_default());
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(&body);
        Ok(Page { rows, next, fingerprint: hasher.finish() })
    }

    fn rows(&self, body: &[u8], topic: Option<&String>) -> Result<Vec<Row>, String> {
        let text = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8".to_owned())?;
        let pointer = self.target().listing.rows.as_str();
        let list = at_pointer(text, pointer)
            .ok_or_else(|| format!("there is no `{pointer}`; set target.listing.rows to the list of rows"))?;
        let rows: Vec<&RawValue> = serde_json::from_str(list)
            .map_err(|error| format!("what is at `{pointer}` is not a list: {error}"))?;
        let fields = self.target().listing.fields.over(&self.target().fields);
        rows.iter().map(|row| parse_row(row.get(), &fields, topic)).collect()
    }
}

/// Returns the raw text at a JSON pointer, with all numbers and texts below it as they were
/// written.
fn at_pointer<'a>(text: &'a str, pointer: &str) -> Option<&'a str> {
    let mut here = text;
    for name in pointer.split('/').skip(1) {
        let name = name.replace("~1", "/").replace("~0", "~");
        let members: Members<'a> = serde_json::from_str(here).ok()?;
        here = members.0.get(name.as_str())?.get();
    }
    Some(here)
}

#[derive(Deserialize)]
struct Members<'a>(#[serde(borrow)] std::collections::HashMap<std::borrow::Cow<'a, str>, &'a RawValue>);

fn parse_row(text: &str, fields: &EventFields, topic: Option<&String>) -> Result<Row, String> {
    let members: Members<'_> =
        serde_json::from_str(text).map_err(|error| format!("a row is not a JSON object: {error}"))?;
    // A field whose name is empty is not shown by the target.
    let raw = |name: &str| match name {
        "" => None,
        pointer if pointer.starts_with('/') => at_pointer(text, pointer),
        name => members.0.get(name).map(|value| value.get()),
    };
    let string = |name: &str| raw(name).map(as_text);
    let content = |name: &str| raw(name).filter(|raw| *raw != "null").map(as_text);
    let no_field =
        |name: &str| format!("a row has no field `{name}`; name the right one in target.listing.fields");
    let own_topic = string(&fields.topic).or_else(|| topic.cloned());
    Ok(Row {
        topic: own_topic.ok_or_else(|| no_field(&fields.topic))?,
        event_id: string(&fields.event_id).ok_or_else(|| no_field(&fields.event_id))?,
        timestamp: content(&fields.timestamp),
        source: content(&fields.source),
        payload: raw(&fields.payload).map(str::to_owned),
    })
}

/// Returns the value of a JSON string, and anything else as its own text.
fn as_text(raw: &str) -> String {
    match serde_json::from_str::<Value>(raw) {
        Ok(Value::String(text)) => text,
        _ => raw.to_owned(),
    }
}

/// Returns a URL with these parameters, except those without a name.
fn with_query(url: &str, query: &[(&str, &str)]) -> Result<String, ReadError> {
    let mut parsed = Url::parse(url).map_err(|error| shape(url, &error.to_string()))?;
    for (name, value) in query.iter().filter(|(name, _)| !name.is_empty()) {
        parsed.query_pairs_mut().append_pair(name, value);
    }
    Ok(parsed.to_string())
}

/// Returns the cursor at a JSON pointer of a page. None if there is no further page.
fn next_cursor(body: &[u8], pointer: &str) -> Option<String> {
    let text = at_pointer(std::str::from_utf8(body).ok()?, pointer)?;
    Some(as_text(text)).filter(|cursor| !matches!(cursor.as_str(), "" | "null" | "false"))
}

/// Returns the absolute URL of `Link: <...>; rel="next"` (RFC 8288).
pub fn next_link(url: &str, headers: &HeaderMap) -> Result<Option<String>, ReadError> {
    for header in headers.get_all(LINK) {
        let Ok(text) = header.to_str() else { continue };
        for link in text.split(",<").flat_map(|part| part.split(", <")) {
            let Some((reference, parameters)) = link.trim_start_matches('<').split_once('>') else {
                continue;
            };
            let is_next = |parameter: &str| {
                let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
                name.trim().eq_ignore_ascii_case("rel")
                    && relations.any(|rel| rel.eq_ignore_ascii_case("next"))
            };
            if parameters.split(';').any(is_next) {
                let base = Url::parse(url).map_err(|error| shape(url, &error.to_string()))?;
                let next = base
                    .join(reference)
                    .map_err(|error| shape(url, &format!("its Link header holds no URL: {error}")))?;
                // The headers may hold a secret, which only the target may see.
                if next.origin() != base.origin() {
                    return Err(shape(
                        url,
                        "the next page is on another host, which must not see the headers",
                    ));
                }
                return Ok(Some(next.to_string()));
            }
        }
    }
    Ok(None)
}

fn shape(url: &str, reason: &str) -> ReadError {
    ReadError::Shape { url: url.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_in_any_spelling_of_link() {
        let table = [
            (r#"</events?cursor=5>; rel="next""#, Some("http://h/events?cursor=5")),
            (
                r#"<http://h/a>; rel=prev, <?cursor=9>; title="x"; rel="last next""#,
                Some("http://h/events?cursor=9"),
            ),
            (r#"<http://h/a>; rel="prev""#, None),
            ("rubbish", None),
        ];
        for (header, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(LINK, header.parse().unwrap());
            let next = next_link("http://h/events?limit=2", &headers).unwrap();
            assert_eq!(next.as_deref(), expected, "{header}");
        }
    }

    #[test]
    fn a_page_does_not_lead_to_another_host() {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, r#"<http://elsewhere/events?cursor=5>; rel="next""#.parse().unwrap());
        assert!(next_link("http://h/events", &headers).is_err());
    }

    #[test]
    fn rows_keep_the_spelling_of_their_payload() {
        let text = r#"{"data":{"items":[{"topic":"a","event_id":"b","payload":{"x": 1.0}}]}}"#;
        let list = at_pointer(text, "/data/items").unwrap();
        let rows: Vec<&RawValue> = serde_json::from_str(list).unwrap();
        let row = parse_row(rows[0].get(), &EventFields::default(), None).unwrap();
        assert_eq!(row.payload.as_deref(), Some(r#"{"x": 1.0}"#));
        assert_eq!((row.topic.as_str(), row.timestamp), ("a", None));
    }
}
