//! Outcome of a response: a status and a body, read by the target's description.

mod body;
mod kind;

pub use self::kind::{Kind, Kinds};

use self::body::{Body, Refused};
use crate::excerpt::beginning;
use crate::plan::event::Events;
use crate::target::{StatusPattern, Target};

/// Outcome of a request, after all that will ever be known of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Outcome {
    /// No byte of the request left.
    NeverSent,
    /// A complete response promises that the request had no effect.
    Rejected,
    /// The target acknowledged the request.
    Acked,
    /// The request may have been executed once or not at all, at any later moment.
    Unknown,
    /// The response contradicts the target's description. It means the same as unknown, except for
    /// a target without `[[target.answers]]` none of whose responses fits the description: there
    /// its status acknowledges.
    Unclear,
}

impl Outcome {
    /// Returns the name of the outcome in files.
    pub fn text(self) -> &'static str {
        match self {
            Self::NeverSent => "never-sent",
            Self::Rejected => "rejected",
            Self::Acked => "acked",
            Self::Unknown => "unknown",
            Self::Unclear => "unclear",
        }
    }
}

/// Complete response.
#[derive(Clone, Copy)]
pub struct Response<'a> {
    /// HTTP status.
    pub status: u16,
    /// Finds a header field by its name in small letters. It is asked only if a rule names one.
    pub field: &'a dyn Fn(&str) -> Option<&'a [u8]>,
    /// Body.
    pub body: &'a [u8],
}

/// Events of a request, as its response may name them.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// Keys, in the order of the request.
    pub ordinals: &'a [u64],
    /// Events of the plan, which know topic and id of a key.
    pub events: &'a Events,
    /// Place of an invalid event among them; none if there is none.
    pub invalid: Option<usize>,
}

impl Sent<'_> {
    /// Returns the number of events, the invalid one included.
    pub(super) fn places(self) -> usize {
        self.ordinals.len() + usize::from(self.invalid.is_some())
    }
}

/// Answer, with what it asks of the sender.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadAnswer {
    /// Meaning of the response.
    pub answer: Answer,
    /// True if it asks to come back later.
    pub is_busy: bool,
}

impl ReadAnswer {
    /// Returns an answer that asks nothing of the sender.
    pub(super) fn of(answer: Answer) -> Self {
        Self { answer, is_busy: false }
    }

    /// Returns an outcome of which nothing more is said.
    pub(super) fn bare(outcome: Outcome) -> Self {
        Self::of(Answer::bare(outcome))
    }

    /// Returns a rejection for now.
    pub(super) fn busy() -> Self {
        Self { answer: Answer::bare(Outcome::Rejected), is_busy: true }
    }

    /// Returns a response with this body that contradicts the description.
    pub(super) fn unclear(body: &[u8]) -> Self {
        Self::of(Answer::unclear(body))
    }
}

/// Meaning of a response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Outcome of the request.
    pub outcome: Outcome,
    /// Number of accepted events, if the response reports it.
    pub accepted: Option<u32>,
    /// Number of new events among them, if the response reports it.
    pub inserted: Option<u32>,
    /// Number of duplicates among them, if the response reports it.
    pub duplicates: Option<u32>,
    /// Kind of each event.
    pub kinds: Kinds,
    /// Beginning of the body, if the response is unclear.
    pub excerpt: Option<Box<str>>,
}

/// Characters of an unclear body that are kept.
const EXCERPT: usize = 120;

impl Answer {
    /// Returns an outcome without a usable response.
    pub fn bare(outcome: Outcome) -> Self {
        Self {
            outcome,
            accepted: None,
            inserted: None,
            duplicates: None,
            kinds: Kinds::Unreported,
            excerpt: None,
        }
    }

