//! Bracket: absent keys that the view would show, as the run itself demonstrates.
//!
//! A view may end early: it shows the newest rows, the oldest, those of a certain age, or a sample.
//! Such a view leaves out whatever lies on one side of a moment, or a share of all rows. So it
//! would show a key if, in the key's topic, it shows keys that were sent before and keys that were
//! sent after, and nearly all of those in between.
//!
//! For example, keys 0 to 7 of a topic were answered before key 40 was sent, keys 90 to 97 were
//! sent after key 40 was answered, and all of these are shown. Of the 96 acknowledged keys in
//! between, 95 are. Then key 40 is lost: neither a limit on rows nor one on age would hide it
//! alone. Had keys 0 to 60 been absent, a view of the newest rows would explain it.
//!
//! Sentinels that `verify` sent after the run stand in for later keys, unless a key that was shown
//! before them is shown no longer: then a full view may push rows out.

use std::collections::VecDeque;

use foldhash::{HashMap, HashSet};
use truth::observed::Observed;
use truth::observed::looks::Look;

use crate::books::keys::{Class, KeyState};
use crate::books::walk::WalkError;
use crate::facts::Facts;
use crate::history;
use crate::verdict::Attempt;

/// Number of absent keys that are looked at one by one.
const NAMED: usize = 100_000;

/// Number of keys that have to be shown on either side.
const SIDE: usize = 4;

/// Number of shown keys at either end of a topic that are looked at.
const ASKED: usize = 128;

/// Least number of keys between the two sides.
const LEAST: u64 = 32;

/// Share of the keys in between that has to be shown, in percent.
const SHARE: u64 = 95;

/// Number of attempts of a key that are known at most. A key with more was sent at unknown times.
const MOST_ATTEMPTS: usize = history::SHOWN_ATTEMPTS - 1;

/// Acknowledged keys that no look shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Absent {
    /// Number of them.
    pub(crate) count: u64,
    /// The first of them.
    pub(crate) keys: Vec<u64>,
    /// Those among the first that the view would show.
    pub(crate) bracketed: HashSet<u64>,
    /// Those among the first that the target denies if it is asked for single keys.
    pub(crate) denied: Denied,
}

/// Absent keys that the target says it does not store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Denied {
    pub(crate) keys: HashSet<u64>,
    /// Those among them for which it finds keys of the same topic that were sent after they were
    /// acknowledged.
    pub(crate) with_later: HashSet<u64>,
}

impl Absent {
    /// Finds the absent keys, and those that lie in a bracket.
    pub(crate) fn of(facts: &Facts<'_>) -> Result<Self, WalkError> {
        let absent = facts.tally.keys.of_class(Class::Lost, NAMED);
        let bracketed = bracketed(facts, &absent.keys)?;
        let denied = Denied::of(facts, &absent.keys)?;
        Ok(Self { count: absent.count, keys: absent.keys, bracketed, denied })
    }
}

impl Denied {
    fn of(facts: &Facts<'_>, absent: &[u64]) -> Result<Self, WalkError> {
        let Some(single) = facts.evidence.observed.looks.single.as_ref().filter(|single| single.are_sound())
        else {
            return Ok(Self::default());
        };
        let is_denied = |ordinal: &&u64| single.absent.binary_search(ordinal).is_ok();
        let keys: HashSet<u64> = absent.iter().filter(is_denied).copied().collect();
        if keys.is_empty() || !facts.evidence.one_clock {
            return Ok(Self { keys, with_later: HashSet::default() });
        }
        let wanted = keys.iter().chain(&single.known).copied().collect();
        let attempts = history::histories(facts.evidence, &wanted)?;
        let span = |ordinal: &u64| attempts.get(ordinal).and_then(|attempts| Span::of(attempts));
        let events = &facts.evidence.events;
        let has_later = |ordinal: &&u64| {
            let Some(key) = span(ordinal) else { return false };
            let is_later = |known: &&u64| {
                events.topic(**known) == events.topic(**ordinal)
                    && span(known).is_some_and(|known| known.start > key.acked)
            };
            single.known.iter().filter(is_later).count() >= SIDE
        };
        let with_later = keys.iter().filter(has_later).copied().collect();
        Ok(Self { keys, with_later })
    }
}

/// Finds those of the absent keys that the view would show.
fn bracketed(facts: &Facts<'_>, absent: &[u64]) -> Result<HashSet<u64>, WalkError> {
    let listing = &facts.evidence.observed.listing;
    if absent.is_empty() || !facts.evidence.one_clock || !listing.is_sound() || !has_told_borders(facts) {
        return Ok(HashSet::default());
    }
    let events = &facts.evidence.events;
    let mut topics: HashMap<&str, Topic> = HashMap::default();
    for ordinal in absent {
        topics.entry(events.topic(*ordinal)).or_default();
    }
    for (ordinal, state) in facts.tally.keys.iter().filter(|(_, state)| state.acked() > 0) {
        if let Some(topic) = topics.get_mut(events.topic(ordinal)) {
            topic.take(ordinal, state.seen() > 0);
        }
    }
    for ordinal in later(facts) {
        if let Some(topic) = topics.get_mut(events.topic(ordinal)) {
            topic.later.push(ordinal);
        }
    }
    let wanted = absent.iter().copied().chain(topics.values().flat_map(Topic::asked)).collect();
    let spans: HashMap<u64, Span> = history::histories(facts.evidence, &wanted)?
        .into_iter()
        .filter_map(|(ordinal, attempts)| Some((ordinal, Span::of(&attempts)?)))
        .collect();
    let sides: HashMap<&str, Sides> = topics
        .iter()
        .filter(|(_, topic)| topic.is_shown())
        .filter_map(|(name, topic)| Some((*name, Sides::of(topic, &spans)?)))
        .collect();
    let is_within = |ordinal: &&u64| {
        let sides = sides.get(events.topic(**ordinal));
        sides.zip(spans.get(ordinal)).is_some_and(|(sides, span)| sides.hold(*span))
    };
    Ok(absent.iter().filter(is_within).copied().collect())
}

