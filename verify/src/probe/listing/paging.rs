//! Way from one page of a listing to the next.

use url::form_urlencoded::byte_serialize;

use super::super::draft::Draft;
use super::super::json::{elements_at, escaped, scalar};
use super::super::response::Response;
use super::super::rows::Shape;
use super::super::toml_text::quoted;
use super::question::Question;

/// Parts of the names of cursors in a body.
const CURSORS: [&str; 6] = ["next", "cursor", "after", "token", "iterator", "marker"];

/// Table of the listing.
const TABLE: &str = "target.listing";

/// Way from page to page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Way {
    None,
    Link,
    Offset { parameter: &'static str },
    Page { parameter: &'static str, first: u32 },
    Cursor { next: String, parameter: String },
    LastRow { next: String, parameter: &'static str },
}

impl Way {
    /// Returns the parameter of the request that leads to a page.
    pub(super) fn parameter(&self) -> Option<String> {
        match self {
            Self::None | Self::Link => None,
            Self::Offset { parameter } => Some(format!("{parameter}={{{{offset}}}}")),
            Self::Page { parameter, .. } => Some(format!("{parameter}={{{{page}}}}")),
            Self::Cursor { parameter, .. } => Some(format!("{parameter}={{{{cursor}}}}")),
            Self::LastRow { parameter, .. } => Some(format!("{parameter}={{{{cursor}}}}")),
        }
    }
}

/// Finds the way to the second page, by asking for it.
pub(super) async fn find(question: &Question<'_>, shape: &Shape, first: &[String], heeds_limit: bool) -> Way {
    let limit = if heeds_limit { format!("{}&", question.limit(2)) } else { String::new() };
    let Some(page) = question.page(limit.trim_end_matches('&')).await else { return Way::None };
    if page.response.next.is_some() {
        return Way::Link;
    }
    if let Some(way) = by_cursor(question, shape, first, &page.response, &limit).await {
        return way;
    }
    let all = shape.ids_in(&page.response);
    let step = if heeds_limit { 2 } else { 1 };
    for parameter in ["offset", "from", "skip"] {
        let further = question.ids(shape, &format!("{limit}{parameter}={step}")).await;
        if !further.is_empty() && further.first() != all.first() {
            return Way::Offset { parameter };
        }
    }
    for first_page in [1, 0] {
        let own = question.ids(shape, &format!("{limit}page={first_page}")).await;
        let next = question.ids(shape, &format!("{limit}page={}", first_page + 1)).await;
        // No rows may mean that nothing was read.
        if own == all && next != all && !next.is_empty() {
            return Way::Page { parameter: "page", first: first_page };
        }
        if own == all && next == all {
            // The parameter is ignored.
            break;
        }
    }
    by_last_row(question, shape, &page.response, &all, &limit).await.unwrap_or(Way::None)
}

/// Finds the parameter that takes the name of the last row.
async fn by_last_row(
    question: &Question<'_>,
    shape: &Shape,
    page: &Response,
    first: &[String],
    limit: &str,
) -> Option<Way> {
    let rows = elements_at(page.json.as_ref()?, &shape.rows);
    for name in ["id", "_id"] {
        let Some(last) = rows.last().and_then(|row| scalar(row.get(name)?)) else { continue };
        let last: String = byte_serialize(last.as_bytes()).collect();
        for parameter in ["starting_after", "after"] {
            let further = question.ids(shape, &format!("{limit}{parameter}={last}")).await;
            if !further.is_empty() && further.first() != first.first() {
                return Some(Way::LastRow { next: format!("/{name}"), parameter });
            }
        }
    }
    None
}

/// Finds a cursor in the body, and the parameter that takes it.
async fn by_cursor(
    question: &Question<'_>,
    shape: &Shape,
    first: &[String],
    response: &Response,
    limit: &str,
) -> Option<Way> {
    let members = response.json.as_ref()?.as_object()?;
    for (name, value) in members {
        let cursor =
            value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|number| number.to_string()));
        let word = name.to_ascii_lowercase();
        let looks_so = CURSORS.iter().any(|part| word.contains(part));
        let Some(cursor) = cursor.filter(|_| looks_so) else { continue };
        let cursor: String = byte_serialize(cursor.as_bytes()).collect();
        let hidden = format!("_{name}");
        for parameter in ["cursor", "after", "next", "page_token", name.as_str(), hidden.as_str()] {
            let further = question.ids(shape, &format!("{limit}{parameter}={cursor}")).await;
            if !further.is_empty() && further.first() != first.first() {
                let next = format!("/{}", escaped(name));
                return Some(Way::Cursor { next, parameter: parameter.to_owned() });
            }
        }
    }
    None
}

/// Writes how pages are asked for. `unread` says why not all ways could be tried.
pub(super) fn say(way: &Way, unread: Option<&str>, draft: &mut Draft) {
    match way {
        Way::Link => draft.set(TABLE, "next", "link", "a Link header leads to the next page"),
        Way::Offset { .. } => draft.set(TABLE, "next", "offset", "an offset led to further rows"),
        Way::None => {
            let evidence = match unread {
                Some(reason) => format!("no further page was found, and not all ways were tried: {reason}"),
                None => {
                    "neither a link, a cursor, an offset nor a page number led to further rows".to_owned()
                }
            };
            draft.set(TABLE, "next", "none", &evidence);
            let note = "the most rows that it shows is unknown. If it shows fewer than a topic has, spread the events \
                        over more topics: --topics 100";
            draft.note(TABLE, note);
        }
        Way::Page { first, .. } => {
            draft.set(TABLE, "next", "page", "a page number led to further rows");
            let evidence = "the page that a request without a number shows";
            draft.set(TABLE, "first", &first.to_string(), evidence);
        }
        Way::LastRow { next, .. } => {
            let value = format!("{{ last_row = {} }}", quoted(next));
            draft.line(TABLE, "next", &value, "this value of the last row led to further rows");
        }
        Way::Cursor { next, .. } => {
            draft.set(TABLE, "next", next, "a cursor at this place led to further rows");
        }
    }
}
