//! Requests with events: bodies in the short form or by the scenario's text, and the values of the
//! holes in path, header fields and body.

use std::sync::Arc;

use crate::plan::event::{Events, write_decimal};
use crate::plan::invalid::Invalid;
use crate::plan::rng::scale;
use crate::plan::trace::Traceparent;
use crate::plan::values::Drawn;
use crate::plan::variant::{Origin, Side};
use crate::target::secrets::Secrets;
use crate::target::sign::Signer;
use crate::target::template::{Fill, FillError, Fit, HoleName, Template};
use crate::target::wire::Renderer;
use crate::target::{Flawed, Publish, RequestText, Target};

/// Invariant of a scenario that was checked.
const CHECKED: &str = "the scenario's check found a value for each hole";

/// Request that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Keys of its events, in order.
    pub ordinals: &'a [u64],
    /// Place of the request in the plan.
    pub origin: Origin,
    /// Invalid event among the others, if there is one.
    pub invalid: Option<Invalid>,
    /// Time of the request, in milliseconds since 1970.
    pub now_ms: i64,
    /// Trace context of the request, if there is one.
    pub traceparent: Option<Traceparent>,
}

impl<'a> Asked<'a> {
    /// Returns a request of these events at this time, without a trace context.
    pub fn of(ordinals: &'a [u64], origin: Origin, now_ms: i64) -> Self {
        Self { ordinals, origin, invalid: None, now_ms, traceparent: None }
    }
}

/// Writer of the requests of one target. It is cheap to clone; each sender has its own.
#[derive(Clone, Debug)]
pub struct RequestWriter {
    events: Arc<Events>,
    secrets: Arc<Secrets>,
    bodies: Bodies,
    head: Arc<HeadParts>,
    signer: Option<Arc<Signer>>,
}

/// Parts of a request before its body.
#[derive(Debug)]
struct HeadParts {
    method: String,
    path: Template,
    fields: Vec<(String, Template)>,
}

/// A request with events, whole, for who sends single ones.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Whole {
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Header fields, without those that frame the request.
    pub fields: Vec<(String, Vec<u8>)>,
    /// Body, not packed.
    pub body: Vec<u8>,
}

/// Way in which bodies are made.
#[derive(Clone, Debug)]
enum Bodies {
    Short(Box<Renderer>),
    Text(Arc<Text>),
}

/// Text of the requests, with the fits that its content type asks for.
#[derive(Debug)]
struct Text {
    body: Template,
    body_fit: Fit,
    event: Option<Template>,
    event_fit: Fit,
    separator: String,
    invalid: Vec<Flawed>,
}

impl Text {
    fn new(text: &RequestText, invalid: &[Flawed], content_type: &str) -> Self {
        let body_fit = Fit::of_content_type(content_type);
        let event_fit = text.event_fit(body_fit);
        // Events of a form are encoded piece by piece; JSON within a form is encoded as a whole.
        let is_encoded = body_fit == Fit::Form && event_fit == Fit::Form;
        let body = text.body.clone();
        Self {
            body: if is_encoded { body.with_raw(&HoleName::Events) } else { body },
            body_fit,
            event: text.event.clone(),
            event_fit,
            separator: text.separator.clone(),
            invalid: invalid.to_vec(),
        }
    }
}

impl RequestText {
    /// Returns the fit of an event in a body of this fit. An object or list of JSON is JSON, even
    /// within a form.
    pub fn event_fit(&self, body_fit: Fit) -> Fit {
        let event = self.event.as_ref().map_or("", Template::as_str).trim_start();
        let is_json = body_fit == Fit::Form && (event.starts_with('{') || event.starts_with('['));
        if is_json && !event.starts_with("{{") { Fit::Json } else { body_fit }
    }
}

impl RequestWriter {
    /// Returns a writer of these events for this target.
    pub fn new(events: Arc<Events>, target: &Target, secrets: Arc<Secrets>) -> Self {
        let bodies = match &target.publish.text {
            None => Bodies::Short(Box::new(Renderer::new(Arc::clone(&events), target))),
            Some(text) => {
                Bodies::Text(Arc::new(Text::new(text, &target.publish.invalid, &target.content_type())))
            }
        };
        let fields = target.publish_headers().into_iter().map(|(name, value)| (name, value.clone()));
        let mut fields: Vec<(String, Template)> = fields.collect();
        if !fields.iter().any(|(name, _)| name == "content-type") {
            fields.push(("content-type".to_owned(), Template::literal(&target.content_type())));
        }
        let Publish { method, path, .. } = &target.publish;
        let head = Arc::new(HeadParts { method: method.clone(), path: path.clone(), fields });
        let signer =
            target.publish.sign.as_ref().map(|sign| Arc::new(Signer::new(sign, &secrets).expect(CHECKED)));
        Self { events, secrets, bodies, head, signer }
    }

