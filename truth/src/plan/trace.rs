//! Trace context (W3C) of requests and events: pure functions of the plan, so that nothing has to
//! be recorded to know them.

use crate::plan::Plan;
use crate::plan::rng::{derived, mix};

/// Length of a `traceparent`.
pub const TRACEPARENT_LEN: usize = 55;

/// Text that stands for a `traceparent` until one is written over it.
pub const NO_TRACEPARENT: &str = "00-00000000000000000000000000000000-0000000000000000-00";

/// Draws of a nonce that trace ids and span ids come from. Ids of events use the first six.
const OF_KEYS: u64 = 100;
const OF_REQUESTS: u64 = 101;
const OF_EVENTS: u64 = 102;
const OF_TRIES: u64 = 103;
const OF_LISTS: u64 = 104;
const OF_LISTED: u64 = 105;

/// Trace context of one request or event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Traceparent {
    trace: [u64; 2],
    span: u64,
}

/// Try of a request, as the ledger counts them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Departure {
    /// Round of the plan.
    pub round: u64,
    /// Number of the request in the round.
    pub request: u32,
    /// Number of the try: 0 for the first.
    pub try_number: u16,
}

/// Trace contexts of a run.
#[derive(Clone, Copy, Debug)]
pub struct Traces {
    nonce: u64,
    requests_per_round: u64,
    /// True if each request holds one event, whose key gives the trace id.
    is_single: bool,
}

impl Traces {
    /// Returns the trace contexts of the run with this plan.
    pub fn new(plan: &Plan) -> Self {
        Self {
            nonce: plan.nonce,
            requests_per_round: u64::from(plan.requests_per_round()),
            is_single: plan.batch == 1,
        }
    }

    /// Returns the context of a try of a request that carries these keys. All tries of a request are
    /// of one trace; so are all copies of a key, where each request holds one.
    pub fn of_request(&self, departure: Departure, ordinals: &[u64]) -> Traceparent {
        let Departure { round, request, try_number } = departure;
        let number = round.wrapping_mul(self.requests_per_round).wrapping_add(request.into());
        let trace = self.trace_of(ordinals, OF_REQUESTS, number);
        let tries = derived(derived(self.nonce, OF_TRIES), number);
        Traceparent { trace, span: mix(tries ^ u64::from(try_number)).max(1) }
    }

    /// Returns the context of a request that `verify` sends, which carries these keys of a list.
    pub fn of_listed(&self, list: u32, request: u32, ordinals: &[u64]) -> Traceparent {
        let number = (u64::from(list) << 32) | u64::from(request);
        let span = derived(derived(self.nonce, OF_LISTED), number).max(1);
        Traceparent { trace: self.trace_of(ordinals, OF_LISTS, number), span }
    }

    /// Returns the context in the payload of a key, the same in all copies.
    pub fn of_event(&self, ordinal: u64) -> Traceparent {
        let span = derived(derived(self.nonce, OF_EVENTS), ordinal).max(1);
        Traceparent { trace: self.trace(OF_KEYS, ordinal), span }
    }

    /// Returns the trace id of a request: that of its key if each request holds one, or else one by
    /// its number.
    fn trace_of(&self, ordinals: &[u64], draw: u64, number: u64) -> [u64; 2] {
        match ordinals {
            [ordinal] if self.is_single => self.trace(OF_KEYS, *ordinal),
            _ => self.trace(draw, number),
        }
    }

    fn trace(&self, draw: u64, number: u64) -> [u64; 2] {
        let start = derived(derived(self.nonce, draw), number);
        [derived(start, 0), derived(start, 1).max(1)]
    }
}

impl Traceparent {
    /// Returns the text of the header: version, trace id, span id, and the flag that asks for it to
    /// be sampled.
    pub fn text(self) -> [u8; TRACEPARENT_LEN] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
        for (at, number) in [(3, self.trace[0]), (19, self.trace[1]), (36, self.span)] {
            for (place, digit) in text[at..at + 16].iter_mut().enumerate() {
                *digit = b"0123456789abcdef"[(number >> (60 - 4 * place)) as usize & 0xf];
            }
        }
        text
    }
}

