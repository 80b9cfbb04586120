//! Observer: looks at a target until nothing is amiss, or what is amiss has not moved for long
//! enough, as `verify` does.

use std::collections::BTreeMap;

use judge::books::tally::Tally;
use truth::observed::counters::Counters;
use truth::observed::looks::Looks;
use truth::observed::presence::Presence;
use truth::observed::rows::RowTally;
use truth::observed::{Behind, ListingObservation, Observed, StatsObservation};
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::record::baseline::Baseline;
use truth::scenario::promises::Promises;

use super::histories::Histories;
use super::lister::{Listed, Lister};
use super::target::Target;
use super::waits::Quiet;
use super::watch::{POLL_EVERY, Watch};
use super::world::{MILLISECOND, SECOND, Us};

/// Longest time for all looks.
const MAX_WAIT: Us = 120 * SECOND;

/// Most looks in a row that are repeated because the target moved meanwhile.
const BRACKETS: u32 = 5;

/// Pause between two looks for what is in question.
const LOOK_AGAIN: Us = 2 * SECOND;

/// What an observation has to know of the run.
pub(super) struct Wanted<'a> {
    pub(super) plan: &'a Plan,
    pub(super) events: &'a Events,
    pub(super) keys: u64,
    pub(super) promises: &'a Promises,
    pub(super) tally: &'a Tally,
    pub(super) baseline: &'a Baseline,
}

/// Rows of one look.
struct Sight<'e> {
    listed: Listed<'e>,
    before: Option<Counters>,
}

impl Sight<'_> {
    /// True if another look saw the same events of the run.
    fn shows_the_same(&self, other: &Self) -> bool {
        self.listed.tally.shows_the_same(&other.listed.tally)
    }
}

/// The look that counts, or the last one that did not.
struct Read<'e> {
    sight: Sight<'e>,
    rested: bool,
    brackets: u32,
    further_pages: u64,
    behind: Option<Behind>,
}

/// Numbers of keys that are amiss in a look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Amiss {
    missing: u64,
    copies: u64,
}

struct Observer<'t, 'w, 'e> {
    lister: Lister<'t, 'w, 'e>,
    watch: Watch<'e>,
    quiet: Quiet,
    deadline: Us,
    by_topic: BTreeMap<usize, Presence>,
    missing_at_first: u64,
    quiet_wanted: Us,
}

/// Observes a target from now on.
pub(super) fn observe(target: &mut Target<'_>, wanted: &Wanted<'_>) -> Observed {
    let began = target.now;
    let quiet = Quiet::of(wanted.promises, wanted.tally.sums.uncertain() > 0);
    let deadline = began + MAX_WAIT.max(quiet.promised());
    let mut watch = Watch::begin(target, wanted, quiet);
    watch.settle(target, deadline);
    let histories = Histories::new(wanted.tally, wanted.events, wanted.keys, target.now);
    let mut observer = Observer {
        lister: Lister { target, wanted, histories, ignores_topic: false },
        watch,
        quiet,
        deadline,
        by_topic: BTreeMap::new(),
        missing_at_first: 0,
        quiet_wanted: quiet.least,
    };
    let read = observer.read();
    observer.ended(read, began)
}

impl<'e> Observer<'_, '_, 'e> {
    fn now(&self) -> Us {
        self.lister.target.now
    }

    fn still_for(&self) -> Us {
        self.now() - self.lister.histories.moved
    }

