//! Faults of a request, in the form that clients of the contract know: `{"loc": [...], "msg": ...,
//! "type": ...}`.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

/// One fault of a request, with its place.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// `events`, the event's index and its field; or `body`; or `query` and the parameter.
    #[schema(min_items = 1, max_items = 3)]
    loc: Vec<Step>,
    /// A sentence for people.
    msg: Cow<'static, str>,
    /// A stable word for programs.
    #[serde(rename = "type")]
    kind: &'static str,
}

/// One step on the way to the place: a field's name or a member's index.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
enum Step {
    Name(Cow<'static, str>),
    Index(usize),
}

/// A fault without its place: a stable word for programs and a sentence for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) kind: &'static str,
    pub(crate) msg: &'static str,
}

/// Reasons to reject a body.
#[derive(Debug)]
pub(crate) enum Rejected {
    /// Faults of its events, at least one.
    Invalid(Vec<Fault>),
    /// More events than a batch may hold.
    TooMany,
}

impl Fault {
    /// Fault of the whole body.
    pub(crate) fn body(kind: &'static str, msg: impl Into<Cow<'static, str>>) -> Self {
        Self { loc: vec![Step::Name("body".into())], msg: msg.into(), kind }
    }

    /// Fault of the whole list of events.
    pub(crate) fn events(reason: Reason) -> Self {
        Self { loc: vec![Step::Name("events".into())], msg: reason.msg.into(), kind: reason.kind }
    }

    /// Fault of one whole event.
    pub(crate) fn event(index: usize, reason: Reason) -> Self {
        let loc = vec![Step::Name("events".into()), Step::Index(index)];
        Self { loc, msg: reason.msg.into(), kind: reason.kind }
    }

    /// Fault of a line that is not JSON, by the index that its event would have.
    pub(crate) fn line(index: usize, msg: String) -> Self {
        let loc = vec![Step::Name("events".into()), Step::Index(index)];
        Self { loc, msg: msg.into(), kind: "json_invalid" }
    }

    /// Fault of one field of one event.
    pub(crate) fn field(index: usize, field: impl Into<Cow<'static, str>>, reason: Reason) -> Self {
        let loc = vec![Step::Name("events".into()), Step::Index(index), Step::Name(field.into())];
        Self { loc, msg: reason.msg.into(), kind: reason.kind }
    }

    /// Fault of one parameter of the query string.
    pub(crate) fn query(name: &'static str, kind: &'static str, msg: impl Into<Cow<'static, str>>) -> Self {
        Self { loc: vec![Step::Name("query".into()), Step::Name(name.into())], msg: msg.into(), kind }
    }
}
