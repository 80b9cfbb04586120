//! Histories of the keys in question: those that a look did not show, or showed more than once.
//! They also tell when something in question last moved.
//!
//! Looks that asked different questions are not compared. A key that pages of 1,000 rows show and
//! pages of 667 rows do not is the listing's affair, and no movement.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use judge::books::tally::Tally;
use truth::observed::Route;
use truth::observed::looks::{Asked, CopyHistory, KeyHistory, Look, Looks, MOST_HISTORIES, SingleKeys};
use truth::observed::presence::Presence;
use truth::observed::rows::{RowTally, SetSum};
use truth::plan::event::Events;

/// Number of times that one key counts as a movement: it came once, and went once.
const MOST_MOVES: u32 = 2;

/// Kind of a question. Answers to questions of one kind are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// All rows of the listing.
    Whole,
    /// All rows of the listing, in pages of another size.
    OtherSize,
    /// Topics by themselves.
    Topic,
    /// All rows of the database.
    Database,
    /// Single keys.
    Single,
}

const KINDS: usize = 5;

/// An acknowledged key that some look did not show.
#[derive(Clone, Default)]
struct Missing {
    history: KeyHistory,
    /// For each kind of question, the last answer.
    shown: [Option<bool>; KINDS],
    was_shown: [bool; KINDS],
    /// For each kind of question, the number of times that the answer changed.
    changes: [u32; KINDS],
    /// First look that showed it after one that asked the same question did not.
    came_ms: Option<u64>,
}

/// A key that some look showed more than once.
#[derive(Clone, Default)]
struct Copied {
    history: CopyHistory,
    /// For each kind of question, whether the last look showed copies.
    has_copies: [Option<bool>; KINDS],
    /// The same of copies that stand on more than neighbouring pages.
    stands: [Option<bool>; KINDS],
    /// Number of times that these came or went.
    moves: u32,
}

/// Histories of one observation.
pub(super) struct Histories<'a> {
    began: Instant,
    tally: &'a Tally,
    events: &'a Events,
    looks: Looks,
    missing: BTreeMap<u64, Missing>,
    copies: BTreeMap<u64, Copied>,
    /// Least number of missing keys, for each kind of question.
    least_missing: [Option<u64>; KINDS],
    /// Largest number of different keys that a whole look showed, for listing and database.
    most_keys: [u64; 2],
    /// Rows of the last two different whole looks.
    sums: Vec<SetSum>,
    /// Keys that any look showed.
    ever: Presence,
    first_whole_ms: Option<u64>,
    last_whole_ms: Option<u64>,
    moved: Instant,
}

/// One look, to be noted.
pub(super) struct Noted<'n, 'e> {
    pub(super) look: Look,
    pub(super) kind: Kind,
    pub(super) rows: &'n RowTally<'e>,
}

impl<'a> Histories<'a> {
    pub(super) fn new(tally: &'a Tally, events: &'a Events, keys: u64) -> Self {
        let now = Instant::now();
        Self {
            began: now,
            tally,
            events,
            looks: Looks { schema_version: 1, ..Looks::default() },
            missing: BTreeMap::new(),
            copies: BTreeMap::new(),
            least_missing: [None; KINDS],
            most_keys: [0; 2],
            sums: Vec::new(),
            ever: Presence::new(keys),
            first_whole_ms: None,
            last_whole_ms: None,
            moved: now,
        }
    }

    /// Time since the observation began.
    pub(super) fn now_ms(&self) -> u64 {
        millis(self.began.elapsed())
    }

    /// Time since something in question moved.
    pub(super) fn still_for(&self) -> Duration {
        self.moved.elapsed()
    }

    /// Moment at which something in question last moved.
    pub(super) fn moved(&self) -> Instant {
        self.moved
    }

    /// True if the last whole look showed copies of the key, and they did not vanish since.
    pub(super) fn has_copies(&self, ordinal: u64) -> bool {
        let Some(copied) = self.copies.get(&ordinal) else { return true };
        let last = |kind: Kind| copied.has_copies[kind as usize];
        let has_vanished = copied.moves > 0 && last(Kind::Topic) == Some(false);
        !has_vanished && [Kind::Whole, Kind::Database].into_iter().any(|kind| last(kind) == Some(true))
    }