    /// Returns the outcome of a body that contradicts the description.
    fn unclear(body: &[u8]) -> Self {
        let readable = |letter: char| if letter.is_control() { ' ' } else { letter };
        let excerpt: String = beginning(body, EXCERPT).chars().map(readable).collect();
        let excerpt = Some(excerpt.into_boxed_str()).filter(|text| !text.is_empty());
        Self { excerpt, ..Self::bare(Outcome::Unclear) }
    }

    /// Reads a complete response by the target's description: its rules, or the short form.
    pub fn read(target: &Target, response: &Response<'_>, sent: Sent<'_>) -> ReadAnswer {
        if target.answers.is_empty() {
            let Response { status, body, .. } = *response;
            ReadAnswer::of(Self::classify(target, status, body, sent.ordinals.len() as u32))
        } else {
            target.answers.read(response, sent)
        }
    }

    /// Reads a complete response to a request of `sent` events by the short form alone.
    pub fn classify(target: &Target, status: u16, body: &[u8], sent: u32) -> Self {
        match outcome_of(target, status) {
            // These statuses have no body, so nothing contradicts them.
            Outcome::Acked if matches!(status, 204 | 205) => Self::bare(Outcome::Acked),
            Outcome::Acked => Self::acknowledged(target, body, sent),
            outcome => Self::bare(outcome),
        }
    }

    fn acknowledged(target: &Target, text: &[u8], sent: u32) -> Self {
        let fields = &target.answer;
        if !fields.any() {
            return Self::bare(Outcome::Acked);
        }
        // Something between the two may have sent a body that is not JSON.
        let Some(body) = Body::read(text, fields) else {
            return Self::unclear(text);
        };
        let Body { accepted, inserted, duplicates, .. } = body;
        let told = body.listed(fields, sent as usize).filter(|list| list.length == sent as usize);
        let kinds = match (told, body.refused(fields)) {
            // An entry that the description does not know leaves open if that event was accepted,
            // and a rejected event must not count as acknowledged.
            (Some(list), _) => list.kinds.map(Kinds::of_each),
            (None, Refused::These(places)) => Kinds::but_for(&places, sent as usize),
            (None, Refused::Unclear) => None,
            // A part was rejected, but the response does not name it.
            (None, Refused::Nobody) if body.counts_less_than(sent) => None,
            (None, Refused::Nobody) if inserted == Some(sent) => Some(Kinds::AllNew),
            (None, Refused::Nobody) if inserted == Some(0) && duplicates == Some(sent) => {
                Some(Kinds::AllDuplicate)
            }
            (None, Refused::Nobody) => Some(Kinds::Unreported),
        };
        match kinds {
            Some(kinds) => Self { accepted, inserted, duplicates, kinds, ..Self::bare(Outcome::Acked) },
            None => Self::unclear(text),
        }
    }
}

