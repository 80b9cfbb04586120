//! Body of the request that is sent over and over: bytes as they are, which files need not repeat.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Most bytes of a body that files keep as text.
pub const MOST_KEPT: usize = 4096;

/// Body of a request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub enum Body {
    /// All of its bytes.
    Bytes(Arc<[u8]>),
    /// A body that a file knows by its length and hash alone, so that it cannot be sent.
    Known(Digest),
}

/// Length and hash of a body.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// Number of bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes, in hexadecimal.
    pub sha256: String,
}

/// Body as files have it: text if it is short and is text.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Digest(Digest),
}

impl Body {
    /// True if the body has no byte.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Bytes(bytes) if bytes.is_empty())
    }

    /// Returns the bytes; none if they are not known.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Known(_) => &[],
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::Bytes(Arc::from([]))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<Written> for Body {
    fn from(written: Written) -> Self {
        match written {
            Written::Text(text) => text.into_bytes().into(),
            Written::Digest(digest) => Self::Known(digest),
        }
    }
}

impl From<Body> for Written {
    fn from(body: Body) -> Self {
        let bytes = match body {
            Body::Known(digest) => return Self::Digest(digest),
            Body::Bytes(bytes) => bytes,
        };
        match std::str::from_utf8(&bytes) {
            Ok(text) if text.len() <= MOST_KEPT => Self::Text(text.to_owned()),
            Ok(_) | Err(_) => Self::Digest(Digest {
                bytes: bytes.len() as u64,
                sha256: Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_keep_short_text_and_the_hash_of_everything_else() {
        let written = |bytes: &[u8]| serde_json::to_value(Body::from(bytes.to_vec())).unwrap();
        assert_eq!(written(b"{\"a\":1}\n"), "{\"a\":1}\n");
        assert_eq!(written(&[b'x'; MOST_KEPT]), "x".repeat(MOST_KEPT));
        assert_eq!(
            written(&[0xff, 0x00]),
            serde_json::json!({
                "bytes": 2,
                "sha256": "ea5dbf9596d187e9500f23e9a680109475341cf4e81f7e043f7d97152c10772f",
            })
        );
        assert_eq!(written(&[b'x'; MOST_KEPT + 1])["bytes"], MOST_KEPT + 1);
    }

    #[test]
    fn a_body_that_a_file_knows_by_its_hash_has_no_bytes_and_is_not_empty() {
        let known = Body::Known(Digest { bytes: 2, sha256: "06eb".to_owned() });
        let read: Body = serde_json::from_value(serde_json::to_value(&known).unwrap()).unwrap();
        assert_eq!(read, known);
        assert!(!read.is_empty() && read.bytes().is_empty());
        assert!(Body::default().is_empty());
    }
}
