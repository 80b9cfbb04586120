//! Flight of one request: from the moment a connection takes it to its final record in the ledger.

use std::ops::Range;
use std::rc::Rc;

use truth::plan::Plan;
use truth::plan::invalid::Invalid;
use truth::plan::round::Round;
use truth::record::ledger::{Done, Scope};
use truth::target::answer::{Answer, Sent};
use truth::target::request::missing_header;

use super::job::Content;
use super::release::RacePlace;
use super::request::Requests;
use crate::meter::selection::Ended;

/// Departure of a request.
#[derive(Clone, Copy, Debug)]
struct Departure {
    /// Instant just before the first byte was taken.
    t_start: u64,
    /// Number of the connection that took it.
    connection: u32,
}

/// Request that a connection carries.
#[derive(Debug)]
pub(crate) struct Flight {
    round: Rc<Round>,
    request: u32,
    race: Option<RacePlace>,
    try_number: u16,
    /// Instant at which the request was to begin.
    t_planned: u64,
    /// Departure; none while no byte has left.
    departure: Option<Departure>,
    /// Session that the try was written with; 0 without one.
    pub(crate) session: u64,
    /// True if the session was opened again for this request.
    has_renewed: bool,
    /// Length of the request, in bytes.
    bytes: u64,
    /// Set when the events are counted as started. It is set before the write, so it may be true
    /// while no byte has left.
    pub(crate) counted: bool,
}

impl Flight {
    pub(crate) fn new(round: Rc<Round>, request: u32, race: Option<RacePlace>, t_planned: u64) -> Self {
        Self {
            round,
            request,
            race,
            try_number: 0,
            t_planned,
            departure: None,
            session: 0,
            has_renewed: false,
            bytes: 0,
            counted: false,
        }
    }

    /// Returns the keys that it carries.
    pub(crate) fn ordinals(&self) -> &[u64] {
        self.round.request(self.request)
    }

    /// Renders the try that is to leave; almost never with an invalid event.
    pub(crate) fn render(&self, plan: &Plan, requests: &mut Requests) -> Range<usize> {
        let invalid = Invalid::of(plan, &self.round, self.request);
        requests.render(&self.round, self.request, self.try_number, invalid)
    }

    /// Returns the number of events that it carries.
    pub(crate) fn events(&self) -> u64 {
        self.ordinals().len() as u64
    }

    /// Returns its events, as its response may name them. Without rules, no response names one.
    pub(crate) fn sent<'a>(&'a self, content: &'a Content) -> Sent<'a> {
        let target = &content.target;
        let invalid = match target.answers.is_empty() {
            true => None,
            false => Invalid::of(&content.plan, &self.round, self.request),
        };
        // A request that lacks a header has no further event.
        let further = invalid.filter(|invalid| missing_header(&target.publish.invalid, *invalid).is_none());
        let invalid = further.map(|invalid| invalid.place);
        Sent { ordinals: self.ordinals(), events: &content.events, invalid }
    }

    pub(crate) fn try_number(&self) -> u16 {
        self.try_number
    }

    pub(crate) fn t_planned(&self) -> u64 {
        self.t_planned
    }

    /// Returns the instant of departure; none while no byte has left.
    pub(crate) fn t_start(&self) -> Option<u64> {
        self.departure.map(|departure| departure.t_start)
    }

    /// Notes that a byte of the request has left, and the length of the whole.
    pub(crate) fn leave(&mut self, t_start: u64, connection: u32, bytes: u64) {
        self.departure = Some(Departure { t_start, connection });
        self.bytes = bytes;
    }

    /// Returns the try that has ended, without a duration and without the bytes of a response.
    pub(crate) fn ended<'a>(&'a self, status: u16, answer: &'a Answer) -> Ended<'a> {
        Ended {
            ordinals: self.ordinals(),
            status,
            answer,
            sent_bytes: self.bytes,
            received_bytes: 0,
            t_planned: self.t_planned,
            t_start: self.t_start().unwrap_or(self.t_planned),
            t_end: None,
            is_paced: false,
        }
    }

    /// Prepares the next try.
    pub(crate) fn again(&mut self) {
        self.try_number += 1;
        self.departure = None;
        self.counted = false;
    }

    /// Prepares the one further try that follows when the session was opened again; false if there was
    /// one already.
    pub(crate) fn renews(&mut self) -> bool {
        !std::mem::replace(&mut self.has_renewed, true)
    }

    /// Plans the next try for this instant.
    pub(crate) fn plan(&mut self, t_planned: u64) {
        self.t_planned = t_planned;
    }

    /// Ends the first try, or notes that there will be none. Returns the number of pairs that raced
    /// if that ended the race.
    pub(crate) fn end_race(&mut self, t_end: u64) -> Option<u64> {
        let (race, place) = self.race.take()?;
        race.borrow_mut().end(place, self.t_start().map(|t_start| (t_start, t_end)))
    }

    /// Returns the record of the try that has ended.
    pub(crate) fn done(&self, t_end: u64, is_final: bool, status: u16, answer: Answer) -> Done {
        let Departure { t_start, connection } =
            self.departure.unwrap_or(Departure { t_start: t_end, connection: 0 });
        Done {
            scope: Scope::Round(self.round.index),
            request: self.request,
            try_number: self.try_number,
            is_final,
            connection,
            t_planned: self.t_planned,
            t_start,
            t_end,
            status,
            answer,
        }
    }
}
