//! Form of a request that reads a target, as a scenario writes it.

use std::collections::BTreeMap;

use url::Url;

use super::template::{HoleName, Template};
use super::{StatsFields, Target};

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
    /// Returns a request with this method, without a URL and a body of its own.
    pub(crate) fn new(method: &'a str, path: &'a Template, headers: &'a BTreeMap<String, Template>) -> Self {
        Self { url: None, method, path, headers, body: None }
    }

    /// Returns the request with what its table says besides.
    pub(crate) fn with(
        self,
        url: Option<&'a str>,
        method: Option<&'a str>,
        body: Option<&'a Template>,
    ) -> Self {
        Self { url, method: method.unwrap_or(self.method), body, ..self }
    }

    /// Texts with holes, with the keys that hold them. `table` is the key of the request.
    pub(crate) fn keyed_templates(self, table: &str) -> Vec<(String, &'a Template)> {
        let headers = self.headers.iter().map(|(name, value)| (format!("{table}.headers.{name}"), value));
        let body = self.body.map(|body| (format!("{table}.body"), body));
        [(format!("{table}.path"), self.path)].into_iter().chain(headers).chain(body).collect()
    }

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
        if let Some(fault) = path_fault(self.path) {
            return Some(fault);
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
        self.named_reads().into_iter().map(|(_, request)| request).collect()
    }

    /// Returns these requests, each with the key of the scenario that holds it.
    pub(super) fn named_reads(&self) -> Vec<(String, RequestForm<'_>)> {
        let listing = &self.listing;
        let lists = [
            ("target.before", &self.before),
            ("target.listing.before", &listing.before),
            ("target.listing.after", &listing.after),
        ];
        let preludes = lists.into_iter().flat_map(|(key, preludes)| {
            (0..).zip(preludes).map(move |(nth, prelude)| (format!("{key}.{nth}"), prelude.request()))
        });
        let page = listing.request().map(|request| ("target.listing".to_owned(), request));
        let one = listing.one.as_ref().map(|one| ("target.listing.one".to_owned(), one.request()));
        let counters = self.stats.requests().filter_map(StatsFields::request);
        let counters = counters.map(|request| ("target.stats".to_owned(), request));
        page.into_iter().chain(preludes).chain(one).chain(counters).collect()
    }

    /// Texts with holes of all these requests, with the keys that hold them.
    pub(crate) fn keyed_read_templates(&self) -> Vec<(String, &Template)> {
        let reads = self.named_reads().into_iter();
        reads.flat_map(|(key, request)| request.keyed_templates(&key)).collect()
    }

    /// Texts with holes of all these requests, with the headers of every request.
    pub fn read_templates(&self) -> impl Iterator<Item = &Template> {
        let of_requests = self.reads().into_iter().flat_map(|request| request.templates());
        self.headers.values().chain(of_requests)
    }
}

/// Checks a path and its query. Holes may have spaces around their names.
pub(crate) fn path_fault(path: &Template) -> Option<String> {
    let text = path.as_str();
    if !text.starts_with('/') {
        return Some(format!("path = \"{text}\" must begin with /"));
    }
    let is_odd = |byte: &&u8| !byte.is_ascii_graphic();
    let odd = path.literals().find_map(|(_, text)| text.iter().find(is_odd).copied())?;
    let way_out = match odd {
        b' ' => "has a space; write it as %20",
        byte if byte.is_ascii() => "has a control character; leave it out, or percent-encode it, such as %09",
        _ => "has a letter beyond ASCII; percent-encode it, such as %C3%A9",
    };
    Some(format!("path = \"{text}\" {way_out}"))
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
            (None, "GET", "a", "path = \"a\" must begin with /"),
            (None, "GET", "/a b", "write it as %20"),
            (None, "GET", "/{{limit}} b", "write it as %20"),
            (None, "GET", "/a\tb", "control character"),
            (None, "GET", "/\u{e9}", "%C3%A9"),
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
