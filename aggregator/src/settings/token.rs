//! The token of whoever may publish and read.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

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

    /// Whether this is the token. It takes as long whether nothing, much or all of it is right.
    pub(crate) fn is(&self, shown: &[u8]) -> bool {
        Self::digest(shown).0.ct_eq(&self.0).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
