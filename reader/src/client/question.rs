//! Requests that a scenario writes: filled, sent to their host, and read to the end.

use std::collections::BTreeSet;

use reqwest::Method;
use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use truth::target::secrets::{guard, masked};
use truth::target::template::{Fit, HoleName, Template};
use truth::target::{Prelude, RequestForm, Target, Unkept};

use super::body::{MAX_BODY, too_large, unpacked};
use super::error::{Access, ReadError};
use super::host::Host;
use super::{Answer, TargetClient};
use crate::values::{Kept, Values};

/// Request as it leaves.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Base URL of another host than the target's.
    host: Option<String>,
    method: Method,
    /// Whole URL.
    pub(crate) url: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    /// Origin of its secrets.
    pub(super) access: Access,
}

impl Question {
    /// Returns the same question at another URL.
    pub(crate) fn at(self, url: String) -> Self {
        Self { url, ..self }
    }

    /// URL for messages, without secrets.
    pub(crate) fn shown_url(&self) -> String {
        masked(&self.url).into_owned()
    }
}

impl TargetClient {
    /// Fills a request. `accept` is the form of the response, unless the scenario asks for one.
    pub(crate) fn question(
        &self,
        form: RequestForm<'_>,
        values: &Values<'_>,
        accept: &'static str,
    ) -> Result<Question, ReadError> {
        let unfilled =
            |reason: String| ReadError::Unfilled { request: form.path.as_str().to_owned(), reason };
        let path = form.path.path(values).map_err(|error| unfilled(error.to_string()))?;
        let base = form.url.map_or(self.target.url.as_str(), |url| url.trim_end_matches('/'));
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let mut body = None;
        if let Some((template, usual)) = form.body.zip(form.usual_content_type()) {
            let written = form.content_type().map(Template::as_str);
            let said = written.unwrap_or(usual);
            let mut bytes = Vec::new();
            let filled = template.write(Fit::of_content_type(said), values, &mut bytes);
            filled.map_err(|error| unfilled(error.to_string()))?;
            body = Some(bytes);
            if written.is_none() {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(usual));
            }
        }
        // A header of the request outranks one of every request.
        let common = self.target.headers.iter().filter(|(_, template)| values.has_all(template));
        for (name, template) in common.chain(form.headers) {
            let (name, value) = header(name, template, values).map_err(unfilled)?;
            headers.insert(name, value);
        }
        let method = Method::from_bytes(form.method.as_bytes())
            .map_err(|_| unfilled(format!("`{}` is not a method", form.method)))?;
        Ok(Question {
            host: form.url.map(str::to_owned),
            method,
            url: format!("{base}{path}"),
            headers,
            body,
            access: self.access(form),
        })
    }

    /// Returns where the secrets of a request come from.
    fn access(&self, form: RequestForm<'_>) -> Access {
        let of_scenario = |template: &Template| {
            template.holes().any(|hole| matches!(hole.name, HoleName::Env(_) | HoleName::Kept(_)))
        };
        if form.templates().chain(self.target.headers.values()).any(of_scenario) {
            return Access::Scenario;
        }
        match form.url.is_none_or(|url| self.target.takes_headers(url)) {
            true => Access::CommandLine,
            false => Access::Nothing,
        }
    }

    /// Asks a question and reads the response to its end, whatever its status. No cache may answer
    /// in place of the target.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Answer, ReadError> {
        let host = self.host(question.host.as_deref());
        let url = question.shown_url();
        let mut request = host.request(question.method.clone(), &question.url);
        request = request.headers(question.headers.clone());
        if let Some(body) = &question.body {
            request = request.body(body.clone());
        }
        let response = host.send(request).await.map_err(|unsent| unsent.reading(&url))?;
        self.trace.answered(response.headers());
        read_to_end(response, &url).await
    }

    /// Makes a request that stands before or after others, with patience, and keeps parts of its
    /// response.
    pub(crate) async fn prelude(
        &self,
        prelude: &Prelude,
        values: &Values<'_>,
        kept: &mut Kept,
    ) -> Result<(), ReadError> {
        let mut retry = self.retry();
        let (question, answer) = loop {
            let answered = self.asked(|| self.question(prelude.request(), values, "application/json")).await;
            let success = answered.and_then(|(question, answer)| {
                let answer = answer.success(&question)?;
                Ok((question, answer))
            });
            match success {
                Ok(success) => break success,
                Err(error) => retry.after(error).await?,
            }
        };
        self.keep(prelude, &question, &answer, kept)
    }

    /// Keeps parts of the response to a request that stands before or after others.
    pub(super) fn keep(
        &self,
        prelude: &Prelude,
        question: &Question,
        answer: &Answer,
        kept: &mut Kept,
    ) -> Result<(), ReadError> {
        let header = |name: &str| answer.headers.get(name)?.to_str().ok().map(str::to_owned);
        for place in prelude.kept() {
            let shape = |reason: String| ReadError::Shape { url: question.shown_url(), reason };
            let (name, place) = place.map_err(shape)?;
            let written = &prelude.keep[name];
            let value = place.find(&answer.body, header).map_err(|unkept| {
                shape(match unkept {
                    Unkept::Absent => format!("there is no `{written}`, which is kept as {name}"),
                    Unkept::Unfit(found) => format!(
                        "`{written}`, which is kept as {name}, is {found}; expected a text that is not empty, \
                         a number or a boolean"
                    ),
                })
            })?;
            guard(&format!("kept.{name}"), &value);
            kept.insert(name.to_owned(), value);
        }
        Ok(())
    }

    pub(super) fn host(&self, url: Option<&str>) -> &Host {
        url.and_then(|url| self.others.get(url)).unwrap_or(&self.home)
    }
}

/// Base URLs of other hosts that a target's description names.
pub(super) fn other_urls(target: &Target) -> BTreeSet<&str> {
    let of_reads = target.reads().into_iter().filter_map(|request| request.url);
    of_reads.chain(target.publish.url.as_deref()).collect()
}

fn header(name: &str, template: &Template, values: &Values<'_>) -> Result<(HeaderName, HeaderValue), String> {
    let mut bytes = Vec::new();
    template.write(Fit::Header, values, &mut bytes).map_err(|error| error.to_string())?;
    let refuse = || format!("header `{name}` cannot be sent");
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse())?;
    let mut value = HeaderValue::from_bytes(&bytes).map_err(|_| refuse())?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

/// Reads a response to its end. `url` is for messages.
pub(super) async fn read_to_end(mut response: reqwest::Response, url: &str) -> Result<Answer, ReadError> {
    let shape = |reason: String| ReadError::Shape { url: url.to_owned(), reason };
    let cut = |source: reqwest::Error| ReadError::Http { url: url.to_owned(), source: source.without_url() };
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(cut)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(shape(too_large(MAX_BODY)));
        }
        body.extend_from_slice(&chunk);
    }
    let headers = response.headers().clone();
    let body = unpacked(&headers, body, MAX_BODY).map_err(shape)?;
    Ok(Answer { status: response.status().as_u16(), headers, body })
}
