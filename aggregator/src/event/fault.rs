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

/// Number of faults that a response lists.
const MAX_LISTED: usize = 100;
/// Bytes of a client's own field name in a fault. A longer one is cut.
const MAX_NAME_BYTES: usize = 64;

/// Faults of one request: the first ones, and the number of all others. A body of a few bytes can
/// have millions.
#[derive(Debug, Default)]
pub(super) struct Faults {
    listed: Vec<Fault>,
    more: usize,
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
    pub(crate) fn field(index: usize, field: &str, reason: Reason) -> Self {
        let loc = vec![Step::Name("events".into()), Step::Index(index), Step::Name(shortened(field).into())];
        Self { loc, msg: reason.msg.into(), kind: reason.kind }
    }

    /// Fault of one parameter of the query string.
    pub(crate) fn query(name: &'static str, kind: &'static str, msg: impl Into<Cow<'static, str>>) -> Self {
        Self { loc: vec![Step::Name("query".into()), Step::Name(name.into())], msg: msg.into(), kind }
    }
}

impl Faults {
    /// Adds a fault, which is made only if it will be listed.
    pub(super) fn add(&mut self, fault: impl FnOnce() -> Fault) {
        if self.listed.len() < MAX_LISTED {
            self.listed.push(fault());
        } else {
            self.more += 1;
        }
    }

    /// Returns the first faults, and one that counts the others.
    pub(super) fn list(self) -> Vec<Fault> {
        let mut list = self.listed;
        if self.more > 0 {
            let msg = format!("and {} more", self.more);
            list.push(Fault { loc: vec![Step::Name("events".into())], msg: msg.into(), kind: "more_faults" });
        }
        list
    }
}

/// A name that a client chose, cut to a size that a person can read.
fn shortened(name: &str) -> String {
    if name.len() <= MAX_NAME_BYTES {
        return name.to_owned();
    }
    format!("{}…", &name[..name.floor_char_boundary(MAX_NAME_BYTES)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_faults_are_listed_and_the_others_counted() {
        let mut faults = Faults::default();
        let fault = || Fault::field(7, "topic", Reason { kind: "missing", msg: "field required" });
        (0..MAX_LISTED).for_each(|_| faults.add(fault));
        assert_eq!(faults.listed.len(), 100);
        (0..1_234).for_each(|_| faults.add(|| panic!("a fault that nobody sees is not made")));
        let list = faults.list();
        assert_eq!(list.len(), 101);
        assert_eq!(list[100].msg, "and 1234 more");
    }

    #[test]
    fn a_long_name_is_cut_between_two_characters() {
        assert_eq!(shortened("topic"), "topic");
        assert_eq!(shortened(&"é".repeat(1_000_000)), format!("{}…", "é".repeat(32)));
    }
}
