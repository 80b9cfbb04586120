//! `GET /events`: stored events, newest first, page by page.
//!
//! The cursor is the last row's `seq`, which is unique and never changes. While nothing is written,
//! pages of any size show every row once. With several writers on PostgreSQL, `seq` is not the
//! order of commits. So a listing made during writes may miss a row that commits late; a listing
//! made afterwards does not.
//!
//! A client that accepts lines gets all events as one stream. The stream reads a page once the
//! client has taken the previous one. So only one page is in memory, and no snapshot is held open
//! while events are stored.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, Version, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};

use crate::api::app::App;
use crate::api::error::{ApiError, Faults, Unauthorized, Unavailable};
use crate::api::query::Parameters;
use crate::event::Fault;
use crate::store::{Page, PageRequest, PageRow};

const MAX_LIMIT: u32 = 10_000;
/// One JSON object a line.
const LINES: &str = "application/x-ndjson";
/// Parameters of other ways of paging, which are refused. Other unknown parameters are ignored; but
/// a client that asks for a further page by one of these would get the first page again.
const OTHER_WAYS: [&str; 3] = ["offset", "skip", "page"];

/// A stored event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StoredEvent)]
struct Row<'a> {
    topic: &'a str,
    event_id: &'a str,
    timestamp: &'a str,
    source: &'a str,
    #[schema(schema_with = Payload::schema)]
    payload: Payload<'a>,
    /// Time at which it was stored.
    #[schema(format = DateTime)]
    processed_at: String,
}

/// The payload as it was sent. Text that is not JSON can only come from a person with a database
/// client. It is shown as a string, so that the other rows can still be read.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Payload<'a> {
    Json(&'a RawValue),
    Text(&'a str),
}

/// Lists stored events, newest first, page by page, or all of them as lines
#[utoipa::path(
    get,
    path = "/events",
    params(
        ("topic" = Option<String>, Query, nullable = false,
         description = "Only events of this topic; an unknown topic has none"),
        ("limit" = Option<u32>, Query, nullable = false, minimum = 1, maximum = 10_000,
         description = "Largest number of rows in a page, 1,000 by default. A shorter page may have a next one too"),
        ("cursor" = Option<String>, Query, nullable = false, pattern = "^-?[0-9]{1,18}$",
         description = "Place where the page begins, from the Link header of the previous page"),
    ),
    security((), ("bearer" = [])),
    responses(
        (status = 200,
         description = "A page. All pages, without Link, for a client that accepts lines and sets no limit",
          content((Vec<Row<'static>> = "application/json"), (String = "application/x-ndjson")),
         headers(("Link" = String, description = "The next page, if there is one, with rel=next (RFC 8288)"))),
        Unauthorized,
        (status = 400, description = "As 422, if INVALID_STATUS is 400", body = Faults),
        (status = 422, description = "A parameter is invalid", body = Faults),
        Unavailable,
    )
)]
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    version: Version,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let request = parse(&Parameters::of(&uri)).map_err(|faults| app.invalid(faults))?;
    let page = page(&app, &request).await?;
    let wants_lines = accepts(&headers, LINES);
    // In HTTP/1.0 a body that breaks off looks like a whole one.
    if wants_lines && request.limit.is_none() && version > Version::HTTP_10 {
        return Ok(([(header::CONTENT_TYPE, LINES)], all_lines(app, request, page)).into_response());
    }
    let link = link(&page, &request);
    let mut response = if wants_lines {
        ([(header::CONTENT_TYPE, LINES)], to_lines(&page)).into_response()
    } else {
        ([(header::CONTENT_TYPE, "application/json")], to_json(&page)).into_response()
    };
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

async fn page(app: &App, request: &PageRequest) -> Result<Page, sqlx::Error> {
    // No stored topic holds a NUL, and PostgreSQL would refuse the parameter.
    if request.topic.as_ref().is_some_and(|topic| topic.contains('\0')) {
        return Ok(Page { rows: Vec::new(), next: None });
    }
    app.store.page(request).await
}

/// State of a stream of pages.
enum Step {
    /// A page that was read.
    Have(Page),
    /// Cursor of the next page.
    Read(i64),
    End,
}

/// Streams this page and all that follow. If the database is lost on the way, the body breaks off,
/// which no client mistakes for its end.
fn all_lines(app: Arc<App>, request: PageRequest, first: Page) -> Body {
    let pages = stream::try_unfold((app, request, Step::Have(first)), async |(app, mut request, step)| {
        let page = match step {
            Step::Have(page) => page,
            Step::Read(cursor) => {
                request.cursor = Some(cursor);
                page(&app, &request)
                    .await
                    .inspect_err(|error| tracing::error!(%error, "a listing broke off"))?
            }
            Step::End => return Ok(None),
        };
        let next = page.next.map_or(Step::End, Step::Read);
        Ok::<_, sqlx::Error>(Some((to_lines(&page), (app, request, next))))
    });
    Body::from_stream(pages)
}

/// True if the client names this media type among those that it accepts.
fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let accepted = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media_type));
        is_named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// Parses the query string, or returns every fault in it.
fn parse(parameters: &Parameters) -> Result<PageRequest, Vec<Fault>> {
    let limit = match parameters.text("limit") {
        None => Ok(None),
        Some(text) => {
            let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
            limit.map(Some).ok_or_else(|| {
                Fault::query("limit", "int_range", format!("must be a number from 1 to {MAX_LIMIT}"))
            })
        }
    };
    let cursor = match parameters.text("cursor") {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            Fault::query("cursor", "cursor_parsing", "must be a cursor from the Link header of a page")
        }),
    };
    let topic = parameters.text("topic").map(str::to_owned);
    let other_way = other_way(parameters);
    match (limit, cursor, other_way) {
        (Ok(limit), Ok(cursor), None) => Ok(PageRequest { topic, limit, cursor }),
        (limit, cursor, other_way) => {
            Err(limit.err().into_iter().chain(cursor.err()).chain(other_way).collect())
        }
    }
}

