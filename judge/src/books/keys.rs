//! State of a key in one byte, and the classes of all 256 values.

use std::collections::BTreeMap;
use std::ops::Range;

use foldhash::HashMap;
use truth::observed::presence::Presence;

const ACKED: u32 = 0;
const NEW: u32 = 2;
const UNKNOWN: u32 = 4;
const SEEN: u32 = 6;

/// Class of a key that its byte alone decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Acknowledged and absent.
    Lost,
    /// Listed more than once.
    StoredTwice,
    /// Reported as new more than once.
    DoubleNew,
    /// Listed, though no attempt of it was acknowledged or is unknown.
    Unaccounted,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 4] = [Self::Lost, Self::StoredTwice, Self::DoubleNew, Self::Unaccounted];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Four counters of two bits that stop at 3: acknowledged, reported as new, unknown, seen.
///
/// For example, a key was sent three times: once acknowledged as new, once as a duplicate, once
/// without a response. It is listed once. Its counters are 2, 1, 1 and 1, its byte is
/// 0b01_01_01_10.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeyState(u8);

impl KeyState {
    const fn field(self, shift: u32) -> u8 {
        (self.0 >> shift) & 3
    }

    /// Acknowledged attempts; 3 stands for more.
    pub const fn acked(self) -> u8 {
        self.field(ACKED)
    }

    /// Attempts that were reported as new; 3 stands for more.
    pub const fn reported_new(self) -> u8 {
        self.field(NEW)
    }

    /// Attempts whose fate is unknown; 3 stands for more.
    pub const fn unknown(self) -> u8 {
        self.field(UNKNOWN)
    }

    /// Rows; 3 stands for more.
    pub const fn seen(self) -> u8 {
        self.field(SEEN)
    }

    /// Returns true if this state is of a class.
    pub fn is(self, class: Class) -> bool {
        CLASSES[usize::from(self.0)] & class.bit() != 0
    }

    fn bump_unknown(&mut self, ordinal: u64, many_unknown: &mut HashMap<u64, u64>) {
        if self.unknown() == 3 {
            *many_unknown.entry(ordinal).or_insert(3) += 1;
        }
        self.bump(UNKNOWN);
    }

    fn bump(&mut self, shift: u32) {
        if self.field(shift) < 3 {
            self.0 += 1 << shift;
        }
    }
}

/// Classes of each byte.
const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let state = KeyState(byte as u8);
        let mut classes = 0;
        if state.acked() >= 1 && state.seen() == 0 {
            classes |= Class::Lost.bit();
        }
        if state.seen() >= 2 {
            classes |= Class::StoredTwice.bit();
        }
        if state.reported_new() >= 2 {
            classes |= Class::DoubleNew.bit();
        }
        if state.seen() >= 1 && state.acked() == 0 && state.unknown() == 0 {
            classes |= Class::Unaccounted.bit();
        }
        table[byte] = classes;
        byte += 1;
    }
    table
};

/// Keys of a class.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Members {
    /// Number of all of them.
    pub count: u64,
    /// The first of them.
    pub keys: Vec<u64>,
}

/// States of a range of keys, and of the sentinels beside them.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    first: u64,
    states: Vec<KeyState>,
    /// States of the sentinels: events of the run's own, which are no keys of its plan.
    sentinels: BTreeMap<u64, KeyState>,
    /// Exact numbers of unknown attempts of keys and sentinels whose byte has stopped counting.
    many_unknown: HashMap<u64, u64>,
    /// Unclear responses to each key; none if no response of the run is unclear, which is usual.
    unclear: Option<Presence>,
    /// Rejections of each key; none if the run has none, which is usual.
    rejected: Option<Presence>,
}

/// Attempts of a key or a sentinel.
#[derive(Clone, Copy, Debug)]
pub struct Attempted {
    /// Counters of the key.
    pub state: KeyState,
    /// Exact number of unknown attempts.
    pub unknown: u64,
}

impl Keys {
    /// Makes a range of keys without an attempt.
    pub fn new(keys: Range<u64>) -> Self {
        let count = usize::try_from(keys.end - keys.start).expect("keys fit in memory");
        Self {
            first: keys.start,
            states: vec![KeyState::default(); count],
            unclear: None,
            rejected: None,
            sentinels: BTreeMap::new(),
            many_unknown: HashMap::default(),
        }
    }

    /// Returns true if a key is in the range.
    pub fn contains(&self, ordinal: u64) -> bool {
        ordinal >= self.first && ordinal - self.first < self.states.len() as u64
    }

    /// State of a key of the range.
    pub fn get(&self, ordinal: u64) -> KeyState {
        self.states[(ordinal - self.first) as usize]
    }

    /// All keys of the range with their states.
    pub fn iter(&self) -> impl Iterator<Item = (u64, KeyState)> {
        (self.first..).zip(self.states.iter().copied())
    }

