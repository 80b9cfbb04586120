//! Form of a request that reads a target, as a scenario writes it.

use std::collections::BTreeMap;

use url::Url;

use super::template::{HoleName, Template};
use super::{One, Prelude, StatsFields, Target};

/// Form of a request, as a scenario writes it.
#[derive(Clone, Copy, Debug)]
pub struct RequestForm<'a> {
    /// Base URL, if it is another than the target's.
    pub url: Option<&'a str>,
    /// Method, in capitals.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a Template,
    /// Headers beyond those of every request.
    pub headers: &'a BTreeMap<String, Template>,
    /// Body, if there is one.
    pub body: Option<&'a Template>,
}

impl<'a> RequestForm<'a> {
    /// Texts with holes.
    pub fn templates(self) -> impl Iterator<Item = &'a Template> {
        [self.path].into_iter().chain(self.headers.values()).chain(self.body)
    }

    /// True if a hole has this name.
    pub fn names(self, name: &HoleName) -> bool {
        self.templates().any(|template| template.names(name))
    }

    /// Value of the `content-type` header, if it is set.
    pub fn content_type(self) -> Option<&'a Template> {
        let is_it = |(name, _): &(&String, &Template)| name.eq_ignore_ascii_case("content-type");
        self.headers.iter().find(is_it).map(|(_, value)| value)
    }

    /// Content type of a body whose request names none; none without a body.
    pub fn usual_content_type(self) -> Option<&'static str> {
        match self.body?.as_str().trim_start().starts_with(['{', '[']) {
            true => Some("application/json"),
            false => Some("text/plain; charset=utf-8"),
        }
    }

    /// Checks what a scenario may write wrongly. The error begins with the key.
    pub fn fault(self) -> Option<String> {
        let path = self.path.as_str();
        let mut literals = self.path.literals();
        if !path.starts_with('/') || !literals.all(|(_, text)| text.iter().all(u8::is_ascii_graphic)) {
            return Some(format!("path = \"{path}\" must begin with / and have no spaces"));
        }
        let method = self.method;
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Some(format!("method = \"{method}\" is not a method; write it in capitals, such as GET"));
        }
        self.url.and_then(url_fault)
    }
}

impl Target {
    /// Requests beside those with events: those before the run, pages of the listing, what stands
    /// before and after them, single keys, and counters.
    pub fn reads(&self) -> Vec<RequestForm<'_>> {
        let listing = &self.listing;
        let preludes = self.before.iter().chain(&listing.before).chain(&listing.after).map(Prelude::request);
        let one = listing.one.as_ref().map(One::request);
        let stats = self.stats.requests().filter_map(StatsFields::request);
        listing.request().into_iter().chain(preludes).chain(one).chain(stats).collect()
    }

    /// Texts with holes of all these requests, with the headers of every request.
    pub fn read_templates(&self) -> impl Iterator<Item = &Template> {
        let of_requests = self.reads().into_iter().flat_map(|request| request.templates());
        self.headers.values().chain(of_requests)
    }
}

pub(crate) fn url_fault(text: &str) -> Option<String> {
    let Ok(url) = Url::parse(text) else {
        return Some("url is not a URL; write it as https://host:port".to_owned());
    };
    // The text is not repeated: it may hold a secret.
    if !url.username().is_empty() || url.password().is_some() {
        return Some("url holds credentials; write them as a header with {{env:NAME}}".to_owned());
    }
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    let is_bare = url.query().is_none() && url.fragment().is_none();
    (!is_web || !is_bare)
        .then(|| format!("url = \"{text}\" must be http or https, with a host and without a query"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(url: Option<&str>, method: &str, path: &str) -> Option<String> {
        let path = Template::parse(path).unwrap();
        RequestForm { url, method, path: &path, headers: &BTreeMap::new(), body: None }.fault()
    }

    #[test]
    fn a_request_has_a_path_a_method_and_a_host() {
        assert_eq!(fault(None, "GET", "/a?b={{ limit }}&c={{cursor}}"), None);
        assert_eq!(fault(Some("https://h:1/api"), "POST", "/"), None);
        for (url, method, path, expected) in [
            (None, "GET", "a", "path = \"a\""),
            (None, "GET", "/a b", "no spaces"),
            (None, "GET", "/{{limit}} b", "no spaces"),
            (None, "get", "/", "method = \"get\""),
            (None, "", "/", "method = \"\""),
            (Some("ftp://h"), "GET", "/", "http or https"),
            (Some("https://h?a=1"), "GET", "/", "without a query"),
            (Some("h"), "GET", "/", "is not a URL"),
        ] {
            let fault = fault(url, method, path).unwrap();
            assert!(fault.contains(expected), "{fault}");
        }
        let fault = fault(Some("https://me:hunter2@h"), "GET", "/").unwrap();
        assert!(fault.contains("credentials") && !fault.contains("hunter2"), "{fault}");
    }
}