/// Returns the outcome of a status. An exact status outranks a class. 408 and 499 are unknown
/// unless they are named, because the request may still be under way.
fn outcome_of(target: &Target, status: u16) -> Outcome {
    let exact = |patterns: &[StatusPattern]| patterns.iter().any(|pattern| pattern.is_exactly(status));
    let class = |patterns: &[StatusPattern]| patterns.iter().any(|pattern| pattern.is_class_of(status));
    let publish = &target.publish;
    if exact(&publish.ack) {
        Outcome::Acked
    } else if exact(&publish.rejected) {
        Outcome::Rejected
    } else if matches!(status, 408 | 499) {
        Outcome::Unknown
    } else if class(&publish.ack) {
        Outcome::Acked
    } else if class(&publish.rejected) {
        Outcome::Rejected
    } else {
        Outcome::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::AnswerFields;

    fn classify(status: u16, body: &str) -> Answer {
        Answer::classify(&Target::default(), status, body.as_bytes(), 2)
    }

    #[test]
    fn statuses_mean_what_the_strict_promises_say() {
        use Outcome::{Acked, Rejected, Unknown};
        let table = [
            (200, Acked),
            (202, Acked),
            (301, Rejected),
            (400, Rejected),
            (408, Unknown),
            (413, Rejected),
            (422, Rejected),
            (429, Rejected),
            (499, Unknown),
            (500, Unknown),
            (502, Unknown),
            (503, Rejected),
            (504, Unknown),
        ];
        for (status, outcome) in table {
            assert_eq!(classify(status, "{}").outcome, outcome, "{status}");
        }
    }

    #[test]
    fn an_exact_status_outranks_its_class_and_the_exceptions() {
        let mut target = Target::default();
        target.publish.rejected.push(StatusPattern::Exact(408));
        target.publish.rejected.push(StatusPattern::Exact(204));
        assert_eq!(Answer::classify(&target, 408, b"", 1).outcome, Outcome::Rejected);
        assert_eq!(Answer::classify(&target, 204, b"", 1).outcome, Outcome::Rejected);
    }

    #[test]
    fn counts_alone_tell_the_kinds_only_where_all_are_alike() {
        assert_eq!(classify(200, r#"{"accepted":2,"inserted":2,"duplicates":0}"#).kinds, Kinds::AllNew);
        assert_eq!(classify(200, r#"{"accepted":2,"inserted":0,"duplicates":2}"#).kinds, Kinds::AllDuplicate);
        assert_eq!(classify(200, r#"{"accepted":2,"inserted":1,"duplicates":1}"#).kinds, Kinds::Unreported);
        let each = classify(200, r#"{"accepted":2,"results":["duplicate","inserted"]}"#);
        assert_eq!(each.kinds, Kinds::Each(vec![Kind::Duplicate, Kind::New]));
        assert_eq!(
            classify(200, r#"{"results":["inserted"]}"#).kinds,
            Kinds::Unreported,
            "a list of another length"
        );
    }

    #[test]
    fn a_part_that_was_refused_is_never_taken_for_acknowledged() {
        assert_eq!(classify(200, r#"{"results":["inserted","error"]}"#).outcome, Outcome::Unclear);
        assert_eq!(classify(200, r#"{"accepted":1}"#).outcome, Outcome::Unclear, "which of the two?");
        let mut target = Target::default();
        target.answer.rejected = vec!["error".to_owned()];
        let answer = Answer::classify(&target, 200, br#"{"accepted":1,"results":["inserted","error"]}"#, 2);
        assert_eq!(answer.kinds, Kinds::Each(vec![Kind::New, Kind::Rejected]));
    }

    fn mapped(fields: AnswerFields, sent: u32, body: &str) -> Answer {
        let target = Target { answer: fields, ..Target::default() };
        Answer::classify(&target, 200, body.as_bytes(), sent)
    }

    fn some(pointer: &str) -> Option<String> {
        Some(pointer.to_owned())
    }

    #[test]
    fn a_list_of_objects_tells_each_by_the_word_inside() {
        let fields = AnswerFields {
            results: some("/items"),
            result: some("/state/name"),
            new: vec!["stored".to_owned()],
            duplicate: vec!["seen".to_owned()],
            ..AnswerFields::default()
        };
        let body = r#"{"items":[{"id":"a","state":{"name":"stored"}},{"state":{"name":"seen"},"id":"b"}]}"#;
        assert_eq!(mapped(fields.clone(), 2, body).kinds, Kinds::Each(vec![Kind::New, Kind::Duplicate]));
        let body = r#"{"items":[{"state":{"name":"stored"}},{"state":"seen"}]}"#;
        assert_eq!(
            mapped(fields, 2, body).outcome,
            Outcome::Unclear,
            "a word that is not there is not known"
        );
    }

    #[test]
    fn a_list_of_the_refused_tells_that_the_others_were_taken() {
        let fields = AnswerFields {
            accepted: some("/queued"),
            refused: some("/rejected"),
            refused_place: some("/index"),
            ..AnswerFields::default()
        };
        let each = |body: &str| mapped(fields.clone(), 3, body);
        let told = each(r#"{"queued":2,"rejected":[{"index":1,"reason":"no"}]}"#);
        assert_eq!(told.kinds, Kinds::Each(vec![Kind::Accepted, Kind::Rejected, Kind::Accepted]));
        assert_eq!(each(r#"{"queued":3,"rejected":[]}"#).kinds, Kinds::Unreported);
        assert_eq!(each(r#"{"queued":3}"#).kinds, Kinds::Unreported);
        for unclear in [
            r#"{"queued":2,"rejected":[{"reason":"no"}]}"#,
            r#"{"queued":2,"rejected":["b"]}"#,
            r#"{"queued":2,"rejected":[{"index":3}]}"#,
            r#"{"queued":1,"rejected":[{"index":1},{"index":1}]}"#,
            r#"{"queued":2}"#,
        ] {
            assert_eq!(each(unclear).outcome, Outcome::Unclear, "{unclear}");
        }
        let plain = AnswerFields { refused_place: None, ..fields };
        let told = mapped(plain, 2, r#"{"queued":1,"rejected":[0]}"#);
        assert_eq!(told.kinds, Kinds::Each(vec![Kind::Rejected, Kind::Accepted]));
    }

    #[test]
    fn other_names_for_the_counts_are_read() {
        let fields = AnswerFields {
            accepted: some("/received"),
            inserted: some("/unique"),
            ..AnswerFields::default()
        };
        let answer = mapped(fields, 3, r#"{"received":3,"unique":2}"#);
        assert_eq!((answer.accepted, answer.inserted, answer.duplicates), (Some(3), Some(2), None));
        assert_eq!(mapped(AnswerFields::default(), 3, r#"{"status":"queued"}"#).outcome, Outcome::Acked);
        assert_eq!(mapped(AnswerFields::default(), 3, "").outcome, Outcome::Acked, "nothing was to be told");
    }

    #[test]
    fn an_acknowledging_status_over_rubbish_is_unclear() {
        let login = classify(200, "\r\n<html>\r\nlogin</html>");
        assert_eq!(
            (login.outcome, login.excerpt.as_deref()),
            (Outcome::Unclear, Some("<html>  login</html>"))
        );
        assert_eq!(classify(200, ""), Answer::bare(Outcome::Unclear));
        let long = classify(200, &"é".repeat(1_000)).excerpt;
        assert_eq!(long.as_deref(), Some("é".repeat(EXCERPT).as_str()));
    }

    #[test]
    fn a_status_without_a_body_needs_none() {
        for (status, outcome) in [(204, Outcome::Acked), (205, Outcome::Acked), (200, Outcome::Unclear)] {
            assert_eq!(classify(status, "").outcome, outcome, "{status}");
        }
    }

    #[test]
    fn a_count_below_what_was_sent_is_unclear_whatever_else_is_mapped() {
        let fields = AnswerFields {
            accepted: some("/accepted"),
            inserted: some("/new"),
            duplicates: some("/known"),
            ..AnswerFields::default()
        };
        for (body, outcome) in [
            (r#"{"accepted":0}"#, Outcome::Unclear),
            (r#"{"accepted":9}"#, Outcome::Unclear),
            (r#"{"accepted":10}"#, Outcome::Acked),
            (r#"{"new":4,"known":5}"#, Outcome::Unclear),
            (r#"{"new":0,"known":10}"#, Outcome::Acked),
            (r#"{"new":4,"known":6}"#, Outcome::Acked),
            (r#"{"new":0}"#, Outcome::Acked),
            // Accepted may be the number of new ones.
            (r#"{"accepted":0,"known":10}"#, Outcome::Acked),
            (r#"{"accepted":4,"new":4,"known":6}"#, Outcome::Acked),
            (r#"{"accepted":4,"known":5}"#, Outcome::Unclear),
            (r#"{"accepted":9,"new":4,"known":5}"#, Outcome::Unclear),
        ] {
            assert_eq!(mapped(fields.clone(), 10, body).outcome, outcome, "{body}");
        }
    }
}
