//! Histories: what the looks of one observation showed of the keys in question.

use std::collections::BTreeMap;

use judge::books::tally::Tally;
use truth::observed::Route;
use truth::observed::looks::{Asked, CopyHistory, KeyHistory, Look, Looks};
use truth::observed::presence::Presence;
use truth::observed::rows::{RowTally, SetSum};
use truth::plan::event::Events;

use super::world::{MILLISECOND, Us};

/// Number of times that one key counts as a movement.
const MOST_MOVES: u32 = 2;

/// Question that a look asked. Answers to one question are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Question {
    Whole,
    OtherSize,
    EachTopic,
    /// One topic, by its place in the plan.
    Topic(usize),
}

impl Question {
    fn kind(self) -> usize {
        match self {
            Self::Whole => 0,
            Self::OtherSize => 1,
            Self::EachTopic | Self::Topic(_) => 2,
        }
    }

    fn asked(self, events: &Events) -> Asked {
        match self {
            Self::Whole | Self::OtherSize => Asked::All,
            Self::EachTopic => Asked::EachTopic,
            Self::Topic(topic) => Asked::Topic(events.topics()[topic].clone()),
        }
    }

    fn topic(self) -> Option<usize> {
        match self {
            Self::Topic(topic) => Some(topic),
            Self::Whole | Self::OtherSize | Self::EachTopic => None,
        }
    }
}

const KINDS: usize = 3;

/// Pages of a look.
pub(super) struct Pages {
    pub(super) count: u64,
    /// Rows of the longest one.
    pub(super) longest: u64,
    /// Rows that were asked for, if they can be.
    pub(super) limit: Option<u32>,
}

/// An acknowledged key that some look did not show.
#[derive(Clone, Default)]
struct Missing {
    history: KeyHistory,
    shown: [Option<bool>; KINDS],
    was_shown: [bool; KINDS],
    changes: [u32; KINDS],
    came_ms: Option<u64>,
}

/// A key that some look showed more than once.
#[derive(Clone, Default)]
struct Copied {
    history: CopyHistory,
    has_copies: [Option<bool>; KINDS],
    moves: u32,
}

/// The looks of one observation, as far as they are kept.
pub(super) struct Histories<'a> {
    pub(super) began: Us,
    pub(super) moved: Us,
    tally: &'a Tally,
    events: &'a Events,
    looks: Looks,
    missing: BTreeMap<u64, Missing>,
    copies: BTreeMap<u64, Copied>,
    least_missing: [Option<u64>; KINDS],
    most_keys: u64,
    sums: Vec<SetSum>,
    ever: Presence,
    whole_ms: Option<[u64; 2]>,
}

impl<'a> Histories<'a> {
    pub(super) fn new(tally: &'a Tally, events: &'a Events, keys: u64, began: Us) -> Self {
        Self {
            began,
            moved: began,
            tally,
            events,
            looks: Looks { schema_version: 1, ..Looks::default() },
            missing: BTreeMap::new(),
            copies: BTreeMap::new(),
            least_missing: [None; KINDS],
            most_keys: 0,
            sums: Vec::new(),
            ever: Presence::new(keys),
            whole_ms: None,
        }
    }

    /// True if the last whole look showed copies of the key, and they did not vanish since.
    pub(super) fn has_copies(&self, ordinal: u64) -> bool {
        let Some(copied) = self.copies.get(&ordinal) else { return true };
        let by_topic = copied.has_copies[Question::EachTopic.kind()];
        let has_vanished = copied.moves > 0 && by_topic == Some(false);
        !has_vanished && copied.has_copies[Question::Whole.kind()] == Some(true)
    }