    /// Records a look that ended early.
    pub(super) fn note_error(&mut self, look: Look) {
        self.looks.push(look);
    }

    /// Records if pages are as long as was asked for.
    pub(super) fn note_limit(&mut self, limit: u32, longest_page: u64) {
        let limit = u64::from(limit);
        if longest_page > limit {
            self.looks.limit_heeded = Some(false);
        } else if longest_page == limit {
            self.looks.limit_heeded.get_or_insert(true);
        }
    }

    /// Records a look that was read to its end.
    pub(super) fn note(&mut self, noted: Noted<'_, '_>) {
        let Noted { look, kind, rows } = noted;
        let now_ms = look.to_ms;
        let topic = match &look.asked {
            Asked::Topic(topic) => Some(topic.clone()),
            Asked::All | Asked::EachTopic => None,
        };
        let mut has_moved = self.add_missing(kind, topic.is_none(), now_ms, rows);
        has_moved |= self.add_copies(kind, topic.as_deref(), now_ms, look.limit, rows);
        for (ordinal, missing) in &mut self.missing {
            if topic.as_ref().is_none_or(|topic| self.events.topic(*ordinal) == topic) {
                let is_shown = rows.presence.seen(*ordinal) > 0;
                has_moved |= missing.note(kind, is_shown, now_ms);
            }
        }
        if has_moved {
            self.moved = Instant::now();
        }
        self.ever.fill(&rows.presence);
        self.compare(&look, kind, rows);
        self.looks.push(look);
    }

    /// Records the answers for single keys.
    pub(super) fn note_single(&mut self, single: SingleKeys) {
        let now_ms = self.now_ms();
        let answers = single.found.iter().map(|key| (*key, true));
        for (ordinal, is_shown) in answers.chain(single.absent.iter().map(|key| (*key, false))) {
            if let Some(missing) = self.missing.get_mut(&ordinal) {
                missing.note(Kind::Single, is_shown, now_ms);
            }
        }
        single.found.iter().for_each(|ordinal| self.ever.note(*ordinal));
        self.looks.single = Some(single);
    }

    /// Adds keys that a look at all topics did not show. Returns true if fewer were missing than in
    /// any look before.
    fn add_missing(&mut self, kind: Kind, of_all: bool, now_ms: u64, rows: &RowTally<'_>) -> bool {
        if !of_all {
            return false;
        }
        let acked = self.tally.keys.iter().filter(|(_, state)| state.acked() > 0);
        let mut count = 0;
        for (ordinal, _) in acked.filter(|(ordinal, _)| rows.presence.seen(*ordinal) == 0) {
            count += 1;
            if self.missing.len() < MOST_HISTORIES && !self.missing.contains_key(&ordinal) {
                let mut missing = Missing::default();
                missing.history.ordinal = ordinal;
                // All whole looks before showed it.
                if self.ever.seen(ordinal) > 0 {
                    missing.history.first_seen_ms = self.first_whole_ms;
                    missing.history.last_seen_ms = self.last_whole_ms;
                    missing.was_shown[Kind::Whole as usize] = true;
                    missing.shown[Kind::Whole as usize] = Some(true);
                }
                self.missing.insert(ordinal, missing);
            }
        }
        if kind == Kind::Whole {
            self.first_whole_ms.get_or_insert(now_ms);
            self.last_whole_ms = Some(now_ms);
        }
        self.looks.missing_count = self.looks.missing_count.max(count);
        let least = &mut self.least_missing[kind as usize];
        let is_fewer = least.is_some_and(|least| count < least);
        *least = Some(least.map_or(count, |least| least.min(count)));
        is_fewer
    }

