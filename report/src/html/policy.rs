//! Policy of the page: nothing is loaded, and only the script and the style that are in it count.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Style of the page.
pub(super) const STYLE: &str = include_str!("style.css");

/// Script of the page, without which it reads as well.
pub(super) const SCRIPT: &str = include_str!("script.js");

/// Access of a page to a network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// None at all.
    None,
    /// To the server of the page, for one that shows a run that goes on.
    Own,
}

/// Returns the Content-Security-Policy.
pub(super) fn policy(network: Network) -> String {
    let connect = match network {
        Network::None => "",
        Network::Own => "; connect-src 'self'",
    };
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'{connect}",
        source(SCRIPT),
        source(STYLE)
    )
}

fn source(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}