/// Returns the fault of a page that is asked for by its place. `offset=0` and `skip=0` mean the
/// first page; `page` is refused, because some clients count pages from 0 and some from 1.
fn other_way(parameters: &Parameters) -> Option<Fault> {
    let is_meant = |name: &&str| parameters.text(name).is_some_and(|text| *name == "page" || text != "0");
    let name = OTHER_WAYS.into_iter().find(is_meant)?;
    let msg = "pages are not numbered here; the Link header of each leads to the next, by its cursor";
    Some(Fault::query(name, "paging", msg))
}

fn to_json(page: &Page) -> Vec<u8> {
    let rows: Vec<_> = page.rows.iter().map(Row::of).collect();
    serde_json::to_vec(&rows).expect("texts and numbers are always JSON")
}

fn to_lines(page: &Page) -> Vec<u8> {
    let mut lines = Vec::new();
    for row in &page.rows {
        serde_json::to_writer(&mut lines, &Row::of(row)).expect("texts and numbers are always JSON");
        lines.push(b'\n');
    }
    lines
}

/// Header that leads to the next page. The reference is relative, so that it holds behind any
/// proxy.
fn link(page: &Page, request: &PageRequest) -> Option<HeaderValue> {
    let mut link = format!("</events?cursor={}&limit={}", page.next?, request.limit());
    if let Some(topic) = &request.topic {
        link.push_str("&topic=");
        percent_encode(topic, &mut link);
    }
    link.push_str(">; rel=\"next\"");
    Some(HeaderValue::from_str(&link).expect("a percent-encoded text is a header value"))
}

impl Payload<'_> {
    fn schema() -> Schema {
        let kind = |kind| ObjectBuilder::new().schema_type(kind);
        AnyOfBuilder::new()
            .item(kind(Type::Object))
            .item(kind(Type::String))
            .description(Some(
                "As it was sent. A string if somebody changed it in the database to text that is not JSON",
            ))
            .into()
    }
}

impl<'a> Row<'a> {
    fn of(row: &'a PageRow) -> Self {
        let payload = row.payload.as_deref().unwrap_or_default();
        let processed_at = Timestamp::from_millisecond(row.processed_at_ms).unwrap_or_default();
        Self {
            topic: &row.topic,
            event_id: &row.event_id,
            timestamp: &row.timestamp,
            source: &row.source,
            payload: serde_json::from_str(payload).map_or(Payload::Text(payload), Payload::Json),
            processed_at: format!("{processed_at:.3}"),
        }
    }
}

fn percent_encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(byte.into());
        } else {
            write!(into, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(query: &str) -> Result<PageRequest, Vec<Fault>> {
        parse(&Parameters::of(&format!("/events?{query}").parse().unwrap()))
    }

    fn row(seq: i64, payload: Option<&str>) -> PageRow {
        let text = str::to_owned;
        PageRow {
            seq,
            topic: text("t"),
            event_id: text("id"),
            timestamp: text("2025-01-01"),
            source: text("test"),
            payload: payload.map(text),
            processed_at_ms: 0,
        }
    }

    #[test]
    fn a_limit_is_a_number_in_its_range() {
        assert_eq!(request("").unwrap().limit(), 1_000);
        assert_eq!(request("limit=10000").unwrap().limit(), 10_000);
        for query in ["limit=0", "limit=10001", "limit=-1", "limit=", "limit=ten", "limit=1.5", "cursor=x"] {
            assert_eq!(request(query).unwrap_err().len(), 1, "{query}");
        }
        assert_eq!(request("limit=0&cursor=x").unwrap_err().len(), 2);
        assert_eq!(request("limit=0&cursor=x&offset=1").unwrap_err().len(), 3);
    }

    #[test]
    fn only_the_first_page_can_be_asked_for_by_its_place() {
        for query in ["offset=0", "skip=0", "limit=10&offset=0", "order=desc", "pages=2"] {
            assert!(request(query).is_ok(), "{query}");
        }
        for query in ["offset=1", "skip=1000", "page=0", "page=1", "offset=", "offset=-1", "cursor=9&page=2"]
        {
            assert_eq!(request(query).unwrap_err().len(), 1, "{query}");
        }
    }

    #[test]
    fn the_link_encodes_the_topic() {
        let request = request("topic=a%20%26%3E%C3%A9&limit=1").unwrap();
        let page = Page::from_rows(vec![row(9, Some("{}")), row(8, Some("{}"))], &request);
        let link = link(&page, &request).unwrap();
        assert_eq!(link, "</events?cursor=9&limit=1&topic=a%20%26%3E%C3%A9>; rel=\"next\"");
    }

    #[test]
    fn a_payload_is_shown_as_it_was_sent_and_a_spoiled_one_as_text() {
        let request = request("").unwrap();
        let sent = r#"{ "b":1e400, "a":"\ud800", "b":1.0 }"#;
        let page = Page::from_rows(vec![row(2, Some(sent)), row(1, Some("{oops"))], &request);
        let json = String::from_utf8(to_json(&page)).unwrap();
        assert!(json.contains(sent), "{json}");
        assert!(json.contains(r#""payload":"{oops","processed_at":"1970-01-01T00:00:00.000Z""#), "{json}");
    }
}