impl std::fmt::Display for Traceparent {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { trace: [high, low], span } = self;
        write!(out, "00-{high:016x}{low:016x}-{span:016x}-01")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::scenario::Scenario;

    fn traces(nonce: u64, batch: u32) -> Traces {
        let mut scenario = Scenario::default();
        scenario.load.batch = batch;
        Traces::new(&scenario.plan(1, nonce).unwrap())
    }

    fn ids(text: &str) -> (&str, &str) {
        let parts: Vec<&str> = text.split('-').collect();
        assert_eq!((parts.len(), parts[0], parts[3]), (4, "00", "01"), "{text}");
        assert_eq!((parts[1].len(), parts[2].len()), (32, 16), "{text}");
        (parts[1], parts[2])
    }

    #[test]
    fn the_text_is_that_of_the_standard_however_it_is_written() {
        let one = Traceparent { trace: [0x0af7_6519_16cd_43dd, 0x8448_eb21_1c80_319c], span: 0xb7ad };
        assert_eq!(one.to_string(), "00-0af7651916cd43dd8448eb211c80319c-000000000000b7ad-01");
        for traceparent in [one, traces(7, 1).of_event(3)] {
            assert_eq!(traceparent.text(), traceparent.to_string().as_bytes());
        }
        assert_eq!(NO_TRACEPARENT.len(), TRACEPARENT_LEN);
    }

    #[test]
    fn all_tries_of_a_request_are_of_one_trace_and_each_has_a_span() {
        let traces = traces(7, 100);
        let of = |round, request, try_number| {
            traces.of_request(Departure { round, request, try_number }, &[1, 2]).to_string()
        };
        let first = of(3, 1, 0);
        let again = of(3, 1, 1);
        assert_eq!(ids(&first).0, ids(&again).0);
        let mut traces = HashSet::new();
        let mut spans = HashSet::from([ids(&again).1.to_owned()]);
        for round in 0..50 {
            for request in 0..8 {
                let text = of(round, request, 0);
                assert!(traces.insert(ids(&text).0.to_owned()) && spans.insert(ids(&text).1.to_owned()));
            }
        }
    }

    #[test]
    fn the_copies_of_a_key_are_of_one_trace_where_requests_hold_one() {
        let traces = traces(7, 1);
        let departure = Departure { round: 1, request: 2, try_number: 0 };
        let header = traces.of_request(departure, &[5]).to_string();
        let copy = traces.of_request(Departure { round: 9, ..departure }, &[5]).to_string();
        let event = traces.of_event(5).to_string();
        assert_eq!((ids(&header).0, ids(&copy).0), (ids(&event).0, ids(&event).0));
        let spans = HashSet::from([ids(&header).1, ids(&copy).1, ids(&event).1]);
        assert_eq!(spans.len(), 3);
    }

    #[test]
    fn what_verify_sends_has_contexts_of_its_own() {
        let several = traces(7, 100);
        let mut seen = HashSet::new();
        for number in 0..20 {
            let departure = Departure { round: 0, request: number, try_number: 0 };
            let sent = several.of_request(departure, &[1, 2]).to_string();
            let (list, request) = (number / 4, number % 4);
            let listed = several.of_listed(list, request, &[1, 2]).to_string();
            for text in [sent, listed] {
                let (trace, span) = ids(&text);
                assert!(seen.insert(trace.to_owned()) && seen.insert(span.to_owned()), "{text}");
            }
        }
        let single = traces(7, 1);
        let listed = single.of_listed(3, 4, &[5]).to_string();
        let event = single.of_event(5).to_string();
        assert_eq!(ids(&listed).0, ids(&event).0, "the trace of the key");
        assert_ne!(ids(&listed).1, ids(&event).1);
    }

    #[test]
    fn runs_have_nothing_in_common() {
        let one = traces(7, 1).of_event(5).to_string();
        let other = traces(8, 1).of_event(5).to_string();
        assert!(ids(&one).0 != ids(&other).0 && ids(&one).1 != ids(&other).1);
    }
}
