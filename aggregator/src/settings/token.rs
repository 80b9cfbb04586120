//! The token that clients must send.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// A longer file is no token file.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Digest of the token that clients must send. Only the digest is kept, so that printed settings
/// cannot give the token away. Comparing digests takes the same time for a token of any length.
#[derive(Clone, Copy)]
pub struct Token([u8; 32]);

/// Reasons to refuse a token. No message repeats the text.
#[derive(Debug, Error)]
pub enum TokenError {
    /// An empty token, which anyone would guess.
    #[error("the token is empty; remove the setting to serve requests without a token")]
    Empty,
    #[error("cannot read the token file: {0}")]
    Unreadable(std::io::Error),
    #[error("the token file is longer than 64 KiB; it should hold the token alone")]
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
    /// Reads the token from a file that holds nothing else.
    ///
    /// # Errors
    /// The file cannot be read, or holds no token.
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

    /// True if this is the token. The comparison takes the same time for every text.
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
    fn an_empty_token_is_refused() {
        for text in ["", " ", "\n"] {
            assert!(matches!(text.parse::<Token>(), Err(TokenError::Empty)));
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        assert_eq!(format!("{:?}", "s3cret".parse::<Token>().unwrap()), "Token(hidden)");
    }
}