    /// Notes the copies that a look showed, and those that it did not show any more. Returns true
    /// if any came or went between looks of one kind.
    fn add_copies(
        &mut self,
        kind: Kind,
        topic: Option<&str>,
        now_ms: u64,
        limit: Option<u32>,
        rows: &RowTally<'_>,
    ) -> bool {
        if topic.is_none() {
            self.looks.copies_count = self.looks.copies_count.max(rows.copies.count);
        }
        for ordinal in rows.copies.keys.keys() {
            if self.copies.len() < MOST_HISTORIES || self.copies.contains_key(ordinal) {
                let history = CopyHistory { ordinal: *ordinal, first_ms: now_ms, ..CopyHistory::default() };
                self.copies.entry(*ordinal).or_insert(Copied { history, ..Copied::default() });
            }
        }
        let mut has_moved = false;
        for (ordinal, copied) in &mut self.copies {
            if topic.is_some_and(|topic| self.events.topic(*ordinal) != topic) {
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
                    let limit = limit.filter(|limit| places.within && !history.within_limits.contains(limit));
                    history.within_limits.extend(limit);
                }
                None => history.looks_without += 1,
            }
            copied.has_copies[kind as usize] = Some(places.is_some());
            // A row that is written between two pages has the next page repeat a row.
            let stands = places.is_some_and(|places| !places.is_border_only());
            let before = copied.stands[kind as usize].replace(stands);
            if before.is_some_and(|before| before != stands) {
                has_moved |= copied.moves < MOST_MOVES;
                copied.moves += 1;
            }
        }
        if kind == Kind::Whole {
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

    /// Compares a whole look with those before it.
    fn compare(&mut self, look: &Look, kind: Kind, rows: &RowTally<'_>) {
        if look.asked != Asked::All {
            return;
        }
        let most = &mut self.most_keys[usize::from(look.route == Route::Database)];
        self.looks.shrank |= look.keys < *most;
        *most = (*most).max(look.keys);
        if kind == Kind::Whole && self.sums.last() != Some(&rows.ours) {
            self.looks.went_back |= self.sums.len() > 1 && self.sums[self.sums.len() - 2] == rows.ours;
            self.sums.push(rows.ours);
            if self.sums.len() > 2 {
                self.sums.remove(0);
            }
        }
    }

    /// Ends the histories. `shown` has the keys that looks since the last movement showed.
    pub(super) fn into_looks(self, shown: &Presence) -> Looks {
        let is_gone = |ordinal: &u64| self.ever.seen(*ordinal) > 0 && shown.seen(*ordinal) == 0;
        let gone_count = (0..shown.keys()).filter(is_gone).count() as u64;
        let gone = (0..shown.keys()).filter(is_gone).take(MOST_HISTORIES).collect();
        let lag_ms = self.missing.values().filter_map(|missing| missing.came_ms).max();
        let missing: Vec<KeyHistory> = self.missing.into_values().map(Missing::into_history).collect();
        Looks {
            lag_ms,
            more_by_topic: missing.iter().any(|history| history.by_topic_only),
            missing_count: self.looks.missing_count.max(missing.len() as u64),
            missing,
            copies_count: self.looks.copies_count.max(self.copies.len() as u64),
            copies: self.copies.into_values().map(|copied| copied.history).collect(),
            gone,
            gone_count,
            waited_ms: millis(self.began.elapsed()),
            ..self.looks
        }
    }
}

impl Missing {
    /// Notes the answer to a question. Returns true if the key came or went.
    fn note(&mut self, kind: Kind, is_shown: bool, now_ms: u64) -> bool {
        let history = &mut self.history;
        if is_shown {
            history.first_seen_ms.get_or_insert(now_ms);
            history.last_seen_ms = Some(now_ms);
            self.was_shown[kind as usize] = true;
        } else {
            history.first_missed_ms.get_or_insert(now_ms);
            history.last_missed_ms = Some(now_ms);
        }
        let before = self.shown[kind as usize].replace(is_shown);
        let has_changed = before.is_some_and(|before| before != is_shown);
        let changes = &mut self.changes[kind as usize];
        *changes += u32::from(has_changed);
        history.changes = history.changes.max(*changes);
        if has_changed && is_shown {
            self.came_ms.get_or_insert(now_ms);
        }
        has_changed && *changes <= MOST_MOVES
    }

    fn into_history(self) -> KeyHistory {
        let [whole, other_size, topic, database, single] = self.was_shown;
        // A whole look has to have missed it since.
        let is_missed_since = self.shown[Kind::Whole as usize] == Some(false);
        let by_topic_only = topic && is_missed_since && !whole && !other_size && !database && !single;
        let shows = |kind: Kind| self.shown[kind as usize] == Some(true);
        let others = [Kind::OtherSize, Kind::Topic, Kind::Single];
        let left_out = is_missed_since && others.into_iter().any(shows);
        KeyHistory { by_topic_only, left_out, ..self.history }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
