//! The tokens of which clients must send one.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// A longer file is no token file.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Digests of the tokens that are valid: one, or two while one replaces the other. Only digests are
/// kept, so that printed settings cannot give a token away. Comparing digests takes the same time
/// for a token of any length.
#[derive(Clone, Copy)]
pub struct Token {
    first: Digest32,
    /// The first again if there is only one.
    second: Digest32,
}

type Digest32 = [u8; 32];

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
    #[error("there are more than two tokens, one a line; at most two can be valid")]
    TooMany,
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        // Editors end a file with a line's end, and a header's value has no space at either end.
        let mut tokens = text.lines().map(str::trim).filter(|token| !token.is_empty());
        let first = digest(tokens.next().ok_or(TokenError::Empty)?.as_bytes());
        let second = tokens.next().map_or(first, |token| digest(token.as_bytes()));
        match tokens.next() {
            None => Ok(Self { first, second }),
            Some(_) => Err(TokenError::TooMany),
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

    /// True if this is a valid token. The comparison takes the same time for every text.
    pub(crate) fn is(&self, shown: &[u8]) -> bool {
        let shown = digest(shown);
        (shown.ct_eq(&self.first) | shown.ct_eq(&self.second)).into()
    }
}

fn digest(token: &[u8]) -> Digest32 {
    Sha256::digest(token).into()
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
    fn two_tokens_are_valid_while_one_replaces_the_other() {
        let token: Token = "new \n\nold\r\n".parse().unwrap();
        assert!(token.is(b"new") && token.is(b"old"));
        assert!(!token.is(b"") && !token.is(b"new old") && !token.is(b"new\nold"));
        assert!(matches!("a\nb\nc".parse::<Token>(), Err(TokenError::TooMany)));
    }

    #[test]
    fn a_token_is_not_printed() {
        assert_eq!(format!("{:?}", "s3cret".parse::<Token>().unwrap()), "Token(hidden)");
    }
}
