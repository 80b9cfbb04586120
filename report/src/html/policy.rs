//! Policy of the page: nothing is loaded, and only the script and the style that are in it count.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Style of the page.
pub(super) const STYLE: &str = include_str!("style.css");

/// Script of the page, without which it reads as well.
pub(super) const SCRIPT: &str = include_str!("script.js");

/// Script that draws a page of a run that goes on again and again.
pub(super) const LIVE: &str = include_str!("live.js");

/// Access of a page to a network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Network {
    /// None at all.
    None,
    /// To the server of the page, for one that shows a run that goes on.
    Own,
}

/// Returns the Content-Security-Policy.
pub(super) fn policy(network: Network) -> String {
    let live = format!(" '{}'", source(LIVE));
    let (more, connect) = match network {
        Network::None => ("", ""),
        Network::Own => (&*live, "; connect-src 'self'"),
    };
    format!(
        "default-src 'none'; script-src '{}'{more}; style-src '{}'; base-uri 'none'; form-action 'none'{connect}",
        source(SCRIPT),
        source(STYLE)
    )
}

fn source(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}