    /// All sentinels that were sent, with their states.
    pub fn sentinels(&self) -> impl Iterator<Item = (u64, KeyState)> {
        self.sentinels.iter().map(|(ordinal, state)| (*ordinal, *state))
    }

    /// Attempts of all keys and of all sentinels, which the target counts alike.
    pub fn attempted(&self) -> impl Iterator<Item = Attempted> {
        let exact = |(ordinal, state)| Attempted { state, unknown: self.exactly_unknown(ordinal, state) };
        self.iter().chain(self.sentinels()).map(exact)
    }

    fn exactly_unknown(&self, ordinal: u64, state: KeyState) -> u64 {
        match state.unknown() {
            few @ 0..=2 => u64::from(few),
            _ => self.many_unknown.get(&ordinal).copied().unwrap_or(3),
        }
    }

    /// Exact number of unknown attempts of a key.
    pub fn unknown(&self, ordinal: u64) -> u64 {
        self.exactly_unknown(ordinal, self.get(ordinal))
    }

    /// Counts the keys of a class, and names the first `limit` of them.
    pub fn of_class(&self, class: Class, limit: usize) -> Members {
        self.of_class_where(class, limit, |_| true)
    }

    /// Counts the keys of a class that are asked about, and names the first `limit` of them.
    pub fn of_class_where(&self, class: Class, limit: usize, is_asked: impl Fn(&u64) -> bool) -> Members {
        let mut members = Members::default();
        for (ordinal, _) in self.iter().filter(|(ordinal, state)| state.is(class) && is_asked(ordinal)) {
            members.count += 1;
            if members.keys.len() < limit {
                members.keys.push(ordinal);
            }
        }
        members
    }

    /// Books an acknowledgement.
    pub fn book_acked(&mut self, ordinal: u64, is_new: bool) {
        let state = &mut self.states[(ordinal - self.first) as usize];
        state.bump(ACKED);
        if is_new {
            state.bump(NEW);
        }
    }

    /// Books an attempt whose fate is unknown.
    pub fn book_unknown(&mut self, ordinal: u64) {
        self.states[(ordinal - self.first) as usize].bump_unknown(ordinal, &mut self.many_unknown);
    }

    /// Books an acknowledged attempt of a sentinel.
    pub fn book_acked_sentinel(&mut self, ordinal: u64, is_new: bool) {
        let state = self.sentinels.entry(ordinal).or_default();
        state.bump(ACKED);
        if is_new {
            state.bump(NEW);
        }
    }

    /// Books an attempt of a sentinel whose fate is unknown.
    pub fn book_unknown_sentinel(&mut self, ordinal: u64) {
        self.sentinels.entry(ordinal).or_default().bump_unknown(ordinal, &mut self.many_unknown);
    }

    /// Books a sentinel that was rejected, or never left.
    pub fn book_ineffective_sentinel(&mut self, ordinal: u64) {
        self.sentinels.entry(ordinal).or_default();
    }

    /// Books an attempt whose response is unclear, and whose fate is therefore unknown.
    pub fn book_unclear(&mut self, ordinal: u64) {
        self.book_unknown(ordinal);
        let keys = self.states.len() as u64;
        self.unclear.get_or_insert_with(|| Presence::new(keys)).note(ordinal - self.first);
    }

    /// Books an attempt that was rejected.
    pub fn book_rejected(&mut self, ordinal: u64) {
        let keys = self.states.len() as u64;
        self.rejected.get_or_insert_with(|| Presence::new(keys)).note(ordinal - self.first);
    }

    /// Returns true if an attempt of a key was rejected.
    pub fn is_rejected(&self, ordinal: u64) -> bool {
        self.rejected.as_ref().is_some_and(|rejected| rejected.seen(ordinal - self.first) > 0)
    }

    /// Returns true if a response to a key is unclear and none acknowledges it.
    pub fn is_unclear(&self, ordinal: u64) -> bool {
        let has_unclear = self.unclear.as_ref().is_some_and(|unclear| unclear.seen(ordinal - self.first) > 0);
        has_unclear && self.get(ordinal).acked() == 0
    }

    /// Books the rows that a listing showed.
    pub fn see(&mut self, presence: &Presence) {
        for (ordinal, state) in (self.first..).zip(&mut self.states) {
            for _ in 0..presence.seen(ordinal) {
                state.bump(SEEN);
            }
        }
    }

    /// Books the sentinels that a listing showed. Those that the ledger does not know were sent from
    /// a copy of the run's folder.
    pub fn see_sentinels(&mut self, seen: &[u64]) {
        for ordinal in seen {
            if let Some(state) = self.sentinels.get_mut(ordinal) {
                state.bump(SEEN);
            }
        }
    }
}
