//! Requests by the scenario that is being written, as a run would send them: they show what
//! responses mean, and that the scenario's texts are accepted.

use std::sync::Arc;

use truth::clock::utc_ms;
use truth::plan::event::Events;
use truth::plan::invalid::{Flaw, Invalid};
use truth::plan::variant::{Origin, Side};
use truth::scenario::{Scenario, ScenarioError};
use truth::target::request::{Asked, RequestWriter};
use truth::target::secrets::Secrets;

use super::asking::{Asker, Stop};
use super::class::nonce;
use super::response::Response;
use super::rows::Sent;
use super::rules::{Fate, Seen};

/// Most requests of a burst whose requests hold one event.
const SINGLES: u64 = 4;

/// Most ordinals that are passed over for one of another topic.
const MOST_SKIPPED: u64 = 1_000;

/// Writer of a scenario's requests, with ids of its own.
pub(super) struct Author {
    pub(super) scenario: Scenario,
    pub(super) events: Arc<Events>,
    pub(super) nonce: u64,
    writer: RequestWriter,
    /// First key that was sent.
    first: u64,
    /// Next key.
    next: u64,
}

/// Number of events that were acknowledged, as counters count them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Totals {
    pub(super) attempts: u64,
    pub(super) keys: u64,
    pub(super) repeats: u64,
}

impl Totals {
    /// Number that a counter of this name grows by.
    pub(super) fn of(&self, name: &str) -> u64 {
        match name {
            "received" => self.attempts,
            "unique" => self.keys,
            _ => self.repeats,
        }
    }
}

/// Responses to the requests, and the counts of what they sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchanges {
    pub(super) seen: Vec<Seen>,
    /// Number of events before the invalid ones, as counters count them.
    pub(super) totals: Totals,
    /// Last event that was new and acknowledged.
    pub(super) last: Option<Sent>,
    /// True if a known event in a request makes the target refuse its neighbour.
    pub(super) refuses_neighbours: bool,
}

impl Author {
    /// Reads a scenario. Its epoch is now, if it says so.
    pub(super) fn new(text: &str, path: &str, secrets: Secrets) -> Result<Self, ScenarioError> {
        let mut scenario = Scenario::parse(text, path)?;
        scenario.events.epoch = scenario.events.epoch.at_start();
        let nonce = nonce();
        let plan = scenario.plan(nonce as u32, nonce)?;
        let events = Arc::new(Events::new(&plan));
        let writer = RequestWriter::new(Arc::clone(&events), &scenario.target, Arc::new(secrets));
        Ok(Self { scenario, events, nonce, writer, first: 0, next: 0 })
    }

    /// True if a request can hold several events.
    pub(super) fn is_batch(&self) -> bool {
        self.scenario.load.batch > 1
    }

    /// True if the scenario has invalid events of its own, or the short form, which knows some.
    pub(super) fn knows_invalid(&self) -> bool {
        let publish = &self.scenario.target.publish;
        publish.text.is_none() || !publish.invalid.is_empty()
    }

    /// Takes ordinals that were not used yet.
    fn take(&mut self, count: u64) -> Vec<u64> {
        let first = self.next;
        self.next += count;
        (first..self.next).collect()
    }

    /// Takes so many unused ordinals, of which the first two are of the two topics, if there are two:
    /// a listing of the topic that was given then shows an event.
    fn take_of_both_topics(&mut self, count: u64) -> Vec<u64> {
        let events = Arc::clone(&self.events);
        let wanted: &[String] = if events.topics().len() == 2 { events.topics() } else { &[] };
        let mut keys = Vec::new();
        for topic in wanted {
            let next = (self.next..self.next + MOST_SKIPPED).find(|key| events.topic(*key) == topic);
            self.next = next.unwrap_or(self.next);
            keys.extend(self.take(1));
        }
        keys.extend(self.take(count - keys.len() as u64));
        keys
    }

    /// Last event that was written.
    pub(super) fn last_sent(&self) -> Sent {
        self.sent(self.next.saturating_sub(1))
    }