    /// True if bodies are made by the scenario's text, so that they may need the time and a trace
    /// context.
    pub fn has_text(&self) -> bool {
        matches!(self.bodies, Bodies::Text(_))
    }

    /// Appends the body of a request.
    pub fn body(&mut self, asked: &Asked<'_>, out: &mut Vec<u8>) {
        match &mut self.bodies {
            Bodies::Short(renderer) => match asked.invalid {
                None => renderer.body(asked.ordinals, asked.origin, out),
                Some(invalid) => renderer.spoilt_body(asked.ordinals, asked.origin, invalid, out),
            },
            Bodies::Text(text) => {
                let text = Arc::clone(text);
                let values = RequestValues { text: Some(&text), ..self.values(asked, None) };
                text.body.write(text.body_fit, &values, out).expect(CHECKED);
            }
        }
    }

    /// Returns the signature of a request with this body; none if requests are not signed.
    pub fn signature(&self, asked: &Asked<'_>, body: &[u8]) -> Option<String> {
        let signer = self.signer.as_ref()?;
        let values = RequestValues { body: Some(body), ..self.values(asked, None) };
        Some(signer.sign(&values).expect(CHECKED))
    }

    /// Returns the values of a request for its path and header fields.
    pub fn values<'a>(&'a self, asked: &'a Asked<'a>, signature: Option<&'a str>) -> RequestValues<'a> {
        RequestValues {
            events: &self.events,
            secrets: &self.secrets,
            asked,
            text: None,
            event: None,
            body: None,
            signature,
        }
    }

    /// Returns a request, whole.
    pub fn whole(&mut self, asked: &Asked<'_>) -> Whole {
        let mut body = Vec::new();
        self.body(asked, &mut body);
        let signature = self.signature(asked, &body);
        let values = self.values(asked, signature.as_deref());
        let field = |(name, value): &(String, Template)| {
            let mut written = Vec::new();
            value.write(Fit::Header, &values, &mut written).expect(CHECKED);
            (name.clone(), written)
        };
        let fields = self.head.fields.iter().map(field).collect();
        let path = self.head.path.path(&values).expect(CHECKED);
        Whole { method: self.head.method.clone(), path, fields, body }
    }
}

/// Returns the flaw of a request with an invalid event.
fn chosen(flaws: &[Flawed], invalid: Invalid) -> Option<&Flawed> {
    flaws.get(scale(invalid.drawn, flaws.len() as u64) as usize)
}

/// Returns the header field that a request with this invalid event has to lack; none if it has all.
pub fn missing_header(flaws: &[Flawed], invalid: Invalid) -> Option<&str> {
    match chosen(flaws, invalid)? {
        Flawed::Without { without } => Some(without),
        Flawed::Event(_) => None,
    }
}

/// Values of one request, and of one of its events.
#[derive(Clone, Copy)]
pub struct RequestValues<'a> {
    events: &'a Events,
    secrets: &'a Secrets,
    asked: &'a Asked<'a>,
    /// Text of the events; none outside the body.
    text: Option<&'a Text>,
    event: Option<Event>,
    /// Body of the request, once it is made.
    body: Option<&'a [u8]>,
    signature: Option<&'a str>,
}

/// An event of a request.
#[derive(Clone, Copy)]
struct Event {
    ordinal: u64,
    place: usize,
    side: Side,
}

