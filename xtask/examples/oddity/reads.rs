//! Fates of reads: errors that pass, packed bodies, a cache.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::cut;
use crate::settings::{Reads, Settings};

/// Distances of reads that fail first.
const UNAVAILABLE_ONE_IN: u64 = 3;
const BUSY_ONE_IN: u64 = 4;
const CUT_ONE_IN: u64 = 4;

/// Time for which a cache keeps a response.
const CACHED_FOR: Duration = Duration::from_secs(60);

/// Response in a cache.
#[derive(Clone, Debug)]
struct Cached {
    since: Instant,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Reads so far, and the cache.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    pages: Mutex<u64>,
    cache: Mutex<HashMap<String, Cached>>,
}

impl Readings {
    /// Returns the number of this page, from 1 on.
    pub(crate) fn nth_page(&self) -> u64 {
        let mut pages = self.pages.lock().expect("a panic ends the process");
        *pages += 1;
        *pages
    }

    /// Returns the response that a page's request gets in place of the page; none if it gets that.
    pub(crate) fn refusal(&self, settings: &Settings, nth: u64) -> Option<Response> {
        match settings.reads {
            Reads::Unavailable if nth.is_multiple_of(UNAVAILABLE_ONE_IN) => {
                Some(StatusCode::SERVICE_UNAVAILABLE.into_response())
            }
            Reads::Busy if nth.is_multiple_of(BUSY_ONE_IN) => {
                Some((StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")]).into_response())
            }
            _ => None,
        }
    }

    /// Returns a page as it leaves.
    pub(crate) async fn leaving(&self, settings: &Settings, nth: u64, page: Response) -> Response {
        match settings.reads {
            Reads::Cut if nth.is_multiple_of(CUT_ONE_IN) => cut::in_the_middle(page).await,
            Reads::Gzip => packed(page).await,
            _ => page,
        }
    }

    /// Returns the cached response of a path and query with its age.
    pub(crate) fn cached(&self, settings: &Settings, uri: &str) -> Option<Response> {
        let cache = self.cache.lock().expect("a panic ends the process");
        let kept = cache.get(uri).filter(|kept| kept.since.elapsed() < settings.delay(CACHED_FOR))?.clone();
        let mut response = (kept.status, kept.headers, kept.body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::AGE, kept.since.elapsed().as_secs().max(1).into());
        headers.insert("x-cache", HeaderValue::from_static("HIT"));
        Some(response)
    }

    /// Keeps a response in the cache.
    pub(crate) async fn keep(&self, uri: String, response: Response) -> Response {
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("the body is in memory");
        let kept = Cached {
            since: Instant::now(),
            status: head.status,
            headers: head.headers.clone(),
            body: body.clone(),
        };
        self.cache.lock().expect("a panic ends the process").insert(uri, kept);
        Response::from_parts(head, Body::from(body))
    }
}

async fn packed(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.expect("the body is in memory");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&whole).expect("memory takes all that is written");
    let packed = encoder.finish().expect("memory takes all that is written");
    head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(packed))
}
