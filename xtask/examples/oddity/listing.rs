//! Pages of the listing.

use std::cmp::Ordering;

use axum::http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;

use crate::row;
use crate::settings::{Filter, Order, Paging, Settings};
use crate::store::{Row, State};
use crate::view::visible;

/// Rows of a page without a limit in its request, and the most that a single page shows.
const PAGE: usize = 1_000;

/// Parameters of a request.
#[derive(Deserialize)]
pub(crate) struct Asked {
    topic: Option<String>,
    limit: Option<usize>,
    /// Number of the last row of the page before.
    cursor: Option<u64>,
    offset: Option<usize>,
}

/// Returns a page. The replica may show less.
pub(crate) fn page(
    state: &State,
    settings: &Settings,
    asked: &Asked,
    is_replica: bool,
) -> (HeaderMap, String) {
    let mut rows: Vec<&Row> =
        visible(state, settings, is_replica).into_iter().map(|place| &state.rows[place]).collect();
    if settings.filter == Filter::Heeded
        && let Some(topic) = &asked.topic
    {
        rows.retain(|row| row.event.topic == *topic);
    }
    let is_first = asked.offset.unwrap_or(0) == 0;
    rows.sort_by(|one, other| compare(settings.order, one, other, is_first));
    let limit = asked.limit.unwrap_or(PAGE);
    let (start, limit) = match settings.paging {
        Paging::Link => (after(&rows, state, settings.order, asked.cursor, Ordering::Greater), limit),
        // A page of one row would never go on.
        Paging::Inclusive => {
            (after(&rows, state, settings.order, asked.cursor, Ordering::Equal), limit.max(2))
        }
        Paging::Offset => (asked.offset.unwrap_or(0).min(rows.len()), limit),
        Paging::One => (0, limit.min(PAGE)),
        Paging::Unlimited => (0, usize::MAX),
    };
    let shown = &rows[start..rows.len().min(start.saturating_add(limit))];
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if matches!(settings.paging, Paging::Link | Paging::Inclusive)
        && start + shown.len() < rows.len()
        && let Some(last) = shown.last()
    {
        let topic = asked.topic.as_ref().map_or_else(String::new, |topic| format!("&topic={topic}"));
        let link = format!("</events?limit={limit}&cursor={}{topic}>; rel=\"next\"", last.seq);
        headers.extend(HeaderValue::from_str(&link).ok().map(|link| (header::LINK, link)));
    }
    let texts: Vec<String> = shown.iter().map(|row| row::text(row, settings.form)).collect();
    (headers, format!("[{}]", texts.join(",")))
}

/// Returns the place of the first row that is behind the one with this number, or is that one if
/// `least` is `Equal`.
fn after(rows: &[&Row], state: &State, order: Order, cursor: Option<u64>, least: Ordering) -> usize {
    let last = cursor.and_then(|seq| state.rows.iter().find(|row| row.seq == seq));
    last.map_or(0, |last| rows.partition_point(|row| compare(order, row, last, true) < least))
}

fn compare(order: Order, one: &Row, other: &Row, is_first_page: bool) -> Ordering {
    match order {
        Order::NewestFirst => other.seq.cmp(&one.seq),
        Order::OldestFirst => one.seq.cmp(&other.seq),
        Order::Key => (&one.event.topic, &one.event.event_id, one.seq).cmp(&(
            &other.event.topic,
            &other.event.event_id,
            other.seq,
        )),
        Order::Ties => {
            let tie = one.seq.cmp(&other.seq);
            other.request.cmp(&one.request).then(if is_first_page { tie } else { tie.reverse() })
        }
    }
}
