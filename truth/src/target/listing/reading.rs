//! What a listing comes to: the request for each page, and the way from one page to the next.
//!
//! The old form is written as a request here. For example, `path = "/events"` with the default
//! parameters is `/events?limit={{limit}}&topic={{topic}}`, and a parameter whose holes are empty is
//! left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::next::Next;
use super::row::RowPlaces;
use super::{ListedTopics, Listing, Paging, Parameters};
use crate::target::fields::EventFields;
use crate::target::pointer::{Pointer, as_text};
use crate::target::reads::RequestForm;
use crate::target::template::{HoleName, Template, encode};

/// Form of the body of a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON value.
    #[default]
    Json,
    /// One JSON value after the other, each of them a row.
    Ndjson,
    /// Lines of values. If all fields are numbers of columns, such as `/0`, there is no header.
    Csv,
}

/// Way from one page to the next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Way {
    /// A `Link` header, which holds a URL.
    Link,
    /// A cursor in the body.
    Body(Pointer),
    /// A cursor in a header.
    Header(String),
    /// A cursor in the last row.
    LastRow(Pointer),
    /// The number of rows so far.
    Offset,
    /// The number of the page.
    Page,
    /// The same request again.
    Again,
    /// No next page.
    None,
}

/// Listing as the reader reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    url: Option<String>,
    method: String,
    path: Template,
    headers: BTreeMap<String, Template>,
    body: Option<Template>,
    /// Form of the body of a page.
    pub format: Format,
    /// Place of the list of rows; `*` stands for every element.
    pub rows: Pointer,
    /// True if the list of rows is absent, or null, where there are no rows.
    pub rows_may_be_absent: bool,
    /// Way to the next page.
    pub way: Way,
    /// True if what the way finds goes where `{{cursor}}` stands. Otherwise it is a URL.
    pub has_cursor: bool,
    /// Cursor of the first page.
    pub first_cursor: String,
    /// Number of the first page.
    pub first_page: u32,
    /// True if the listing is written in the old form: the request for the first page names neither
    /// an offset nor a page, and a page without rows is not the last.
    pub is_old_form: bool,
    /// True if the number of rows can be asked for.
    pub takes_limit: bool,
    /// True if a topic can be asked for.
    pub takes_topic: bool,
    /// True if each topic has to be asked for.
    pub is_by_topic: bool,
    /// Values in the body that end the listing.
    pub until: Vec<(Pointer, String)>,
    /// True if a page begins with rows of the page before.
    pub inclusive: bool,
    /// True if a row that was shown is not shown again.
    pub drains: bool,
    /// Places of a row's fields.
    pub places: RowPlaces,
}

impl Reading {
    /// Form of the request for a page.
    pub fn request(&self) -> RequestForm<'_> {
        RequestForm {
            url: self.url.as_deref(),
            method: &self.method,
            path: &self.path,
            headers: &self.headers,
            body: self.body.as_ref(),
        }
    }
}

/// Returns what a listing comes to; none if the target lists no events.
pub(super) fn of(listing: &Listing, requests: Option<&EventFields>) -> Result<Option<Reading>, String> {
    let pointer =
        |key: &str, text: &str| Pointer::parse(text).map_err(|fault| format!("listing.{key} = {fault}"));
    let rows = pointer("rows", &listing.rows)?;
    let Some(path) = &listing.path else { return Ok(None) };
    let is_request = listing.is_request();
    let path = if is_request { path.clone() } else { old_path(listing, path.as_str())? };
    let way = match &listing.next {
        _ if !is_request => old_way(listing)?,
        None => Way::Link,
        Some(Next::Link) => Way::Link,
        Some(Next::Pointer(text)) => Way::Body(pointer("next", text)?),
        Some(Next::Header(name)) => Way::Header(name.clone()),
        Some(Next::LastRow(text)) => Way::LastRow(pointer("next.last_row", text)?),
        Some(Next::Offset) => Way::Offset,
        Some(Next::Page) => Way::Page,
        Some(Next::Again) => Way::Again,
        Some(Next::None) => Way::None,
    };
    let until = listing
        .until
        .iter()
        .map(|(place, value)| Ok((pointer("until", place)?, as_text(&value.to_string()))));
    let first_page = match &listing.first {
        Some(text) if way == Way::Page => text.parse().map_err(|_| {
            format!("listing.first = \"{text}\" is not the number of a page; write it as \"1\"")
        })?,
        _ => listing.first_page.unwrap_or(1),
    };
    let mut reading = Reading {
        url: listing.url.clone(),
        method: listing.method.clone().unwrap_or_else(|| "GET".to_owned()),
        path,
        headers: listing.headers.clone(),
        body: listing.body.clone(),
        format: listing.format.unwrap_or_default(),
        rows,
        rows_may_be_absent: listing.rows_may_be_absent,
        way,
        has_cursor: false,
        first_cursor: listing.first.clone().unwrap_or_default(),
        first_page,
        is_old_form: !is_request,
        takes_limit: false,
        takes_topic: false,
        is_by_topic: listing.topics == Some(ListedTopics::Each),
        until: until.collect::<Result<_, String>>()?,
        inclusive: listing.inclusive,
        drains: listing.drains,
        places: listing.fields.places(requests),
    };
    let request = reading.request();
    let names = [HoleName::Cursor, HoleName::Limit, HoleName::Topic].map(|name| request.names(&name));
    [reading.has_cursor, reading.takes_limit, reading.takes_topic] = names;
    reading.is_by_topic |= is_request && reading.takes_topic;
    Ok(Some(reading))
}

