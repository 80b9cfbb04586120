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
    #[error(
        "the target's URL holds credentials; give user:password in --basic-file FILE or in TARGET_BASIC_AUTH"
    )]
    Credentials,
    /// The text is not an address to connect to.
    #[error("`{text}` is not an address; write it as 10.0.0.5:8443 or [::1]:8443")]
    Place {
        /// Text that was given.
        text: String,
    },
    /// Two ways to one target are given.
    #[error("--unix-socket and --connect-to are both given; leave one out")]
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
        "the proxy's URL holds credentials; give user:password in --proxy-basic-file FILE or in TARGET_PROXY_AUTH"
    )]
    ProxyCredentials,
    /// A proxy cannot lead to a socket of this machine.
    #[error("--unix-socket and --proxy are both given, and a proxy cannot reach a socket; leave one out")]
    ProxyToSocket,
    /// A certificate is given without its key, or the key without it.
    #[error("--cert needs --key, and --key needs --cert; give both")]
    HalfAnIdentity,
    /// The envelope has no name for the events.
    #[error("the envelope is empty; write array, object, or the name of the array, such as events")]
    Envelope,
    /// A key of the short form stands beside the key that replaces it.
    #[error("target.{short} and target.{new} are both given, and say the same in two ways: leave one out")]
    BothForms {
        /// Key of the short form.
        short: &'static str,
        /// Key of the new form.
        new: &'static str,
    },
    /// Another URL is given for a target of two hosts.
    #[error(
        "another target is given, but the scenario sends to target.publish.url and reads from target.url: change both \
         in the file"
    )]
    TwoHosts,
    /// A part of a body is given without the body.
    #[error(
        "target.{key} needs target.publish.body, which says where the events stand: body = \"[{{{{events}}}}]\""
    )]
    NoBody {
        /// Key that was given.
        key: &'static str,
    },
}
