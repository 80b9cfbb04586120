//! Questions to a listing, and the pages that answer them.

use url::form_urlencoded::byte_serialize;

use super::super::answers::{escaped, find_lists};
use super::super::asking::{Asker, Response, Sent};
use super::super::rows::Shape;

/// Most pages to follow one after the other.
const MOST_PAGES: u32 = 100;

/// Largest page number, or offset in pages, that is tried.
const FARTHEST: u64 = 1 << 30;

/// Listing to ask.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) asker: &'a Asker,
    pub(super) path: &'a str,
    /// True if each request names the topic.
    pub(super) by_topic: bool,
    /// Event to look for.
    pub(super) event: &'a Sent,
}

/// Page of a listing, and its shape if it shows the event.
pub(super) struct Page {
    pub(super) response: Response,
    pub(super) shape: Option<Shape>,
}

/// Page that shows the event.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) response: Response,
    pub(super) shape: Shape,
}

impl Page {
    fn found(self) -> Option<Found> {
        Some(Found { response: self.response, shape: self.shape? })
    }
}

impl Question<'_> {
    /// Asks for a page. None if no complete response came.
    pub(super) async fn page(&self, parameters: &str) -> Option<Page> {
        let topic = byte_serialize(self.asker.topic.as_bytes()).collect::<String>();
        let topic = if self.by_topic { format!("&topic={topic}") } else { String::new() };
        let query = format!("{parameters}{topic}");
        let response = self.asker.get(&format!("{}?{}", self.path, query.trim_start_matches('&'))).await?;
        let shape = Shape::of(&response, self.event, &self.asker.topic);
        // Rows under a name of their topic have no place that is the same for all topics.
        let shape = shape.filter(|shape| !shape.is_under(&self.asker.topic));
        Some(Page { response, shape })
    }

    /// Looks for the event on the first page.
    pub(super) async fn first(&self, parameters: &str) -> Option<Found> {
        self.page(parameters).await?.found()
    }

    /// Looks for the event after the first page, in a store with many rows that shows the oldest
    /// first.
    ///
    /// An offset or a page number can lead to the last page at once. The number is doubled until a
    /// page is empty, and the last page with rows is then found by bisection: with 2,500 rows and
    /// 1,000 a page, pages 1 and 2 have rows, page 4 has none, page 3 has none, so pages 2 and 3
    /// are searched. Links are followed for `MOST_PAGES` pages.
    pub(super) async fn further(&self, limit: &str) -> Option<Found> {
        let first = self.page(limit).await?.response;
        let rows = longest_list(&first)?;
        let at = |name: &'static str, number: u64| format!("{limit}&{name}={number}");
        for (name, step) in [("offset", rows), ("page", 1)] {
            let has_rows = async |nth: u64| {
                let page = self.page(&at(name, nth * step)).await;
                page.is_some_and(|page| longest_list(&page.response).is_some())
            };
            let mut low = 0;
            let mut high = 1;
            while high < FARTHEST && has_rows(high).await {
                low = high;
                high *= 2;
            }
            while high - low > 1 && high < FARTHEST {
                let middle = low + (high - low) / 2;
                if has_rows(middle).await { low = middle } else { high = middle }
            }
            // The last page may have been full, so that the event is on a page after it.
            for nth in [low, high] {
                if let Some(found) = self.first(&at(name, nth * step)).await {
                    return Some(found);
                }
            }
        }
        self.follow(first).await
    }

    /// Follows the links of pages until one shows the event.
    async fn follow(&self, first: Response) -> Option<Found> {
        let mut next = first.next;
        for _ in 0..MOST_PAGES {
            let response = self.asker.get_url(&next?).await?;
            if let Some(shape) = Shape::of(&response, self.event, &self.asker.topic) {
                return Some(Found { response, shape });
            }
            next = response.next;
        }
        None
    }

    /// Returns the ids of a page, whose shape is known.
    pub(super) async fn ids(&self, shape: &Shape, parameters: &str) -> Vec<String> {
        let Some(page) = self.page(parameters).await else { return Vec::new() };
        let rows =
            page.response.json.as_ref().and_then(|body| body.pointer(&shape.rows)?.as_array().cloned());
        let place = if shape.event_id.starts_with('/') {
            shape.event_id.clone()
        } else {
            format!("/{}", escaped(&shape.event_id))
        };
        let id = |row: &serde_json::Value| row.pointer(&place).map(serde_json::Value::to_string);
        rows.unwrap_or_default().iter().filter_map(id).collect()
    }
}

/// Returns the number of rows of the longest list of objects in a page. None if there is no row.
pub(super) fn longest_list(page: &Response) -> Option<u64> {
    let body = page.json.as_ref().filter(|_| page.is_success())?;
    let mut lists = Vec::new();
    find_lists(body, "", &mut lists);
    let rows = lists.iter().filter_map(|list| body.pointer(list)?.as_array());
    let of_objects = rows.filter(|rows| rows.first().is_some_and(serde_json::Value::is_object));
    of_objects.map(|rows| rows.len() as u64).max()
}
