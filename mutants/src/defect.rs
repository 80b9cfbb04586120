//! Defects of a target, and those that are a small switch: in a key, in what is stored, in the
//! counters.

use std::hash::{DefaultHasher, Hash, Hasher};

use clap::ValueEnum;

use crate::counters::Counters;
use crate::event::{Event, Key};

/// Distance of events that are stored a second time, or dropped, or dropped with another doubled.
const ONE_IN: usize = 10_000;

/// Number of rows after which another batch is stored wrongly.
const SPOILS_EVERY: usize = 500;

/// A defect that some real service had.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Defect {
    /// None: each event is stored once, counted once, and acknowledged after that.
    None,
    /// Checks for a key, and inserts it later, without a constraint that would reject the second.
    CheckThenInsert,
    /// Marks a key as known, durably, and writes the event later: an event between the two is never
    /// stored after a kill.
    ClaimBeforeWrite,
    /// Claims a key in memory, answers `duplicate` to repeats, and writes the event a while later.
    DuplicateBeforeFirst,
    /// Merges two events with one id, whatever their topics.
    DedupById,
    /// Merges two events with one payload.
    #[value(alias = "key-is-payload")]
    DedupByPayload,
    /// Merges two events of a topic with one timestamp.
    KeyIsTimestamp,
    /// Tells events of one key apart by their timestamps.
    KeyHasTimestamp,
    /// Tells events of one key apart by their sources.
    KeyHasSource,
    /// Merges ids that differ in case.
    LowerCasedId,
    /// Merges ids that differ in white space at the end.
    TrimmedId,
    /// Merges ids that differ in their Unicode normal form.
    NormalisedId,
    /// Merges ids that begin with the same 36 bytes.
    TruncatedId,
    /// Merges ids that begin with the same 128 bytes.
    TruncatedLongId,
    /// Merges ids that are the same number.
    IntegerAffineId,
    /// Merges keys whose hashes begin with the same 16 bits.
    ShortHash,
    /// Two workers take turns, each with a memory of the keys that it has stored itself.
    MemoryPerWorker,
    /// Forgets all keys when no batch has come for a quarter of a second.
    ForgetsWhenIdle,
    /// Replaces the first event of a key with a later one.
    LastWriterWins,
    /// Keeps everything in memory only.
    LostAtRestart,
    /// Remembers only the last 10,000 keys.
    ShortMemory,
    /// Forgets a key after two seconds.
    ShortWindow,
    /// Stores every second duplicate.
    EverySecondDuplicate,
    /// Stops storing a batch at its first duplicate.
    StopsAtConflict,
    /// Rolls a batch with a duplicate back, and acknowledges it.
    RepeatRollsBack,
    /// Deletes the row of a key that comes again.
    RepeatDeletes,
    /// Keeps the newest 1,000 rows, and the keys of these alone.
    RingOfRows,
    /// Keeps the newest 1,000 rows, and counts these.
    DeletesRowsOfOthers,
    /// Deletes a row a while after it was stored, one in a hundred.
    VanishesLater,
    /// Answers `new` to a repeat inside a batch.
    #[value(alias = "in-batch-repeat-counted-new")]
    InBatchRepeatIsNew,
    /// Tells one new event too few of one batch in fifty, and one duplicate too many.
    TellsOneNewTooFew,
    /// Tells one duplicate too few of one batch in fifty, so that its numbers do not add up.
    SumIsOff,
    /// Tells the results of a batch in the reverse order.
    ResultsOutOfOrder,
    /// Answers `200 OK` with a text to one batch in twenty, and drops it.
    #[value(name = "drops-with-200-text")]
    DropsWith200Text,
    /// Answers 200 with `{"accepted":0}` to one batch in twenty, and drops it.
    #[value(name = "drops-with-accepted-0")]
    DropsWithAccepted0,
    /// Answers 500 to a batch with a key that is stored.
    #[value(name = "refuses-repeats-500")]
    RefusesRepeats500,
    /// Answers 409 to a batch with a key that is stored.
    #[value(name = "refuses-repeats-409")]
    RefusesRepeats409,
    /// Stores a batch event by event.
    StoresInParts,
    /// Reads a counter, and writes it back later.
    CounterOutsideTheInsert,
    /// Counts a request with a duplicate in it twice.
    CountsTwice,
    /// Counts a request without an event as one event.
    CountsWhatIsEmpty,
    /// Makes counters durable once a second.
    CountersFlushedLater,
    /// Answers `/stats` with counters from several moments.
    TornStats,
    /// Reports the uptime of the first process, whichever process responds.
    UptimeNotReset,
    /// Responds before the events are stored.
    AckedBeforeStored,
    /// Answers `duplicate` after a failure.
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
    /// Stores one batch in fifty, answers 503, and forgets the keys of that batch.
    ForgetsWhatIsRefused,
    /// Counts one batch in fifty, and answers 503 before it is stored.
    CountsWhatIsRefused,
    /// Rejects a batch with an invalid event, after it has stored the valid ones.
    PartlyStored,
    /// Accepts a batch with an invalid event, and drops that event.
    InvalidSwallowed,
    /// Keeps the inbox in memory only.
    QueueLostAtKill,
    /// Drops a batch if four others wait.
    QueueDropsWhenFull,
    /// Takes a batch out of the inbox, and stores it later.
    PoppedThenKilled,
    /// Never resumes batches that a killed process had begun.
    NeverReclaimed,
    /// Two workers store one batch.
    TwoWorkersOnOne,
    /// Stores numbers as floating-point ones.
    NumbersThroughFloat,
    /// Stores integers beyond 53 bits as the nearest floating-point number.
    BigIntegersRounded,
    /// Swaps the payloads of two neighbouring events, in one batch for every 500 rows.
    PayloadsSwapped,
    /// Stores a batch under the topic of its first event, one for every 500 rows.
    TopicOfTheFirst,
    /// Stores a row of its own beside every 500 events, and does not count it.
    RowsOfItsOwn,
    /// Stores a row of its own beside every 500 events, and counts it.
    CountedRowsOfItsOwn,
    /// Begins a page with the last row of the page before.
    PageOverlaps,
    /// Leaves out a row at the end of every page.
    PageOffByOne,
    /// Shows the first 1,000 rows as if they were all.
    ListingTruncated,
    /// Continues after the last row's moment, and so leaves out the other rows of that moment.
    CursorTiesLost,
    /// Shows the newest event in the listing of every topic.
    ScopeLeak,
}

