//! Name of a host, as requests and settings spell it.

use std::str::FromStr;

use axum::http::uri::Authority;

/// A host in lower case without brackets, and its port unless that is the one of HTTP or HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

impl Host {
    pub(crate) fn of(authority: &Authority) -> Self {
        let name = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        Self { name, port: authority.port_u16().filter(|port| !matches!(port, 80 | 443)) }
    }

    /// Name or address.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for Host {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().parse::<Authority>() {
            Ok(authority) if authority.port().is_none() && !text.contains('@') => Ok(Self::of(&authority)),
            _ => Err("must be names of hosts without ports, such as events.example,localhost"),
        }
    }
}
