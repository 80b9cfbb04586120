//! Requests of the experiments, made of the texts of a sketch.

use truth::target::request::Whole;
use truth::target::secrets::Secrets;
use truth::target::template::{Fill, FillError, Fit, HoleName, Template, TemplateError};

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

/// Values of the holes of an experiment.
struct Holes<'a> {
    payload: &'a str,
    secrets: &'a Secrets,
}

impl Fill for Holes<'_> {
    fn fill(&self, name: &HoleName, out: &mut Vec<u8>) -> Result<(), FillError> {
        match name {
            HoleName::Payload => out.extend_from_slice(self.payload.as_bytes()),
            _ => return self.secrets.fill(name, out),
        }
        Ok(())
    }
}

/// Returns a request with one event, which has this payload if its texts ask for one.
pub(super) fn whole(
    sketch: &Sketch,
    texts: &Texts,
    payload: &str,
    secrets: &Secrets,
) -> Result<Whole, RequestError> {
    let holes = Holes { payload, secrets };
    let path = Template::parse(&texts.path)?.path(&holes)?;
    let mut fields = Vec::new();
    for (name, value) in texts.common.iter().chain(&texts.headers) {
        let mut written = Vec::new();
        Template::parse(value)?.write(Fit::Header, &holes, &mut written)?;
        fields.push((name.clone(), written));
    }
    let content_type = texts.headers.get("content-type").map_or("", String::as_str);
    let mut body = Vec::new();
    let text = format!("{}{}{}", texts.before, texts.event, texts.after);
    Template::parse(&text)?.write(Fit::of_content_type(content_type), &holes, &mut body)?;
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
        let values = super::super::roles::Values { has_payload: true, ..roles.fresh(0) };
        let texts = sketch.texts(&roles.choice(&values, 0));
        let made = whole(&sketch, &texts, PAYLOAD, &Secrets::none()).unwrap();
        let expected = format!(r#"{{"id":"{}","data":{PAYLOAD},"note":"{{{{x}}}}"}}"#, values.ids[0]);
        assert_eq!(String::from_utf8(made.body).unwrap(), expected);
        assert_eq!((made.method.as_str(), made.path.as_str()), ("PUT", "/a%20b?x=1"));
    }
}
