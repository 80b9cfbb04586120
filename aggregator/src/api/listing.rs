//! `GET /events`: stored events, newest first, page by page.
//!
//! The cursor is the last row's `seq`, which is unique and never changes. While nothing is written,
//! pages of any size show every row once. With several writers on PostgreSQL, `seq` is not the
//! order of commits. So a listing made during writes may miss a row that commits late; a listing
//! made afterwards does not.
//!
//! A page is read in parts, and a client that accepts lines gets all pages as one stream. Each part
//! is read once the client has taken the one before. So only one part is in memory, and no snapshot
//! is held open while events are stored.

mod form;
mod parts;

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, Version, header};
use axum::response::{IntoResponse, Response};

use self::form::{Form, LINES, Row};
use crate::api::app::App;
use crate::api::error::{ApiError, Faults, Forbidden, Unauthorized, Unavailable};
use crate::api::query::Parameters;
use crate::event::Fault;
use crate::store::{Page, PageRequest};

const MAX_LIMIT: u32 = 10_000;
/// Parameters of other ways of paging, which are refused. Other unknown parameters are ignored; but
/// a client that asks for a further page by one of these would get the first page again.
const OTHER_WAYS: [&str; 3] = ["offset", "skip", "page"];

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
        Forbidden,
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
    let mut page = parts::page(&app, &request).await?;
    let form = if accepts(&headers, LINES) { Form::Lines } else { Form::Array };
    // In HTTP/1.0 a body that breaks off looks like a whole one.
    let may_stream = version > Version::HTTP_10;
    if !may_stream {
        page.end_after_first_part();
    }
    let is_all = form == Form::Lines && request.limit.is_none() && may_stream;
    let link = link(&page, &request).filter(|_| !is_all);
    let body = parts::body(app, request, form, is_all, page)?;
    let mut response = ([(header::CONTENT_TYPE, form.media_type())], body).into_response();
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
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
        let page = Page { next: Some(9), ..Page::empty() };
        let link = link(&page, &request).unwrap();
        assert_eq!(link, "</events?cursor=9&limit=1&topic=a%20%26%3E%C3%A9>; rel=\"next\"");
    }
}