    /// Returns an acknowledged event of each topic: one that was sent twice if there is one, and else
    /// the last.
    pub(super) fn one_of_each_topic(&self, exchanges: &Exchanges) -> Vec<Sent> {
        let acknowledged: Vec<&Seen> =
            exchanges.seen.iter().filter(|seen| seen.response.is_success()).collect();
        let times = |key: u64| {
            let id = self.events.id_text(key);
            acknowledged.iter().filter(|seen| seen.ids.contains(&id)).count()
        };
        let of = |topic: &String| {
            let keys = (0..self.next).filter(|key| self.events.topic(*key) == topic);
            keys.filter(|key| times(*key) > 0).max_by_key(|key| (times(*key) > 1, *key))
        };
        self.events.topics().iter().filter_map(of).map(|key| self.sent(key)).collect()
    }

    /// Returns the event to look for in a listing; none if none was acknowledged. It is of the topic
    /// that was given, which a listing of one topic shows.
    pub(super) fn looked_for(&self, exchanges: &Exchanges) -> Option<Sent> {
        let last = exchanges.last.clone()?;
        let given = self.one_of_each_topic(exchanges).into_iter().next();
        Some(given.filter(|given| given.topic != last.topic).unwrap_or(last))
    }

    /// Number of keys that were used.
    pub(super) fn used(&self) -> u64 {
        self.next
    }

    /// Returns an event, to be looked for in a listing.
    pub(super) fn sent(&self, ordinal: u64) -> Sent {
        let contained = self.scenario.target.contained();
        let payload = self.events.payload(ordinal, Side::Plain);
        Sent {
            precision_ms: contained.timestamp.map_or(1, |time| time.precision_ms),
            payload: if contained.payload { payload } else { String::new() },
            id: self.events.id_text(ordinal),
            topic: self.events.topic(ordinal).to_owned(),
            source: if contained.source { self.events.source().to_owned() } else { String::new() },
            has_time: contained.timestamp.is_some(),
            timestamp_ms: self.events.timestamp_ms(ordinal),
        }
    }

    /// Sends a request with these events, and perhaps an invalid one at its end.
    async fn send(
        &mut self,
        asker: &Asker,
        name: &'static str,
        events: &[(u64, Fate)],
        has_invalid: bool,
    ) -> Result<Seen, Stop> {
        let ordinals: Vec<u64> = events.iter().map(|(ordinal, _)| *ordinal).collect();
        let whole = self.writer.whole(&asked(&ordinals, has_invalid));
        let count = ordinals.len() + usize::from(has_invalid);
        let response = asker.send(&whole, count as u32).await?;
        let invalid = has_invalid.then_some(Fate::Invalid);
        let fates = events.iter().map(|(_, fate)| *fate).chain(invalid).collect();
        let ids = ordinals.iter().map(|ordinal| self.events.id_text(*ordinal)).collect();
        Ok(Seen { name, fates, ids, response })
    }

    /// Sends new events, repeats, and both in one request.
    pub(super) async fn exchange(&mut self, asker: &Asker) -> Result<Exchanges, Stop> {
        let mut all = Exchanges::default();
        let keys = self.take_of_both_topics(4);
        let (first, other) = (keys[0], keys[1]);
        self.first = first;
        all.add(self.send(asker, "a new event", &[(first, Fate::New)], false).await?);
        all.add(self.send(asker, "the same again", &[(first, Fate::Known)], false).await?);
        all.add(self.send(asker, "another new event", &[(other, Fate::New)], false).await?);
        all.last = Some(self.sent(other)).filter(|_| all.accepted(2));
        if !self.is_batch() {
            all.add(self.send(asker, "the other one again", &[(other, Fate::Known)], false).await?);
            all.add(self.send(asker, "a third new event", &[(keys[2], Fate::New)], false).await?);
            return Ok(all);
        }
        let mixed = [(first, Fate::Known), (keys[2], Fate::New), (keys[3], Fate::New)];
        let seen = self.send(asker, "a known event and two new ones", &mixed, false).await?;
        all.refuses_neighbours = !seen.response.is_success();
        all.add(seen);
        if all.accepted(3) {
            all.last = Some(self.sent(keys[3]));
        }
        Ok(all)
    }