impl RequestValues<'_> {
    fn of_event(&self, ordinal: u64, place: usize) -> Self {
        let side = self.events.side(ordinal, self.asked.origin, place);
        Self { event: Some(Event { ordinal, place, side }), ..*self }
    }

    fn write_events(&self, text: &Text, out: &mut Vec<u8>) -> Result<(), FillError> {
        let Some(event) = &text.event else { return Err(FillError::unknown(&HoleName::Events)) };
        let flawed = self.asked.invalid.and_then(|invalid| {
            let Some(Flawed::Event(event)) = chosen(&text.invalid, invalid) else { return None };
            Some((invalid.place, event))
        });
        let start = out.len();
        let separate = |out: &mut Vec<u8>| {
            if out.len() > start {
                out.extend_from_slice(text.separator.as_bytes());
            }
        };
        for place in 0..=self.asked.ordinals.len() {
            if let Some((_, event)) = flawed.filter(|(at, _)| *at == place) {
                separate(out);
                event.write(text.event_fit, self, out)?;
            }
            if let Some(ordinal) = self.asked.ordinals.get(place) {
                separate(out);
                event.write(text.event_fit, &self.of_event(*ordinal, place), out)?;
            }
        }
        Ok(())
    }

    fn fill_of_event(&self, event: Event, name: &HoleName, out: &mut Vec<u8>) -> Result<(), FillError> {
        let events = self.events;
        let Event { ordinal, place, side } = event;
        let is_other = side == Side::Other;
        match name {
            HoleName::Topic => out.extend_from_slice(events.topic(ordinal).as_bytes()),
            HoleName::EventId => events.write_id(ordinal, out),
            HoleName::Source => {
                let other = events.other_source(ordinal).filter(|_| is_other);
                out.extend_from_slice(other.unwrap_or(events.source()).as_bytes());
            }
            HoleName::N => write_decimal(ordinal, out),
            HoleName::Data => out.extend_from_slice(events.data(ordinal, side)),
            HoleName::Payload => events.write_payload(ordinal, side, out),
            HoleName::Timestamp(form) => {
                let other = events.other_timestamp_ms(ordinal).filter(|_| is_other);
                form.write(other.unwrap_or_else(|| events.timestamp_ms(ordinal)), out);
            }
            HoleName::Place => write_decimal(place as u64, out),
            HoleName::Place1 => write_decimal(place as u64 + 1, out),
            HoleName::Traceparent => out.extend_from_slice(&events.trace_of(ordinal).text()),
            HoleName::Value(word) => match events.value(word, ordinal) {
                Some(Drawn::Value(value)) => out.extend_from_slice(value.to_string().as_bytes()),
                Some(Drawn::Text(text)) => out.extend_from_slice(text.as_bytes()),
                Some(Drawn::Env(variable)) => {
                    return self.secrets.fill(&HoleName::Env(variable.to_owned()), out);
                }
                None => return Err(FillError::unknown(name)),
            },
            _ => return Err(FillError::unknown(name)),
        }
        Ok(())
    }
}

impl Fill for RequestValues<'_> {
    fn fill(&self, name: &HoleName, out: &mut Vec<u8>) -> Result<(), FillError> {
        let unknown = || FillError::unknown(name);
        match name {
            HoleName::Events if self.event.is_none() => {
                return self.write_events(self.text.ok_or_else(unknown)?, out);
            }
            HoleName::Body => out.extend_from_slice(self.body.ok_or_else(unknown)?),
            HoleName::Signature => out.extend_from_slice(self.signature.ok_or_else(unknown)?.as_bytes()),
            HoleName::Count => write_decimal(self.asked.ordinals.len() as u64, out),
            HoleName::BatchId => {
                out.extend_from_slice(&self.events.batch_id(self.asked.origin, self.asked.ordinals));
            }
            HoleName::Now(form) => form.write(self.asked.now_ms, out),
            HoleName::Env(_) | HoleName::Kept(_) => return self.secrets.fill(name, out),
            HoleName::Traceparent if self.event.is_none() => {
                out.extend_from_slice(&self.asked.traceparent.ok_or_else(unknown)?.text());
            }
            _ => match (self.event, self.asked.ordinals) {
                (Some(event), _) => return self.fill_of_event(event, name, out),
                (None, [only]) => return self.of_event(*only, 0).fill(name, out),
                (None, _) if *name == HoleName::Topic && self.events.topics().len() == 1 => {
                    out.extend_from_slice(self.events.topics()[0].as_bytes());
                }
                (None, _) => return Err(unknown()),
            },
        }
        Ok(())
    }

    fn shown_as(&self, name: &HoleName) -> Option<HoleName> {
        if !self.secrets.is_by_name() {
            return None;
        }
        let HoleName::Value(word) = name else { return self.secrets.shown_as(name) };
        let ordinal = match (self.event, self.asked.ordinals) {
            (Some(event), _) => event.ordinal,
            (None, [only]) => *only,
            (None, _) => return None,
        };
        match self.events.value(word, ordinal) {
            Some(Drawn::Env(variable)) => Some(HoleName::Env(variable.to_owned())),
            Some(Drawn::Value(_) | Drawn::Text(_)) | None => None,
        }
    }
}
