//! Guard of the routes that need the token.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::api::error::ApiError;
use crate::settings::Token;

/// Passes on a request with the right token.
pub(crate) async fn guard(State(token): State<Token>, request: Request, next: Next) -> Response {
    if is_shown(token, request.headers()) {
        next.run(request).await
    } else {
        ApiError::Unauthorized.into_response()
    }
}

fn is_shown(token: Token, headers: &HeaderMap) -> bool {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
    shown.is_some_and(|shown| token.is(shown))
}

/// Returns the token after the scheme `Bearer`, in upper or lower case.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(value: &str) -> bool {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
        is_shown("s3cret".parse().unwrap(), &headers)
    }

    #[test]
    fn only_the_whole_token_is_accepted() {
        for value in ["Bearer s3cret", "bearer s3cret", "BEARER  s3cret "] {
            assert!(is_taken(value), "{value}");
        }
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer s3cre",
            "Bearer s3crets",
            "Bearer S3cret",
            "s3cret",
            "Basic s3cret",
        ] {
            assert!(!is_taken(value), "{value}");
        }
        assert!(!is_shown("s3cret".parse().unwrap(), &HeaderMap::new()));
    }
}
