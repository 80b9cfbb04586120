//! What is wrong with a request, in the shape that clients of the contract know: `{"loc": [...], "msg": ..., "type": ...}`.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

/// One fault of a request, with the place where it is.
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

/// One step on the way to the faulty place: a field's name or a member's index.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
enum Step {
    Name(Cow<'static, str>),
    Index(usize),
}

/// What is wrong, without the place: a stable word for programs and a sentence for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) kind: &'static str,
    pub(crate) msg: &'static str,
}

/// Why a body is not a batch.
#[derive(Debug)]
pub(crate) enum Rejected {
    /// Something in it is not valid; every fault is listed.
    Invalid(Vec<Fault>),
    /// It holds more events than a batch may.
    TooMany,
}

impl Fault {
    /// The body as a whole.
    pub(crate) fn body(kind: &'static str, msg: impl Into<Cow<'static, str>>) -> Self {
        Self { loc: vec![Step::Name("body".into())], msg: msg.into(), kind }
    }

    /// The list of events as a whole.
    pub(crate) fn events(reason: Reason) -> Self {
        Self { loc: vec![Step::Name("events".into())], msg: reason.msg.into(), kind: reason.kind }
    }

    /// One event of the list as a whole.
    pub(crate) fn event(index: usize, reason: Reason) -> Self {
        let loc = vec![Step::Name("events".into()), Step::Index(index)];
        Self { loc, msg: reason.msg.into(), kind: reason.kind }
    }

    /// One line of the body that is not even JSON, by the index that its event would have.
    pub(crate) fn line(index: usize, msg: String) -> Self {
        let loc = vec![Step::Name("events".into()), Step::Index(index)];
        Self { loc, msg: msg.into(), kind: "json_invalid" }
    }

    /// One field of one event.
    pub(crate) fn field(index: usize, field: impl Into<Cow<'static, str>>, reason: Reason) -> Self {
        let loc = vec![Step::Name("events".into()), Step::Index(index), Step::Name(field.into())];
        Self { loc, msg: reason.msg.into(), kind: reason.kind }
    }

    /// One parameter of the query string.
    pub(crate) fn query(name: &'static str, kind: &'static str, msg: impl Into<Cow<'static, str>>) -> Self {
        Self { loc: vec![Step::Name("query".into()), Step::Name(name.into())], msg: msg.into(), kind }
    }
}
