//! What can be wrong with a target, and the small switches: what tells two events apart, what is stored, what is answered.

use clap::ValueEnum;

use crate::counters::Counters;
use crate::event::{Event, Key};

/// One event in so many is stored a second time, or dropped, or dropped and another doubled.
const ONE_IN: usize = 10_000;

/// One defect, each somebody's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Defect {
    /// None: each event is stored once, counted once, and answered after that.
    None,
    /// Looks whether a key is there, and inserts it later, without a constraint that would refuse the second.
    CheckThenInsert,
    /// Marks a key as known, durably, and writes the event later: what dies in between is never stored.
    ClaimBeforeWrite,
    /// Claims a key in memory, tells repeats to be known, and writes the event a while later.
    DuplicateBeforeFirst,
    /// Takes two events with one id for one, whatever their topics.
    DedupById,
    /// Takes two events with one payload for one.
    DedupByPayload,
    /// Takes ids that differ in case for one.
    LowerCasedId,
    /// Takes ids that differ in white space at the end for one.
    TrimmedId,
    /// Takes ids that differ in their normal form for one.
    NormalisedId,
    /// Takes ids for one that begin with the same 36 bytes.
    TruncatedId,
    /// Takes ids for one that begin with the same 128 bytes.
    TruncatedLongId,
    /// Takes ids for one that are the same number.
    IntegerAffineId,
    /// Lets an event that comes again take the place of the first.
    LastWriterWins,
    /// Keeps everything in memory alone.
    LostAtRestart,
    /// Remembers the last 10,000 keys alone.
    ShortMemory,
    /// Forgets a key after two seconds.
    ShortWindow,
    /// Lets every second duplicate through.
    EverySecondDuplicate,
    /// Stops storing a batch at its first duplicate.
    StopsAtConflict,
    /// Tells a repeat inside a batch to be new.
    #[value(alias = "in-batch-repeat-counted-new")]
    InBatchRepeatIsNew,
    /// Stores a batch event by event.
    StoresInParts,
    /// Reads a counter, and writes it back later.
    CounterOutsideTheInsert,
    /// Counts a request with a duplicate in it twice.
    CountsTwice,
    /// Counts a request without an event as one.
    CountsWhatIsEmpty,
    /// Makes counters durable once a second.
    CountersFlushedLater,
    /// Answers `/stats` from several moments.
    TornStats,
    /// Tells how long the first process has been up, whichever answers.
    UptimeNotReset,
    /// Answers before the events are stored.
    AckedBeforeStored,
    /// Tells a failure to be a duplicate.
    FailureIsDuplicate,
    /// Stores one event in 10,000 a second time.
    StoredTwice,
    /// Stores every event twice.
    AllStoredTwice,
    /// Stores every event four times.
    AllStoredFourTimes,
    /// Drops one new event in 10,000.
    DropsOne,
    /// Drops one new event in 10,000 and stores another twice: all counts add up.
    DropsOneDoublesOne,
    /// Answers 503 to one batch in fifty, after it is stored.
    RefusesWhatIsStored,
    /// Counts one batch in fifty, and answers 503 before it is stored.
    CountsWhatIsRefused,
    /// Refuses a batch with an invalid event, after it has stored the valid ones.
    PartlyStored,
    /// Takes a batch with an invalid event, and drops that one.
    InvalidSwallowed,
    /// Keeps the inbox in memory alone.
    QueueLostAtKill,
    /// Takes a batch out of the inbox, and stores it later.
    PoppedThenKilled,
    /// Never takes up again what was begun by a process that is gone.
    NeverReclaimed,
    /// Two workers store one batch.
    TwoWorkersOnOne,
    /// Stores numbers as floating-point ones.
    NumbersThroughFloat,
    /// Leaves out a row at every page's end.
    PageOffByOne,
    /// Shows the first 1,000 rows, and says that these are all.
    ListingTruncated,
    /// Goes on after the last row's moment, and so leaves out the others of that moment.
    CursorTiesLost,
    /// Shows the newest event to everybody, whatever topic they ask for.
    ScopeLeak,
}

impl Defect {
    /// What tells two events apart.
    pub(crate) fn key(self, event: &Event) -> Key {
        let (topic, id) = event.key.clone();
        match self {
            Self::DedupById => (String::new(), id),
            Self::DedupByPayload => (String::new(), event.payload()),
            Self::LowerCasedId => (topic, id.to_lowercase()),
            Self::TrimmedId => (topic, id.trim_end().to_owned()),
            Self::NormalisedId => (topic, id.replace("e\u{301}", "\u{e9}")),
            Self::TruncatedId => (topic, id.chars().take(36).collect()),
            Self::TruncatedLongId => (topic, id.chars().take(128).collect()),
            Self::IntegerAffineId if id.bytes().all(|byte| byte.is_ascii_digit()) => {
                (topic, id.trim_start_matches('0').to_owned())
            }
            _ => (topic, id),
        }
    }

    /// What is stored of new events, where so many rows are there already.
    pub(crate) fn stored(self, new: Vec<Event>, rows: usize) -> Vec<Event> {
        let nth = |place: usize| rows + place + 1;
        let copies = |place: usize| match self {
            Self::StoredTwice if nth(place).is_multiple_of(ONE_IN) => 2,
            Self::AllStoredTwice => 2,
            Self::AllStoredFourTimes => 4,
            Self::DropsOne | Self::DropsOneDoublesOne if nth(place).is_multiple_of(ONE_IN) => 0,
            Self::DropsOneDoublesOne if nth(place) % ONE_IN == ONE_IN / 2 => 2,
            _ => 1,
        };
        let stored = new.into_iter().enumerate();
        stored.flat_map(|(place, event)| std::iter::repeat_n(self.kept(event), copies(place))).collect()
    }

    /// An event as it is kept.
    fn kept(self, event: Event) -> Event {
        if self == Self::NumbersThroughFloat { event.with_a_float() } else { event }
    }

    /// What a batch adds to the counters, by what was new in it.
    pub(crate) fn counted(self, results: &[bool]) -> Counters {
        let counted = Counters::of(results);
        let again = match self {
            Self::CountsTwice if counted.duplicates > 0 => counted.received,
            Self::CountsWhatIsEmpty if results.is_empty() => 1,
            _ => 0,
        };
        Counters { received: counted.received + again, ..counted }
    }
}
