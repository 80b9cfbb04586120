//! Questions to a listing, and the pages that answer them.

use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use super::super::asking::Asker;
use super::super::json::{elements_at, find_lists};
use super::super::response::Response;
use super::super::rows::{Sent, Shape};

/// Most pages to follow one after the other.
const MOST_PAGES: u32 = 100;

/// Largest page number, or offset in pages, that is tried.
const FARTHEST: u64 = 1 << 30;

/// Names of a parameter for the number of rows.
const LIMITS: [&str; 8] = ["limit", "size", "per_page", "page_size", "pageSize", "count", "top", "max"];

/// Names of parameters that say where a page begins.
const POSITIONS: [&str; 11] = [
    "offset",
    "page",
    "cursor",
    "after",
    "from",
    "skip",
    "start",
    "next",
    "starting_after",
    "page_token",
    "before",
];

/// Path of a listing, with the parameters that stay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Base {
    /// Whole URL without a query.
    pub(super) url: String,
    /// Parameters that stay, as they were given.
    pub(super) query: Vec<String>,
    /// Name of the parameter for the number of rows.
    pub(super) limit: String,
    /// True if the topic stands in it, as `{{topic}}`.
    pub(super) has_topic: bool,
}

impl Base {
    /// Takes a URL apart. A limit and a position in it are left out, and a topic that it names
    /// becomes a hole.
    pub(super) fn of(url: &str, topics: &[String]) -> Self {
        let (url, query) = url.split_once('?').unwrap_or((url, ""));
        let mut base =
            Self { url: url.to_owned(), query: Vec::new(), limit: LIMITS[0].to_owned(), has_topic: false };
        let is_topic = |text: &str| topics.iter().any(|topic| !topic.is_empty() && encoded(topic) == text);
        let hole = |text: &str| if is_topic(text) { "{{topic}}".to_owned() } else { text.to_owned() };
        base.url = base.url.split('/').map(hole).collect::<Vec<_>>().join("/");
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let word = name.trim_start_matches(['_', '$']);
            if LIMITS.contains(&word) && is_number {
                base.limit = name.to_owned();
            } else if !POSITIONS.contains(&word) {
                base.query.push(if is_topic(value) {
                    format!("{name}={{{{topic}}}}")
                } else {
                    pair.to_owned()
                });
            }
        }
        base.has_topic =
            base.url.contains("{{topic}}") || base.query.iter().any(|pair| pair.contains("{{topic}}"));
        base
    }

    /// Returns the URL with these parameters, for a topic.
    fn at(&self, parameters: &str, topic: &str) -> String {
        let more = parameters.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned);
        let query: Vec<String> = self.query.iter().cloned().chain(more).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        format!("{}{query}", self.url).replace("{{topic}}", &encoded(topic))
    }
}

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// Listing to ask.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) asker: &'a Asker,
    pub(super) base: &'a Base,
    /// True if each request names the topic in a parameter.
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
    pub(super) fn found(self) -> Option<Found> {
        Some(Found { response: self.response, shape: self.shape? })
    }
}

impl Question<'_> {
    /// Asks for a page. None if no complete response came.
    pub(super) async fn page(&self, parameters: &str) -> Option<Page> {
        let topic =
            if self.by_topic { format!("&topic={}", encoded(&self.event.topic)) } else { String::new() };
        let url = self.base.at(&format!("{parameters}{topic}"), &self.event.topic);
        let response = self.asker.get(&url).await.ok()?;
        let shape = Shape::of(&response, self.event);
        // Rows under a name of their topic have no place that is the same for all topics.
        let shape = shape.filter(|shape| !shape.is_under(&self.event.topic));
        Some(Page { response, shape })
    }

    /// Returns the parameter for so many rows.
    pub(super) fn limit(&self, rows: u64) -> String {
        format!("{}={rows}", self.base.limit)
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
    /// are searched. A number that leads to the first page again is one that the target ignores.
    /// Links are followed for `MOST_PAGES` pages. `first` is the first page with this limit.
    pub(super) async fn further(&self, limit: &str, first: Response) -> Option<Found> {
        let rows = longest_list(&first)?;
        let at = |name: &'static str, number: u64| format!("{limit}&{name}={number}");
        for (name, step) in [("offset", rows), ("page", 1)] {
            let has_rows = async |nth: u64| {
                let page = self.page(&at(name, nth * step)).await.map(|page| page.response);
                page.is_some_and(|page| longest_list(&page).is_some() && page.text != first.text)
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
            let response = self.asker.get(&next?).await.ok()?;
            if let Some(shape) = Shape::of(&response, self.event) {
                return Some(Found { response, shape });
            }
            next = response.next;
        }
        None
    }

    /// Returns the ids of a page, whose shape is known.
    pub(super) async fn ids(&self, shape: &Shape, parameters: &str) -> Vec<String> {
        let Some(page) = self.page(parameters).await else { return Vec::new() };
        shape.ids_in(&page.response)
    }
}

/// True if a page is a list without rows, or has no text at all.
pub(super) fn has_no_rows(page: &Response) -> bool {
    let mut lists = Vec::new();
    page.json.iter().for_each(|body| find_lists(body, "", &mut lists));
    let is_a_page = !lists.is_empty() || page.text.trim().is_empty();
    page.is_success() && is_a_page && longest_list(page).is_none()
}

/// Returns the number of rows of the longest list of objects in a page. None if there is no row.
pub(super) fn longest_list(page: &Response) -> Option<u64> {
    let body = page.json.as_ref().filter(|_| page.is_success())?;
    let mut lists = Vec::new();
    find_lists(body, "", &mut lists);
    let rows = lists.iter().map(|list| elements_at(body, list));
    let is_row = |row: &&Value| row.is_object() || row.is_array();
    rows.filter(|rows| rows.first().is_some_and(is_row)).map(|rows| rows.len() as u64).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_keeps_its_query_without_the_page() {
        let topics = ["or ders".to_owned()];
        let base = Base::of("http://h/v1/or+ders/events/?env=a&size=20&offset=5&t=or+ders", &topics);
        assert_eq!((base.limit.as_str(), base.has_topic), ("size", true));
        assert_eq!(base.url, "http://h/v1/{{topic}}/events/");
        assert_eq!(base.query, ["env=a", "t={{topic}}"]);
        assert_eq!(base.at("size=2&x=1", "b"), "http://h/v1/b/events/?env=a&t=b&size=2&x=1");
        assert_eq!(Base::of("http://h/e?_size=20&_next=5", &topics).limit, "_size");
        let plain = Base::of("http://h/e", &[String::new()]);
        assert_eq!((plain.at("", ""), plain.has_topic), ("http://h/e".to_owned(), false));
    }
}
