//! Errors of a target's description.

use thiserror::Error;

/// Why a text does not describe a target.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TargetError {
    /// Not a status or a class of them.
    #[error("`{text}` is not a status; write it as 2xx or 503")]
    Status {
        /// The text as given.
        text: String,
    },
    /// Not a base URL that can be reached.
    #[error("target `{text}` cannot be used: {reason}")]
    Url {
        /// The text as given.
        text: String,
        /// Why not.
        reason: &'static str,
    },
    /// A secret in a URL would end up in files.
    #[error("the target's URL carries credentials; give them as a header: -H 'Authorization: ...'")]
    Credentials,
    /// Not where a connection can be made to.
    #[error("`{text}` cannot be connected to; write it as 10.0.0.5:8443, or [::1]:8443")]
    Place {
        /// The text as given.
        text: String,
    },
    /// Two ways to one target.
    #[error(
        "a target is reached over a Unix socket or at another address, not both; leave --unix-socket or --connect-to out"
    )]
    TwoPlaces,
    /// Not a proxy that can be spoken to.
    #[error(
        "proxy `{text}` cannot be used: {reason}; write it as http://127.0.0.1:3128 or socks5h://127.0.0.1:1080"
    )]
    Proxy {
        /// The text as given.
        text: String,
        /// Why not.
        reason: &'static str,
    },
    /// A secret in a URL would end up in files.
    #[error(
        "the proxy's URL carries credentials; give user:password in a file, --proxy-basic-file FILE, or in TARGET_PROXY_AUTH"
    )]
    ProxyCredentials,
    /// A proxy leads to no socket of this machine.
    #[error("a proxy does not lead to a Unix socket; leave --unix-socket or --proxy out")]
    ProxyToSocket,
    /// A certificate without its key, or the other way round.
    #[error("a certificate of our own needs its key; give both --cert and --key")]
    HalfAnIdentity,
    /// No name to put the events under.
    #[error("an envelope is `array`, `object` or the name that the events stand under")]
    Envelope,
}