    /// Notes a look that was read to its end at this moment.
    pub(super) fn note(&mut self, question: Question, now: Us, pages: Pages, rows: &RowTally<'_>) {
        let now_ms = (now - self.began) / MILLISECOND;
        if let Some(limit) = pages.limit.map(u64::from) {
            if pages.longest > limit {
                self.looks.limit_heeded = Some(false);
            } else if pages.longest == limit {
                self.looks.limit_heeded.get_or_insert(true);
            }
        }
        self.looks.push(Look {
            route: Route::Api,
            asked: question.asked(self.events),
            limit: pages.limit,
            from_ms: now_ms,
            to_ms: now_ms,
            rows: rows.rows,
            keys: rows.presence.shown(),
            ours: rows.ours,
            foreign: rows.foreign,
            pages: pages.count,
            error: None,
        });
        let mut has_moved = question.topic().is_none() && self.add_missing(question, now_ms, rows);
        has_moved |= self.add_copies(question, now_ms, pages.limit, rows);
        for (ordinal, missing) in &mut self.missing {
            if question.topic().is_none_or(|topic| self.events.topic_index(*ordinal) == topic) {
                has_moved |= missing.note(question.kind(), rows.presence.seen(*ordinal) > 0, now_ms);
            }
        }
        if has_moved {
            self.moved = now;
        }
        self.ever.fill(&rows.presence);
        if matches!(question, Question::Whole | Question::OtherSize) {
            self.compare(question, rows);
        }
    }

    /// Adds keys that a look at all topics did not show. Returns true if fewer were missing than
    /// ever.
    fn add_missing(&mut self, question: Question, now_ms: u64, rows: &RowTally<'_>) -> bool {
        let mut count = 0;
        let acked = self.tally.keys.iter().filter(|(_, state)| state.acked() > 0);
        for (ordinal, _) in acked.filter(|(ordinal, _)| rows.presence.seen(*ordinal) == 0) {
            count += 1;
            let was_shown = self.ever.seen(ordinal) > 0;
            let whole_ms = self.whole_ms.filter(|_| was_shown);
            self.missing.entry(ordinal).or_insert_with(|| {
                let mut missing = Missing::default();
                missing.history.ordinal = ordinal;
                if was_shown {
                    missing.history.first_seen_ms = whole_ms.map(|[first, _]| first);
                    missing.history.last_seen_ms = whole_ms.map(|[_, last]| last);
                    missing.was_shown[0] = true;
                    missing.shown[0] = Some(true);
                }
                missing
            });
        }
        if question == Question::Whole {
            self.whole_ms = Some([self.whole_ms.map_or(now_ms, |[first, _]| first), now_ms]);
        }
        self.looks.missing_count = self.looks.missing_count.max(count);
        let least = &mut self.least_missing[question.kind()];
        let is_fewer = least.is_some_and(|least| count < least);
        *least = Some(least.map_or(count, |least| least.min(count)));
        is_fewer
    }

    /// Notes copies that came or went. Returns true if any did.
    fn add_copies(
        &mut self,
        question: Question,
        now_ms: u64,
        limit: Option<u32>,
        rows: &RowTally<'_>,
    ) -> bool {
        if question.topic().is_none() {
            self.looks.copies_count = self.looks.copies_count.max(rows.copies.count);
        }
        for ordinal in rows.copies.keys.keys() {
            let history = CopyHistory { ordinal: *ordinal, first_ms: now_ms, ..CopyHistory::default() };
            self.copies.entry(*ordinal).or_insert(Copied { history, ..Copied::default() });
        }
        let mut has_moved = false;
        for (ordinal, copied) in &mut self.copies {
            if question.topic().is_some_and(|topic| self.events.topic_index(*ordinal) != topic) {
                continue;
            }
            let places = rows.copies.keys.get(ordinal);
            let history = &mut copied.history;
            match places {
                Some(places) => {
                    history.last_ms = now_ms;
                    history.looks += 1;
                    history.within += u32::from(places.within);
                    history.border_only += u32::from(places.is_border_only());
                    let is_other = |limit: &u32| !history.within_limits.contains(limit);
                    let limit = limit.filter(|limit| places.within && is_other(limit));
                    history.within_limits.extend(limit);
                }
                None => history.looks_without += 1,
            }
            let before = copied.has_copies[question.kind()].replace(places.is_some());
            if before.is_some_and(|before| before != places.is_some()) {
                has_moved |= copied.moves < MOST_MOVES;
                copied.moves += 1;
            }
        }
        if question == Question::Whole {
            self.looks.border_repeats = self.border_repeats(rows);
        }
        has_moved
    }

