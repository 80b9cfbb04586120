//! Hosts of a target: the one of its URL, and others that its requests name by URLs of their own.

use url::Url;

use super::{Connect, Endpoint, Target, TargetError};

impl Target {
    /// Returns the address to connect to.
    pub fn endpoint(&self) -> Result<Endpoint, TargetError> {
        // Settings of TLS may be meant for the host that gets the events.
        match self.publish.url.as_deref().is_some_and(|url| has_tls(url) && !has_tls(&self.url)) {
            true => Endpoint::new(&self.url, &without_tls(self.connect.clone())),
            false => Endpoint::new(&self.url, &self.connect),
        }
    }

    /// Base URL of requests with events.
    pub fn publish_url(&self) -> &str {
        self.publish.url.as_deref().map_or(&*self.url, |url| url.trim_end_matches('/'))
    }

    /// Returns the description of the target at the host that gets the events.
    #[must_use]
    pub fn at_publish(&self) -> Self {
        match &self.publish.url {
            Some(url) => self.at(url),
            None => self.clone(),
        }
    }

    /// Returns the description of the target at another base URL. Proxies and trusted certificates
    /// stay. Addresses are left out, because they lead to the target's own host.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        let mut there = self.clone();
        there.publish.url = None;
        url.trim_end_matches('/').clone_into(&mut there.url);
        if !self.is_at(url) {
            (there.connect.to, there.connect.unix_socket) = (None, None);
        }
        if !has_tls(url) {
            there.connect = without_tls(there.connect);
        }
        there
    }

    /// True if headers of the command line go to this base URL, which is the target's own or that of
    /// its requests with events.
    pub fn takes_headers(&self, url: &str) -> bool {
        self.is_at(url) || self.publish.url.as_deref() == Some(url)
    }

    /// True if a URL has the scheme, host and port of the target's.
    pub fn is_at(&self, url: &str) -> bool {
        let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin().ascii_serialization());
        origin(url).is_some() && origin(url) == origin(&self.url)
    }
}

fn has_tls(url: &str) -> bool {
    url.starts_with("https:")
}

/// Returns ways of connecting without what only TLS needs.
fn without_tls(connect: Connect) -> Connect {
    let Connect { to, unix_socket, proxy, http2, .. } = connect;
    Connect { to, unix_socket, proxy, http2, ..Connect::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Place;

    fn target(url: &str, publish: Option<&str>) -> Target {
        let connect = Connect {
            to: Some("10.0.0.5:1".to_owned()),
            proxy: Some("http://10.0.0.6:3128".to_owned()),
            cacert: Some("ca.pem".into()),
            http2: true,
            ..Connect::default()
        };
        let mut target = Target { url: url.to_owned(), connect, ..Target::default() };
        target.publish.url = publish.map(str::to_owned);
        target
    }

    #[test]
    fn what_leads_to_one_host_does_not_lead_to_the_other() {
        let target = target("https://query.example", Some("https://ingest.example:444/v1/"));
        let there = target.at_publish();
        assert_eq!(
            (target.publish_url(), &*there.url),
            ("https://ingest.example:444/v1", target.publish_url())
        );
        assert_eq!((there.connect.to.as_ref(), there.connect.cacert.is_some()), (None, true));
        assert!(there.connect.proxy.is_some() && there.connect.http2);
        let endpoint = there.endpoint().unwrap();
        assert_eq!(endpoint.place, Place::Tcp("ingest.example".to_owned(), 444));
        assert_eq!((&*endpoint.prefix, endpoint.tls_name.as_deref()), ("/v1", Some("ingest.example")));
        let here = target.endpoint().unwrap();
        assert_eq!(here.place, Place::Tcp("10.0.0.5".to_owned(), 1));
        let same = target.at("https://query.example:443/other");
        assert_eq!(same.connect.to.as_deref(), Some("10.0.0.5:1"), "the same host");
    }

    #[test]
    fn settings_of_tls_may_be_those_of_either_host() {
        let reads_plainly = target("http://query.example", Some("https://ingest.example"));
        assert!(reads_plainly.endpoint().is_ok() && reads_plainly.at_publish().endpoint().is_ok());
        let sends_plainly = target("https://query.example", Some("http://ingest.example"));
        assert!(sends_plainly.endpoint().is_ok() && sends_plainly.at_publish().endpoint().is_ok());
        let nowhere = target("http://query.example", Some("http://ingest.example"));
        assert!(nowhere.endpoint().is_err(), "settings of TLS that nothing uses");
    }

    #[test]
    fn another_target_is_not_half_of_the_one_before() {
        let mut two = target("https://query.example", Some("https://ingest.example"));
        assert_eq!(two.retarget("https://other.example"), Err(TargetError::TwoHosts));
        assert_eq!((two.retarget("https://query.example"), &*two.url), (Ok(()), "https://query.example"));
    }
}
