//! Errors of a target's description.

use thiserror::Error;

/// Error of a text that does not describe a target.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TargetError {
    /// The text is not a status or a class of statuses.
    #[error("`{text}` is not a status; write it as 2xx or 503")]
    Status {
        /// Text that was given.
        text: String,
    },
    /// The text is not a base URL that can be reached.
    #[error("target `{text}` cannot be used: {reason}")]
    Url {
        /// Text that was given.
        text: String,
        /// Reason.
        reason: &'static str,
    },
    /// The URL holds a secret, which would end up in files.
    #[error("the target's URL carries credentials; give them as a header: -H 'Authorization: ...'")]
    Credentials,
    /// The text is not an address to connect to.
    #[error("`{text}` cannot be connected to; write it as 10.0.0.5:8443, or [::1]:8443")]
    Place {
        /// Text that was given.
        text: String,
    },
    /// Two ways to one target are given.
    #[error(
        "a target is reached over a Unix socket or at another address, not both; leave --unix-socket or --connect-to out"
    )]
    TwoPlaces,
    /// The text is not a proxy that can be used.
    #[error(
        "proxy `{text}` cannot be used: {reason}; write it as http://127.0.0.1:3128 or socks5h://127.0.0.1:1080"
    )]
    Proxy {
        /// Text that was given.
        text: String,
        /// Reason.
        reason: &'static str,
    },
    /// The URL holds a secret, which would end up in files.
    #[error(
        "the proxy's URL carries credentials; give user:password in a file, --proxy-basic-file FILE, or in TARGET_PROXY_AUTH"
    )]
    ProxyCredentials,
    /// A proxy cannot lead to a socket of this machine.
    #[error("a proxy does not lead to a Unix socket; leave --unix-socket or --proxy out")]
    ProxyToSocket,
    /// A certificate is given without its key, or the key without it.
    #[error("a certificate of our own needs its key; give both --cert and --key")]
    HalfAnIdentity,
    /// The envelope has no name for the events.
    #[error("an envelope is `array`, `object` or the name that the events stand under")]
    Envelope,
}