    /// Returns the number of rows that repeat a row of the page before, without those of keys that
    /// a look showed twice within one page.
    fn border_repeats(&self, rows: &RowTally<'_>) -> u64 {
        let is_within = |ordinal| self.copies.get(ordinal).is_some_and(|copied| copied.history.within > 0);
        let told_apart =
            rows.copies.keys.iter().filter(|(ordinal, places)| places.is_border_only() && is_within(ordinal));
        let copies: u64 = told_apart.map(|(_, places)| places.border).sum();
        rows.copies.border_repeats - copies
    }

    /// Compares a look at all rows with those before it.
    fn compare(&mut self, question: Question, rows: &RowTally<'_>) {
        let keys = rows.presence.shown();
        self.looks.shrank |= keys < self.most_keys;
        self.most_keys = self.most_keys.max(keys);
        if question == Question::Whole && self.sums.last() != Some(&rows.ours) {
            self.looks.went_back |= self.sums.len() > 1 && self.sums[self.sums.len() - 2] == rows.ours;
            self.sums.push(rows.ours);
            if self.sums.len() > 2 {
                self.sums.remove(0);
            }
        }
    }

    /// Ends the histories. `shown` has the keys that looks since the last movement showed.
    pub(super) fn into_looks(self, shown: &Presence, now: Us) -> Looks {
        let is_gone = |ordinal: &u64| self.ever.seen(*ordinal) > 0 && shown.seen(*ordinal) == 0;
        let gone: Vec<u64> = (0..shown.keys()).filter(is_gone).collect();
        let missing: Vec<KeyHistory> = self.missing.values().map(Missing::history).collect();
        Looks {
            lag_ms: self.missing.values().filter_map(|missing| missing.came_ms).max(),
            more_by_topic: missing.iter().any(|history| history.by_topic_only),
            missing_count: self.looks.missing_count.max(missing.len() as u64),
            missing,
            copies_count: self.looks.copies_count.max(self.copies.len() as u64),
            copies: self.copies.into_values().map(|copied| copied.history).collect(),
            gone_count: gone.len() as u64,
            gone,
            waited_ms: (now - self.began) / MILLISECOND,
            ..self.looks
        }
    }
}

impl Missing {
    /// Notes an answer. Returns true if the key came or went.
    fn note(&mut self, kind: usize, is_shown: bool, now_ms: u64) -> bool {
        let history = &mut self.history;
        if is_shown {
            history.first_seen_ms.get_or_insert(now_ms);
            history.last_seen_ms = Some(now_ms);
            self.was_shown[kind] = true;
        } else {
            history.first_missed_ms.get_or_insert(now_ms);
            history.last_missed_ms = Some(now_ms);
        }
        let before = self.shown[kind].replace(is_shown);
        let has_changed = before.is_some_and(|before| before != is_shown);
        self.changes[kind] += u32::from(has_changed);
        history.changes = history.changes.max(self.changes[kind]);
        if has_changed && is_shown {
            self.came_ms.get_or_insert(now_ms);
        }
        has_changed && self.changes[kind] <= MOST_MOVES
    }

    fn history(&self) -> KeyHistory {
        let [whole, other_size, by_topic] = self.was_shown;
        let is_missed_since = self.shown[0] == Some(false);
        KeyHistory {
            by_topic_only: by_topic && is_missed_since && !whole && !other_size,
            ..self.history.clone()
        }
    }
}
