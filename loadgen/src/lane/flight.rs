//! One request on its way: from the moment a connection takes it up to its final record in the ledger.

use std::rc::Rc;

use truth::plan::Plan;
use truth::plan::invalid::Invalid;
use truth::plan::round::Round;
use truth::plan::variant::Origin;
use truth::record::ledger::{Done, Scope};
use truth::target::answer::Answer;

use super::release::RacePlace;
use crate::meter::selection::Ended;

/// A request that a connection carries.
#[derive(Debug)]
pub(crate) struct Flight {
    round: Rc<Round>,
    request: u32,
    race: Option<RacePlace>,
    try_number: u16,
    /// When it should have begun.
    t_planned: u64,
    /// Just before its first byte was taken, and by which connection; `None` while none has left.
    left: Option<(u64, u32)>,
    /// How long it is on the wire.
    bytes: u64,
    /// Whether its events are among those started. Raised before the write, so that it may be true without `left`.
    pub(crate) counted: bool,
}

impl Flight {
    pub(crate) fn new(round: Rc<Round>, request: u32, race: Option<RacePlace>, t_planned: u64) -> Self {
        Self { round, request, race, try_number: 0, t_planned, left: None, bytes: 0, counted: false }
    }

    /// Where its copies stand in the plan.
    pub(crate) fn origin(&self) -> Origin {
        self.round.origin(self.request)
    }

    /// The keys it carries.
    pub(crate) fn ordinals(&self) -> &[u64] {
        self.round.request(self.request)
    }

    /// What spoils it; nothing almost always.
    pub(crate) fn invalid(&self, plan: &Plan) -> Option<Invalid> {
        Invalid::of(plan, &self.round, self.request)
    }

    /// How many events it carries.
    pub(crate) fn events(&self) -> u64 {
        self.ordinals().len() as u64
    }

    pub(crate) fn try_number(&self) -> u16 {
        self.try_number
    }

    pub(crate) fn t_planned(&self) -> u64 {
        self.t_planned
    }

    /// When it left; `None` while it has not.
    pub(crate) fn t_start(&self) -> Option<u64> {
        self.left.map(|(t_start, _)| t_start)
    }

    /// A byte of it was taken, of so many.
    pub(crate) fn leave(&mut self, t_start: u64, connection: u32, bytes: u64) {
        self.left = Some((t_start, connection));
        self.bytes = bytes;
    }

    /// The try that left and has ended like this, without a duration or an answer's bytes.
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

    /// Another try follows.
    pub(crate) fn again(&mut self) {
        self.try_number += 1;
        self.left = None;
        self.counted = false;
    }

    /// The next try is due now.
    pub(crate) fn plan(&mut self, t_planned: u64) {
        self.t_planned = t_planned;
    }

    /// The first try has ended at `t_end`, or will never be; tells how many pairs raced if that ended its race.
    pub(crate) fn end_race(&mut self, t_end: u64) -> Option<u64> {
        let (race, place) = self.race.take()?;
        race.borrow_mut().end(place, self.t_start().map(|t_start| (t_start, t_end)))
    }

    /// The record of the try that has ended.
    pub(crate) fn done(&self, t_end: u64, is_final: bool, status: u16, answer: Answer) -> Done {
        let (t_start, connection) = self.left.unwrap_or((t_end, 0));
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