    /// Sends some new events and a repeat of the first one, for what was seen once. Returns what was
    /// acknowledged.
    pub(super) async fn once_more(&mut self, asker: &Asker) -> Result<Totals, Stop> {
        let mut all = Exchanges::default();
        let size = if self.is_batch() { 3 } else { 1 };
        let new: Vec<(u64, Fate)> = self.take(size).into_iter().map(|key| (key, Fate::New)).collect();
        all.add(self.send(asker, "further new events", &new, false).await?);
        all.add(self.send(asker, "the first one once more", &[(self.first, Fate::Known)], false).await?);
        Ok(all.totals)
    }

    /// Sends an invalid event, beside a valid one if a request can hold two. `text` is the event of a
    /// request that holds one.
    pub(super) async fn invalid(&mut self, asker: &Asker, text: &str) -> Result<Seen, Stop> {
        let keys = self.take(1);
        if self.is_batch() {
            return self
                .send(asker, "a new event beside an invalid one", &[(keys[0], Fate::New)], true)
                .await;
        }
        let mut whole = self.writer.whole(&asked(&keys, false));
        let is_form =
            whole.fields.iter().any(|(name, value)| name == "content-type" && value.ends_with(b"urlencoded"));
        whole.body = if is_form { b"probe=invalid".to_vec() } else { text.as_bytes().to_vec() };
        let response = asker.send(&whole, 1).await?;
        Ok(Seen { name: "an invalid event", fates: vec![Fate::Invalid], ids: Vec::new(), response })
    }

    /// Sends one event twice at once.
    pub(super) async fn at_once(&mut self, asker: &Asker) -> Result<[Response; 2], Stop> {
        let ordinals = self.take(1);
        let whole = self.writer.whole(&asked(&ordinals, false));
        asker.send_twice(&whole, 1).await
    }

    /// Sends a request without an event.
    pub(super) async fn empty(&mut self, asker: &Asker) -> Result<Response, Stop> {
        let whole = self.writer.whole(&asked(&[], false));
        asker.send(&whole, 0).await
    }

    /// Sends a burst of new events. Returns those that were acknowledged.
    pub(super) async fn burst(&mut self, asker: &Asker, count: u64) -> Result<Vec<Sent>, Stop> {
        let (requests, events) = asker.left();
        let most =
            if self.is_batch() { u64::from(events) } else { u64::from(events.min(requests)).min(SINGLES) };
        let ordinals = self.take(count.min(most));
        let size = if self.is_batch() { ordinals.len().max(1) } else { 1 };
        let mut sent = Vec::new();
        for request in ordinals.chunks(size) {
            let new: Vec<(u64, Fate)> = request.iter().map(|ordinal| (*ordinal, Fate::New)).collect();
            let seen = self.send(asker, "a burst", &new, false).await?;
            if seen.response.is_success() {
                sent.extend(request.iter().map(|ordinal| self.sent(*ordinal)));
            }
        }
        Ok(sent)
    }

    /// Sends so many new events in requests as large as those of a run. Returns the number that was
    /// acknowledged.
    pub(super) async fn flood(&mut self, asker: &Asker, count: u64) -> Result<u64, Stop> {
        let size = u64::from(self.scenario.load.batch).min(count).max(1);
        let mut acknowledged = 0;
        for _ in 0..count.div_ceil(size) {
            let new: Vec<(u64, Fate)> = self.take(size).into_iter().map(|key| (key, Fate::New)).collect();
            let seen = self.send(asker, "many events", &new, false).await?;
            acknowledged += if seen.response.is_success() { size } else { 0 };
        }
        Ok(acknowledged)
    }
}

fn asked(ordinals: &[u64], has_invalid: bool) -> Asked<'_> {
    let invalid = Invalid { place: ordinals.len(), flaw: Flaw::NoId, drawn: 0 };
    Asked { invalid: has_invalid.then_some(invalid), ..Asked::of(ordinals, Origin::Later, utc_ms()) }
}

impl Exchanges {
    fn add(&mut self, seen: Seen) {
        if seen.response.is_success() {
            let count = |fate: Fate| seen.fates.iter().filter(|own| **own == fate).count() as u64;
            self.totals.attempts += seen.fates.len() as u64;
            self.totals.keys += count(Fate::New);
            self.totals.repeats += count(Fate::Known);
        }
        self.seen.push(seen);
    }

    fn accepted(&self, nth: usize) -> bool {
        self.seen.get(nth).is_some_and(|seen| seen.response.is_success())
    }
}