/// Writes the path of the old form with its parameters as holes.
fn old_path(listing: &Listing, path: &str) -> Result<Template, String> {
    let names = listing.parameters.clone().unwrap_or_default();
    let Parameters { limit, topic, offset, page, cursor } = &names;
    let way = match listing.paging.unwrap_or(Paging::Link) {
        Paging::Offset => Some((offset, HoleName::Offset)),
        Paging::Page => Some((page, HoleName::Page)),
        Paging::Cursor => Some((cursor, HoleName::Cursor)),
        Paging::Link | Paging::None => None,
    };
    let parameters = [(limit, HoleName::Limit), (topic, HoleName::Topic)].into_iter().chain(way);
    let mut text = path.to_owned();
    for (name, hole) in parameters.filter(|(name, _)| !name.is_empty()) {
        let mut encoded = name.clone().into_bytes();
        encode(0, &mut encoded);
        let encoded = String::from_utf8_lossy(&encoded);
        let separator = if text.contains('?') { '&' } else { '?' };
        text.push_str(&format!("{separator}{encoded}={{{{{hole}}}}}"));
    }
    Template::parse(&text).map_err(|error| format!("listing.path: {error}"))
}

fn old_way(listing: &Listing) -> Result<Way, String> {
    Ok(match listing.paging.unwrap_or(Paging::Link) {
        Paging::Link => Way::Link,
        Paging::Offset => Way::Offset,
        Paging::Page => Way::Page,
        Paging::None => Way::None,
        Paging::Cursor => match &listing.next {
            Some(Next::Pointer(text)) => {
                Way::Body(Pointer::parse(text).map_err(|fault| format!("listing.next = {fault}"))?)
            }
            _ => {
                return Err(
                    "listing.paging = \"cursor\" needs listing.next, the place of the next cursor in the body"
                        .to_owned(),
                );
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(text: &str) -> Reading {
        let listing: Listing = toml::from_str(text).unwrap();
        listing.reading(None).unwrap().expect("a path")
    }

    fn fault(text: &str) -> String {
        let listing: Listing = toml::from_str(text).unwrap();
        listing.reading(None).unwrap_err()
    }

    const FIELDS: &str = "fields = { topic = \"t\", event_id = \"i\" }";

    #[test]
    fn the_old_form_is_a_request_with_holes() {
        for (keys, path, way) in [
            ("", "/e?limit={{limit}}&topic={{topic}}", Way::Link),
            ("paging = \"offset\"", "/e?limit={{limit}}&topic={{topic}}&offset={{offset}}", Way::Offset),
            (
                "paging = \"page\"\nparameters = { page = \"page[no]\", limit = \"\" }",
                "/e?topic={{topic}}&page%5Bno%5D={{page}}",
                Way::Page,
            ),
            (
                "paging = \"cursor\"\nnext = \"/next\"\nparameters = { topic = \"\" }",
                "/e?limit={{limit}}&cursor={{cursor}}",
                Way::Body(Pointer::parse("/next").unwrap()),
            ),
            ("paging = \"none\"", "/e?limit={{limit}}&topic={{topic}}", Way::None),
        ] {
            let reading = reading(&format!("path = \"/e\"\n{keys}\n{FIELDS}"));
            assert_eq!((reading.path.as_str(), reading.way), (path, way), "{keys}");
            assert!(reading.is_old_form && !reading.is_by_topic, "{keys}");
        }
        let each = reading(&format!("path = \"/e?x=1\"\ntopics = \"each\"\n{FIELDS}"));
        assert_eq!(each.path.as_str(), "/e?x=1&limit={{limit}}&topic={{topic}}");
        assert!(each.is_by_topic && each.takes_limit && each.takes_topic);
    }

    #[test]
    fn the_new_form_is_read_as_it_is_written() {
        let reading = reading(&format!(
            "method = \"POST\"\npath = \"/{{{{topic}}}}/_search\"\nbody = '{{\"after\":{{{{cursor}}}}}}'\n\
             first = '[\"\"]'\nnext = {{ last_row = \"/sort\" }}\nuntil = {{ \"/done\" = true, \"/n\" = 0 }}\n{FIELDS}"
        ));
        let request = reading.request();
        assert_eq!((request.method, request.path.as_str()), ("POST", "/{{topic}}/_search"));
        assert_eq!(reading.way, Way::LastRow(Pointer::parse("/sort").unwrap()));
        assert_eq!((reading.first_cursor.as_str(), reading.first_page), ("[\"\"]", 1));
        assert!(reading.is_by_topic && reading.has_cursor && !reading.takes_limit && !reading.is_old_form);
        let until: Vec<&str> = reading.until.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(until, ["true", "0"]);
    }

    #[test]
    fn an_old_key_beside_its_new_form_is_an_error_that_names_both() {
        for (keys, old, new) in [
            ("path = \"/e?t={{topic}}\"\ntopics = \"each\"", "listing.topics", "{{topic}}"),
            ("path = \"/e\"\nnext = \"none\"\npaging = \"none\"", "listing.paging", "listing.next"),
            ("path = \"/e?l={{limit}}\"\npaging = \"link\"", "listing.paging", "listing.next"),
            ("path = \"/e?l={{limit}}\"\nparameters = { limit = \"l\" }", "listing.parameters", "{{limit}}"),
            (
                "path = \"/e?p={{page}}\"\nnext = \"page\"\nfirst_page = 0",
                "listing.first_page",
                "listing.first",
            ),
        ] {
            let fault = fault(&format!("{keys}\n{FIELDS}"));
            assert!(fault.contains(old) && fault.contains(new), "{keys}: {fault}");
        }
    }

    #[test]
    fn a_listing_that_cannot_be_read_is_refused() {
        for (keys, expected) in [
            ("path = \"/e\"\nnext = \"offset\"", "{{offset}}"),
            ("path = \"/e\"\nnext = \"page\"", "{{page}}"),
            ("path = \"/e?p={{page}}\"\nnext = \"page\"\nfirst = \"a\"", "listing.first"),
            ("path = \"/e\"\nnext = \"again\"", "drains = true"),
            ("path = \"/e?l={{limit}}\"\nuntil = { done = true }", "listing.until = \"done\""),
            ("path = \"/e?i={{event_id}}\"\nnext = \"none\"", "{{event_id}}"),
            ("path = \"/e?i={{kept.pit}}\"\nnext = \"none\"", "kept.pit"),
            ("path = \"/e\"\nformat = \"csv\"\nnext = \"/next\"", "csv"),
            ("path = \"/e\"\nrows = \"items\"", "listing.rows = \"items\" is not a JSON pointer"),
            ("path = \"/e\"\nbefore = [{ path = \"/b\", keep = { a = \"b\" } }]", "listing.before"),
            ("path = \"/e\"\none = { path = \"/e\" }", "listing.one"),
        ] {
            let fault = fault(&format!("{keys}\n{FIELDS}"));
            assert!(fault.contains(expected), "{keys}: {fault}");
        }
        let unnamed = fault("path = \"/e?l={{limit}}\"\nfields = { topic = \"t\" }");
        assert!(unnamed.contains("listing.fields.event_id"), "{unnamed}");
        let missing: Listing = toml::from_str("one = { path = \"/{{event_id}}\" }").unwrap();
        assert_eq!(missing.reading(None), Ok(None));
    }
}
