//! Bytes that are not an HTTP response, and the bounds of a response.

use thiserror::Error;
use truth::excerpt::excerpt;

/// Most bytes of a response's head, interim responses included: what common servers allow.
pub(crate) const MAX_HEAD: usize = 64 << 10;

/// Most bytes of a body that is kept: a thousand times what a response to a large batch needs.
pub(crate) const MAX_BODY: usize = 16 << 20;

/// Most characters of a head that are shown.
const SHOWN: usize = 60;

/// Reason why bytes are not a response.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(crate) enum Malformed {
    #[error("the response's head is not HTTP ({error}): `{begins}`")]
    Head { error: httparse::Error, begins: String },
    #[error("the response's head is longer than {MAX_HEAD} bytes")]
    HeadTooLong,
    #[error("the response's body is longer than {MAX_BODY} bytes")]
    BodyTooLong,
    #[error("the response has no length, or contradicting ones")]
    Length,
    #[error("the response has the transfer coding `{0}`, which was not asked for")]
    Coding(String),
    #[error("the response's chunks are broken")]
    Chunk,
    #[error("the server wants to switch to another protocol")]
    Switch,
    #[error("the response is not HTTP/2: {0}")]
    Frames(String),
    #[error("the connection was closed before the response was whole")]
    Truncated,
}

impl Malformed {
    /// Returns the error of a head that begins with these bytes.
    pub(super) fn head(error: httparse::Error, bytes: &[u8]) -> Self {
        Self::Head { error, begins: excerpt(bytes, SHOWN) }
    }

    /// Name of the reason in `summary.json`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Head { .. } => "head-not-http",
            Self::HeadTooLong => "head-too-long",
            Self::BodyTooLong => "body-too-long",
            Self::Length => "length",
            Self::Coding(_) => "transfer-coding",
            Self::Chunk => "chunks",
            Self::Switch => "protocol-switch",
            Self::Frames(_) => "frames",
            Self::Truncated => "closed-early",
        }
    }
}
