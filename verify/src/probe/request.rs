//! Requests of the experiments, made of the texts of a sketch.

use truth::clock::utc_ms;
use truth::target::request::Whole;
use truth::target::secrets::Secrets;
use truth::target::sign::Signer;
use truth::target::template::{Fill, FillError, Fit, HoleName, Template, TemplateError};

use super::roles::Values;
use super::sketch::{Sketch, Texts};
use thiserror::Error;

/// Reason why a request cannot be made of its texts.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum RequestError {
    /// A text is no template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A hole has no value, or a value does not fit.
    #[error(transparent)]
    Fill(#[from] FillError),
}

/// Values of an experiment, for the holes of its texts.
#[derive(Clone, Copy)]
pub(super) struct Filling<'a> {
    pub(super) payload: &'a str,
    pub(super) values: &'a Values,
    pub(super) secrets: &'a Secrets,
    /// Signer of requests, if the scenario that was given signs them.
    pub(super) signer: Option<&'a Signer>,
}

/// Filling with the parts of a request that are made before others.
struct Holes<'a> {
    filling: Filling<'a>,
    body: Option<&'a [u8]>,
    signature: Option<&'a str>,
}

impl Fill for Holes<'_> {
    fn fill(&self, name: &HoleName, out: &mut Vec<u8>) -> Result<(), FillError> {
        let unknown = || FillError::unknown(name);
        let Filling { payload, values, secrets, .. } = self.filling;
        match name {
            HoleName::Payload => out.extend_from_slice(payload.as_bytes()),
            HoleName::Topic => out.extend_from_slice(values.topic.as_ref().ok_or_else(unknown)?.as_bytes()),
            HoleName::EventId => out.extend_from_slice(values.ids.first().ok_or_else(unknown)?.as_bytes()),
            HoleName::BatchId => out.extend_from_slice(values.batch_id.as_bytes()),
            HoleName::Now(form) => form.write(utc_ms(), out),
            HoleName::Timestamp(form) => form.write(values.time_ms.unwrap_or_else(utc_ms), out),
            HoleName::Body => out.extend_from_slice(self.body.ok_or_else(unknown)?),
            HoleName::Signature => out.extend_from_slice(self.signature.ok_or_else(unknown)?.as_bytes()),
            _ => return secrets.fill(name, out),
        }
        Ok(())
    }
}

/// Returns a request with one event of an experiment.
pub(super) fn whole(sketch: &Sketch, texts: &Texts, filling: Filling<'_>) -> Result<Whole, RequestError> {
    let unsigned = Holes { filling, body: None, signature: None };
    let content_type = texts.headers.get("content-type").map_or("", String::as_str);
    let mut body = Vec::new();
    let text = format!("{}{}{}", texts.before, texts.event, texts.after);
    Template::parse(&text)?.write(Fit::of_content_type(content_type), &unsigned, &mut body)?;
    let over = Holes { body: Some(&body), ..unsigned };
    let signature = filling.signer.map(|signer| signer.sign(&over)).transpose()?;
    let holes = Holes { signature: signature.as_deref(), ..over };
    let path = Template::parse(&texts.path)?.path(&holes)?;
    let mut fields = Vec::new();
    for (name, value) in texts.common.iter().chain(&texts.headers) {
        let mut written = Vec::new();
        Template::parse(value)?.write(Fit::Header, &holes, &mut written)?;
        fields.push((name.clone(), written));
    }
    Ok(Whole { method: sketch.method.clone(), path, fields, body })
}

#[cfg(test)]
mod tests {
    use super::super::given::Given;
    use super::super::roles::{PAYLOAD, Roles};
    use super::*;

    #[test]
    fn a_request_of_an_experiment_is_the_given_one_with_other_values() {
        let body = r#"{"id":"4711","data":{"a":1},"note":"{{x}}"}"#.to_owned();
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        let url = "http://h/a%20b?x=1".to_owned();
        let given = Given { method: "PUT".to_owned(), url, headers, body, notes: Vec::new() };
        let sketch = Sketch::of(&given);
        let roles = Roles::of(&sketch);
        let values = Values { has_payload: true, ..roles.fresh(0) };
        let texts = sketch.texts(&roles.choice(&values, 0));
        let secrets = Secrets::none();
        let filling = Filling { payload: PAYLOAD, values: &values, secrets: &secrets, signer: None };
        let made = whole(&sketch, &texts, filling).unwrap();
        let expected = format!(r#"{{"id":"{}","data":{PAYLOAD},"note":"{{{{x}}}}"}}"#, values.ids[0]);
        assert_eq!(String::from_utf8(made.body).unwrap(), expected);
        assert_eq!((made.method.as_str(), made.path.as_str()), ("PUT", "/a%20b?x=1"));
    }
}