    fn read(&mut self) -> Read<'e> {
        let sight = self.sight();
        self.missing_at_first = self.amiss(&sight).missing;
        let mut read = Read { sight, rested: false, brackets: 1, further_pages: 0, behind: None };
        loop {
            let has_ended = match self.is_fine(&read.sight) {
                true => self.bracket(&mut read),
                false => self.confirm(&mut read),
            };
            if has_ended {
                self.by_topic.values().for_each(|shown| read.sight.listed.besides.fill(shown));
                return read;
            }
        }
    }

    fn bracket(&mut self, read: &mut Read<'e>) -> bool {
        self.quiet_wanted = self.quiet.least;
        self.watch.settle(self.lister.target, self.deadline);
        read.rested = self.counters_stood(&read.sight);
        if !read.rested {
            let again = self.sight();
            read.rested = again.shows_the_same(&read.sight);
            read.sight = again;
            read.brackets += 1;
        }
        self.is_fine(&read.sight) && (read.rested || read.brackets >= BRACKETS || self.now() >= self.deadline)
    }

    fn confirm(&mut self, read: &mut Read<'e>) -> bool {
        let were_rows_fine = self.amiss(&read.sight) == Amiss::default();
        self.until_quiet(&mut read.sight);
        if were_rows_fine && self.now() < self.deadline {
            return false;
        }
        if self.by_topic.is_empty() && !self.topics_in_question(&read.sight).is_empty() {
            self.glance(&mut read.sight);
        }
        let quiet_since = self.now();
        let is_amiss = self.amiss(&read.sight) != Amiss::default();
        let examined = is_amiss.then(|| self.lister.examine(&read.sight.listed));
        let last = self.sight();
        read.brackets += 1;
        read.rested = self.counters_stood(&last) || last.shows_the_same(&read.sight);
        read.sight = last;
        let has_moved = self.lister.histories.moved > quiet_since;
        if self.now() < self.deadline && (has_moved || self.is_fine(&read.sight)) {
            return false;
        }
        if let Some(examined) = examined {
            read.further_pages += examined.pages;
            read.sight.listed.take(examined);
        }
        read.behind = self.behind(&read.sight);
        true
    }

    fn behind(&self, sight: &Sight<'_>) -> Option<Behind> {
        let amiss = self.amiss(sight);
        if amiss == Amiss::default() {
            return None;
        }
        let wanted = self.quiet_of(amiss);
        let catches_up = self.still_for() < wanted
            || self.watch.catches_up(self.now(), wanted.max(self.quiet.of_counters()));
        catches_up.then_some(Behind::CatchingUp)
    }

    fn until_quiet(&mut self, sight: &mut Sight<'e>) {
        let mut next_glance = self.now() + LOOK_AGAIN;
        let mut amiss = self.amiss(sight);
        loop {
            let is_quiet = self.is_quiet(amiss) && self.are_counters_fine();
            let is_resolved = amiss == Amiss::default() && !self.watch.is_amiss();
            if is_resolved || is_quiet || self.now() >= self.deadline {
                return;
            }
            self.lister.target.now += POLL_EVERY;
            self.watch.read(self.lister.target);
            if amiss != Amiss::default() && self.now() >= next_glance {
                self.glance(sight);
                next_glance = self.now() + LOOK_AGAIN;
                amiss = self.amiss(sight);
            }
        }
    }

    fn is_quiet(&mut self, amiss: Amiss) -> bool {
        let quiet = self.quiet_of(amiss);
        self.quiet_wanted = if self.watch.is_amiss() { quiet.max(self.quiet.of_counters()) } else { quiet };
        amiss == Amiss::default() || (self.still_for() >= quiet && !self.watch.catches_up(self.now(), quiet))
    }

    fn quiet_of(&self, amiss: Amiss) -> Us {
        let of = |is_amiss: bool, quiet: Us| if is_amiss { quiet } else { self.quiet.least };
        of(amiss.missing > 0, self.quiet.of_missing()).max(of(amiss.copies > 0, self.quiet.of_copies()))
    }

    /// Looks at what is in question.
    fn glance(&mut self, sight: &mut Sight<'e>) {
        let topics = self.topics_in_question(sight);
        for topic in &topics {
            if let Some(shown) = self.lister.list_by_topic(*topic) {
                self.by_topic.insert(*topic, shown);
            }
        }
        if topics.is_empty() || self.lister.ignores_topic {
            *sight = self.sight();
        }
    }

    fn topics_in_question(&self, sight: &Sight<'e>) -> Vec<usize> {
        if !self.lister.heeds_topic() {
            return Vec::new();
        }
        let copied = sight.listed.tally.copies.keys.keys().copied();
        let keys = self.missing(sight).chain(copied);
        let mut topics: Vec<usize> = keys.map(|key| self.lister.wanted.events.topic_index(key)).collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    fn sight(&mut self) -> Sight<'e> {
        let before = self.watch.last.clone();
        Sight { listed: self.lister.list(), before }
    }

    fn counters_stood(&mut self, sight: &Sight<'_>) -> bool {
        self.watch.read(self.lister.target);
        !self.shared() && !self.watch.went_back && self.watch.stands_as(sight.before.as_ref())
    }

    fn shared(&self) -> bool {
        self.lister.wanted.promises.is_shared()
    }

    fn are_counters_fine(&self) -> bool {
        !self.watch.is_amiss() || self.watch.is_quiet(self.now())
    }

    fn is_fine(&self, sight: &Sight<'_>) -> bool {
        self.are_counters_fine() && self.amiss(sight) == Amiss::default()
    }

    fn amiss(&self, sight: &Sight<'_>) -> Amiss {
        let copied = sight.listed.tally.copies.keys.keys();
        Amiss {
            missing: self.missing(sight).count() as u64,
            copies: copied.filter(|ordinal| self.lister.histories.has_copies(**ordinal)).count() as u64,
        }
    }

    /// Acknowledged keys that no look shows, as far as a look can tell.
    fn missing<'s>(&'s self, sight: &'s Sight<'_>) -> impl Iterator<Item = u64> + 's {
        let Listed { tally, besides, .. } = &sight.listed;
        let is_shown_by_topic = |key: u64| self.by_topic.values().any(|shown| shown.seen(key) > 0);
        let absent = self.lister.missing_of(tally);
        absent.filter(move |key| besides.seen(*key) == 0 && !is_shown_by_topic(*key))
    }

    /// Puts together what was read.
    fn ended(self, read: Read<'e>, began: Us) -> Observed {
        let now = self.now();
        let Self { lister, watch, missing_at_first, quiet_wanted, .. } = self;
        let Lister { target, histories, .. } = lister;
        let still_for = now - histories.moved;
        let Listed { tally, paged, besides, all_topics } = read.sight.listed;
        let mut listing =
            ListingObservation::none(true, None).with_rows(&tally, paged.pages + read.further_pages);
        listing.bracketed = read.rested;
        listing.brackets = read.brackets;
        listing.behind = read.behind;
        listing.all_topics = all_topics;
        listing.missing_at_first = missing_at_first;
        listing.looked_ms = (now - began) / MILLISECOND;
        let anomalies = tally.anomalies();
        let RowTally { mut presence, winners, .. } = tally;
        presence.fill(&besides);
        let looks = Looks {
            listing_rested: read.rested,
            counters_rested: watch.last.is_some() && watch.is_still(now),
            counter_states: watch.states_seen,
            counters_went_back: watch.went_back,
            quiet_ms: still_for / MILLISECOND,
            quiet_wanted_ms: quiet_wanted / MILLISECOND,
            http_age: target.age,
            ..histories.into_looks(&presence, now)
        };
        let stats = StatsObservation {
            schema_version: 1,
            target: "http://127.0.0.1:8080".to_owned(),
            stats: watch.last.clone(),
            unread: None,
            settled: watch.settled(now),
            waited_ms: (now - began) / MILLISECOND,
            asked_ns: Some((watch.read_at - MILLISECOND) * 1_000),
            read_ns: Some(watch.read_at * 1_000),
            ended_ns: None,
            ended_utc_ms: None,
            follows: None,
            segments: None,
        };
        Observed { stats, listing, database: None, presence, winners, anomalies, looks, sentinels: None }
    }
}
