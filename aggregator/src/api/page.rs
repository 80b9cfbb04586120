//! `GET /`: a small live page for people. The page is one text and loads nothing from elsewhere, so
//! that it works wherever the service does.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

const PAGE: &str = include_str!("page/page.html");

/// The page, with headers that let it load nothing else.
#[derive(Clone)]
pub(crate) struct Page([(HeaderName, HeaderValue); 3]);

impl Page {
    pub(crate) fn new() -> Self {
        let fixed = HeaderValue::from_static;
        Self([
            (
                header::CONTENT_SECURITY_POLICY,
                policy().parse().expect("a policy of hashes is a header value"),
            ),
            (header::CACHE_CONTROL, fixed("no-cache")),
            (header::REFERRER_POLICY, fixed("no-referrer")),
        ])
    }

    pub(crate) fn response(&self) -> impl IntoResponse + use<> {
        (self.0.clone(), Html(PAGE))
    }
}

/// Policy that lets the page run its own script and nothing else, even if an event holds a script.
fn policy() -> String {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
        hash_of("script"),
        hash_of("style")
    )
}

/// Hash of the text between the tags of this name, as the browser computes it.
fn hash_of(tag: &str) -> String {
    let (_, rest) = PAGE.split_once(&format!("<{tag}>")).expect("the page has such a tag");
    let (content, _) = rest.split_once(&format!("</{tag}>")).expect("the tag is closed");
    format!("sha256-{}", STANDARD.encode(Sha256::digest(content)))
}
