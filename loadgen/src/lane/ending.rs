//! End of a lane: every request of an opened round gets its final record, also where the lane ends
//! early.

use std::rc::Rc;

use truth::clock::monotonic_ns;
use truth::record::ledger::LedgerError;
use truth::record::ledger::writer::SegmentWriter;
use truth::target::answer::{Answer, Outcome};

use super::desk::Desk;
use super::flight::Flight;
use super::release::Chunk;
use crate::meter::selection::Ended;

impl Desk {
    /// Sends nothing more. Requests that have not left are recorded as never sent; requests in
    /// flight are still waited for.
    pub(crate) fn stop(&mut self) -> Result<(), LedgerError> {
        self.stopped = true;
        let held = self.gather.take().map(|gather| gather.over().chunk);
        let waiting: Vec<Chunk> = held.into_iter().chain(self.queue.stop()).collect();
        let unsent = |flight: &mut Option<Flight>| flight.take_if(|flight| flight.t_start().is_none());
        let carried: Vec<Flight> = self.flights.iter_mut().filter_map(unsent).collect();
        let of_chunk = |chunk: Chunk| {
            chunk.requests.map(move |request| {
                Flight::new(Rc::clone(&chunk.round), request, chunk.race.clone(), monotonic_ns())
            })
        };
        self.give_up_all(waiting.into_iter().flat_map(of_chunk).chain(carried))
    }

    /// Gives up all requests and writes their records. Requests that could not be recorded are
    /// counted all the same.
    pub(crate) fn close(&mut self) -> Result<(), LedgerError> {
        let stopped = self.stop();
        let flying: Vec<Flight> = self.flights.iter_mut().filter_map(Option::take).collect();
        let given_up = self.give_up_all(flying);
        self.queue.note_rest();
        stopped.and(given_up).and(self.write_out())
    }

    /// Writes the records that are gathered. A segment that could not be written is never written again.
    pub(crate) fn write_out(&mut self) -> Result<(), LedgerError> {
        let written = self.ledger.as_mut().map_or(Ok(()), SegmentWriter::flush);
        written.inspect_err(|_| self.ledger = None)
    }

    /// Counts all requests, also after the first that could not be recorded; no further record is
    /// tried then.
    fn give_up_all(&mut self, flights: impl IntoIterator<Item = Flight>) -> Result<(), LedgerError> {
        let given_up = flights.into_iter().map(|flight| self.give_up(flight));
        given_up.fold(Ok(()), Result::and)
    }

    /// Writes the final record of a request whose response is awaited no longer.
    fn give_up(&mut self, mut flight: Flight) -> Result<(), LedgerError> {
        let t_end = monotonic_ns();
        let events = flight.events();
        let outcome = if flight.t_start().is_some() {
            let unknown = Answer::bare(Outcome::Unknown);
            let is_paced = self.queue.is_paced();
            let tally = self.tallies.of(flight.t_planned(), self.job.measuring.from_ns);
            tally.given_up(events);
            tally.counts.last_end_ns = t_end;
            tally.select(&Ended { is_paced, ..flight.ended(0, &unknown) }, &self.job.content.events);
            self.live.end(events);
            Outcome::Unknown
        } else {
            self.tallies.measured.counts.never_sent += events;
            Outcome::NeverSent
        };
        if flight.try_number() == 0 {
            self.tallies.measured.counts.races.pairs_observed += flight.end_race(t_end).unwrap_or(0);
        }
        self.record(flight.done(t_end, true, 0, Answer::bare(outcome)))
    }
}