/// Returns true if looks with other page borders were made. A listing of one page may end anywhere
/// if its rows are not in the order of time, and a cursor that skips rows between two pages skips
/// the same ones each time.
fn has_told_borders(facts: &Facts<'_>) -> bool {
    let Observed { listing, looks, .. } = &facts.evidence.observed;
    if looks.looks.is_empty() || facts.reads_database() {
        return true;
    }
    // A target that lists topic by topic has the same borders in each.
    let has_others = |look: &&Look| look.is_whole() || (listing.all_topics && look.error.is_none());
    let limit = |look: &Look| look.limit.filter(|_| looks.limit_heeded == Some(true));
    let read = looks.looks.iter().filter(has_others);
    let borders: HashSet<(u64, Option<u32>)> = read.map(|look| (look.pages, limit(look))).collect();
    let firsts = if listing.all_topics { 1 } else { facts.evidence.plan.topics.len() as u64 };
    borders.len() > 1 && looks.looks.iter().any(|look| look.pages > firsts)
}

/// Returns the sentinels that are shown, if no key has fallen out since they were sent.
fn later(facts: &Facts<'_>) -> impl Iterator<Item = u64> {
    let sentinels = &facts.evidence.observed.sentinels;
    let is_pushed_out = sentinels.as_ref().is_some_and(|sentinels| sentinels.fallen_out > 0);
    let is_shown = move |state: KeyState| !is_pushed_out && state.acked() > 0 && state.seen() > 0;
    let shown = facts.tally.keys.sentinels().filter(move |(_, state)| is_shown(*state));
    shown.map(|(ordinal, _)| ordinal)
}

/// Acknowledged keys of one topic, in the order of their numbers.
#[derive(Debug, Default)]
struct Topic {
    /// The first that are shown.
    first: Vec<u64>,
    /// The last that are shown.
    last: VecDeque<u64>,
    /// Number of keys from the first that is shown to the last that is shown.
    between: u64,
    /// Number of these that are shown.
    shown: u64,
    /// Number of absent keys since the last that is shown.
    absent_since: u64,
    /// Sentinels that are shown, which were sent after all keys.
    later: Vec<u64>,
}

impl Topic {
    fn take(&mut self, ordinal: u64, is_shown: bool) {
        if !is_shown {
            self.absent_since += u64::from(self.shown > 0);
            return;
        }
        self.between += 1 + std::mem::take(&mut self.absent_since);
        self.shown += 1;
        if self.first.len() < ASKED {
            self.first.push(ordinal);
        }
        if self.last.len() == ASKED {
            self.last.pop_front();
        }
        self.last.push_back(ordinal);
    }

    /// Returns true if nearly all keys in between are shown.
    fn is_shown(&self) -> bool {
        let after = if self.later.is_empty() { 0 } else { self.absent_since };
        let between = self.between + after;
        between >= LEAST && self.shown * 100 >= between * SHARE
    }

    fn asked(&self) -> impl Iterator<Item = u64> {
        self.first.iter().chain(&self.last).chain(&self.later).copied()
    }
}

/// Times of a key's attempts, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Span {
    /// Start of the first attempt.
    start: u64,
    /// End of the last acknowledged attempt.
    acked: u64,
    /// End of the last attempt; the greatest number if one never ended.
    end: u64,
}

impl Span {
    /// Returns the times of a key that was acknowledged, and whose attempts are all known.
    fn of(attempts: &[Attempt]) -> Option<Self> {
        if attempts.len() > MOST_ATTEMPTS {
            return None;
        }
        let acked = attempts.iter().filter(|attempt| attempt.outcome.is_acked());
        Some(Self {
            start: attempts.iter().map(|attempt| attempt.start_us).min()?,
            acked: acked.filter_map(|attempt| attempt.end_us).max()?,
            end: attempts.iter().map(|attempt| attempt.end_us.unwrap_or(u64::MAX)).max()?,
        })
    }
}

/// Sides of a topic: the moments between which it is shown.
#[derive(Clone, Copy, Debug)]
struct Sides {
    /// Moment before which several shown keys had their last attempt.
    from: u64,
    /// Moment after which several shown keys had their first attempt.
    to: u64,
}

impl Sides {
    fn of(topic: &Topic, spans: &HashMap<u64, Span>) -> Option<Self> {
        let shown: HashSet<u64> = topic.asked().collect();
        let spans = || shown.iter().filter_map(|ordinal| spans.get(ordinal));
        let mut ends: Vec<u64> = spans().map(|span| span.end).collect();
        let mut starts: Vec<u64> = spans().map(|span| span.start).collect();
        ends.sort_unstable();
        starts.sort_unstable();
        Some(Self { from: *ends.get(SIDE - 1)?, to: *starts.iter().rev().nth(SIDE - 1)? })
    }

    /// Returns true if all acknowledged attempts of a key lie between the sides.
    fn hold(self, key: Span) -> bool {
        self.from < key.start && key.acked < self.to
    }
}
