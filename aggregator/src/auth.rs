//! Who may publish and read: whoever knows the token, if there is one.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use crate::error::ApiError;

/// A longer file holds something else than a token.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// What clients have to show. Only its digest is kept: nothing that prints a setting can give it away, and to compare
/// digests takes as long for a token of any length.
#[derive(Clone, Copy)]
pub struct Token([u8; 32]);

/// Why a text is no token. No message repeats the text.
#[derive(Debug, Error)]
pub enum TokenError {
    /// A token that everybody guesses.
    #[error("the token is empty; leave the setting away to serve everybody")]
    Empty,
    /// The file cannot be read.
    #[error("cannot read the token from the file: {0}")]
    Unreadable(std::io::Error),
    /// The file is far too long.
    #[error("the file is too long for a token")]
    TooLong,
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        // Editors end a file with a line's end, and a header's value has no space at either end.
        match text.trim() {
            "" => Err(TokenError::Empty),
            token => Ok(Self::digest(token.as_bytes())),
        }
    }
}

impl Token {
    /// Reads the token from a file, of which nothing but the token is expected.
    ///
    /// # Errors
    /// The file is not there, may not be read, or holds no token.
    pub fn from_file(path: &str) -> Result<Self, TokenError> {
        let path = Path::new(path);
        if std::fs::metadata(path).map_err(TokenError::Unreadable)?.len() > MAX_FILE_BYTES {
            return Err(TokenError::TooLong);
        }
        std::fs::read_to_string(path).map_err(TokenError::Unreadable)?.parse()
    }

    fn digest(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Whether the request shows this token. It takes as long whether nothing, much or all of it is right.
    fn is_shown_by(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
        shown.is_some_and(|token| Self::digest(token).0.ct_eq(&self.0).into())
    }
}

/// What follows the scheme, whose letters may be of either case.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(hidden)")
    }
}

/// Lets a request pass that shows the token.
pub(crate) async fn guard(State(token): State<Token>, request: Request, next: Next) -> Response {
    if token.is_shown_by(request.headers()) {
        next.run(request).await
    } else {
        ApiError::Unauthorized.into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(value: &str) -> bool {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
        "s3cret".parse::<Token>().unwrap().is_shown_by(&headers)
    }

    #[test]
    fn only_the_whole_token_is_taken() {
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
        assert!(!"s3cret".parse::<Token>().unwrap().is_shown_by(&HeaderMap::new()));
    }

    #[test]
    fn an_empty_token_is_none() {
        for text in ["", " ", "\n"] {
            assert!(matches!(text.parse::<Token>(), Err(TokenError::Empty)));
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        assert_eq!(format!("{:?}", "s3cret".parse::<Token>().unwrap()), "Token(hidden)");
    }
}