impl Defect {
    /// Returns the key by which events are deduplicated.
    pub(crate) fn key(self, event: &Event) -> Key {
        let (topic, id) = event.key.clone();
        match self {
            Self::DedupById => (String::new(), id),
            Self::DedupByPayload => (String::new(), event.content("payload")),
            Self::KeyIsTimestamp => (topic, event.content("timestamp")),
            Self::KeyHasTimestamp => (topic, id + &event.content("timestamp")),
            Self::KeyHasSource => (topic, id + &event.content("source")),
            Self::LowerCasedId => (topic, id.to_lowercase()),
            Self::TrimmedId => (topic, id.trim_end().to_owned()),
            Self::NormalisedId => (topic, id.replace("e\u{301}", "\u{e9}")),
            Self::TruncatedId => (topic, id.chars().take(36).collect()),
            Self::TruncatedLongId => (topic, id.chars().take(128).collect()),
            Self::ShortHash => (String::new(), (hash(&event.key) & 0xffff).to_string()),
            Self::IntegerAffineId if id.bytes().all(|byte| byte.is_ascii_digit()) => {
                (topic, id.trim_start_matches('0').to_owned())
            }
            _ => (topic, id),
        }
    }

    /// Returns the events to store, where `rows` are stored already.
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
        let stored =
            stored.flat_map(|(place, event)| std::iter::repeat_n(self.kept(event), copies(place))).collect();
        self.batch(stored, rows)
    }

    /// Returns an event as it is stored.
    fn kept(self, event: Event) -> Event {
        match self {
            Self::NumbersThroughFloat => event.with_a_float(),
            Self::BigIntegersRounded => event.with_a_rounded_integer(),
            _ => event,
        }
    }

    /// Returns the events of a batch as they are stored, where `rows` are stored already.
    fn batch(self, mut batch: Vec<Event>, rows: usize) -> Vec<Event> {
        if (rows + batch.len()) / SPOILS_EVERY == rows / SPOILS_EVERY {
            return batch;
        }
        match self {
            Self::PayloadsSwapped if batch.len() > 1 => {
                let payloads = [1, 0].map(|place| batch[place].content("payload"));
                batch.iter_mut().zip(payloads).for_each(|(event, payload)| event.set("payload", &payload));
            }
            Self::TopicOfTheFirst => {
                let topic = batch[0].key.0.clone();
                batch.iter_mut().for_each(|event| event.move_to(&topic));
            }
            Self::RowsOfItsOwn | Self::CountedRowsOfItsOwn => {
                let id = format!("mark-{rows}");
                batch.push(batch[0].clone().under(&id));
            }
            _ => {}
        }
        batch
    }

    /// Returns what a batch adds to the counters.
    pub(crate) fn counted(self, results: &[bool]) -> Counters {
        let counted = Counters::of(results);
        let again = match self {
            Self::CountsTwice if counted.duplicates > 0 => counted.received,
            Self::CountsWhatIsEmpty if results.is_empty() => 1,
            _ => 0,
        };
        Counters { received: counted.received + again, ..counted }
    }

    /// Adds rows of the target's own to what a batch adds to the counters.
    pub(crate) fn counted_with(self, own: usize, counted: Counters) -> Counters {
        let own = if self == Self::CountedRowsOfItsOwn { own as u64 } else { 0 };
        Counters { received: counted.received + own, unique: counted.unique + own, ..counted }
    }
}

fn hash(key: &Key) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
