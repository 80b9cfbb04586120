//! World: what is sent, a store, a way in which it shows and counts its rows, and others who write.

use std::time::Duration;

use truth::scenario::Scenario;
use truth::scenario::promises::{
    Ack, Batch, CounterPromise, Promises, Received, Refused, Repeat, StatsPromise, Unique,
};

use super::dice::Dice;

/// Microseconds of the world's clock.
pub(super) type Us = u64;

pub(super) const MILLISECOND: Us = 1_000;
pub(super) const SECOND: Us = 1_000_000;

/// Moment of the first send.
pub(super) const START: Us = 1_000 * SECOND;

/// Time that a request whose sender gave up may still take.
const ZOMBIE: Us = 1_900 * MILLISECOND;

/// Time for which copies are not looked at, unless it is promised.
const LONG: Us = 60 * SECOND;

/// Everything about a case that its seed decides, but for single draws such as the moment of an
/// attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) load: Load,
    pub(super) storing: Storing,
    pub(super) telling: Telling,
    /// Whether a request is stored completely or not at all.
    pub(super) is_atomic: bool,
    pub(super) refuses_repeats: bool,
    /// Moment of a restart of the target.
    pub(super) restart: Option<Us>,
    /// Whether the restart is a planned fault, with a record.
    pub(super) is_planned: bool,
    pub(super) view: View,
    pub(super) listing: Listing,
    pub(super) counting: Counting,
    pub(super) others: Others,
    /// Rows of others that were there before the run.
    pub(super) earlier: u64,
    pub(super) defect: Option<Defect>,
    pub(super) sends_sentinels: bool,
    /// Time for which a key is known after it was stored; none if for ever.
    pub(super) window: Option<Us>,
    /// Whether refused requests are stored, which nobody promises against.
    pub(super) stores_refused: bool,
}

/// What is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Load {
    pub(super) slots: u64,
    pub(super) batch: u32,
    pub(super) topics: usize,
    /// One pair of near-identical keys in so many; 0 for none.
    pub(super) twins: u32,
    pub(super) connections: u64,
    /// Time from the first send to the last response, about.
    pub(super) lasts: Us,
    pub(super) has_bookends: bool,
    /// Attempts without an answer, in percent.
    pub(super) unknown: u64,
    /// Attempts that are refused or never leave, in percent.
    pub(super) refused: u64,
    /// Longest time after which an attempt without an answer takes effect.
    pub(super) zombie: Us,
    /// Moment at which the sender is killed.
    pub(super) killed: Option<Us>,
}

/// How a store stores what it acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Storing {
    /// Before the response.
    AtOnce,
    /// One after the other, all in this time.
    Queued { status: u16, within: Us },
    /// Before the response, but for one request, which is stored so long after the last response.
    OneLate { status: u16, by: Us },
}

/// What a response says of its events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Telling {
    /// Of each, whether it is new.
    Each,
    /// How many are new.
    Counts,
    Nothing,
}

/// Which rows the listing shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum View {
    Whole,
    Newest(usize),
    NewestOfEach(usize),
    Oldest(usize),
    /// Rows younger than that.
    Age(Us),
    /// One row in so many.
    Sample(u64),
    /// Rows stored since the process began.
    SinceStart,
    /// All but those of one topic.
    Hidden(usize),
    Late(Us),
    LateTopic(Us, usize),
    /// One quarter of the rows is late.
    LateShard(Us),
    NewestLate(usize, Us),
    /// Each second look is at a replica that is behind.
    Replica(Us),
    /// Answers are kept for so long, with an `Age` header or without.
    Cached(Us, bool),
    /// Each look leaves other rows out, one in so many.
    Flicker(u64),
    /// Repeated events are rows of their own, until they merge.
    Merging(Us),
}

/// How rows are listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Listing {
    pub(super) order: Order,
    pub(super) borders: Borders,
    /// Whether there is a next page.
    pub(super) is_paged: bool,
    /// Rows to a page that are asked for.
    pub(super) limit: u32,
    /// Most rows that a page has.
    pub(super) most: u32,
    pub(super) can_ask_for_limit: bool,
    pub(super) topics: TopicFilter,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Newest,
    Oldest,
    /// By something that has nothing to do with time.
    Key,
}

/// What a cursor does at the border of two pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Borders {
    Sound,
    /// A page begins with the last row of the page before.
    Repeats,
    /// A row is left out at each border.
    Drops,
    /// Rows of one moment change places, so some are repeated and as many are left out.
    Shuffles,
}

/// What the listing makes of a topic that is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TopicFilter {
    /// Cannot be asked for.
    Unoffered,
    Ignored,
    /// Heeded after the view has cut off what it cuts off.
    After,
    /// Heeded before that.
    Before,
    /// Has to be asked for.
    Demanded,
}

/// What the counters count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Counting {
    pub(super) kind: Counts,
    /// Which of received, unique and duplicates there are.
    pub(super) offered: [bool; 3],
    pub(super) has_pending: bool,
    pub(super) has_instance: bool,
    pub(super) has_uptime: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Counts {
    None,
    Exact,
    Late(Us),
    /// Counted anew each so often.
    Refreshed(Us),
    /// Each of two instances counts what it received, and they answer in turn.
    PerInstance,
    /// From zero after a restart.
    Volatile,
    /// Unique is off by so many thousandths.
    Estimated(i64),
    /// Unique is the number of rows at the moment, duplicates the rest.
    OfRows,
    /// Unique is never more than this.
    Ring(u64),
    /// Received is counted so many times.
    Multiple(u64),
}

/// Who else writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Others {
    Nobody,
    /// Somebody sends known events again, during the run or after it.
    Repeats {
        later: bool,
    },
    /// Somebody stores rows, during the run or after it.
    Rows {
        later: bool,
    },
    /// Somebody stores rows all the time.
    Steady,
    /// Somebody deletes their own rows.
    Deletes,
    /// A monitor reads the run's events and stores them again, during the run or after it.
    Monitor {
        later: bool,
    },
    /// Somebody on the way sends a copy of some requests, which comes first.
    Tee,
}

/// Defect of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Defect {
    /// Keys are acknowledged and never stored. They count as unique all the same, or as duplicates.
    Lost(Which, bool),
    /// Keys vanish so long after the last response.
    Gone(Which, Us),
    /// Keys are stored twice, counted or not.
    Doubled(Which, bool),
    /// A key is taken for its twin.
    Merged,
    /// An unanswered request is stored in part, though requests are promised to be atomic.
    Torn,
    /// A refused request is stored, though refusals are promised to have no effect.
    RefusedStored,
    /// The payload of a row is another.
    Changed,
    /// A row stands under another topic.
    Misfiled,
    /// A row appears that nobody sent; with an id of the run or another.
    Stranger(bool),
    /// A duplicate is reported as new.
    NewTwice,
    /// A counter is wrong by one, up or down.
    Miscounted { up: bool },
    /// What was stored before a restart is forgotten.
    Forgetful,
    /// A key that comes after its window is stored three times.
    Copied,
}

/// Keys that a defect hits, of the acknowledged keys in the order of their acknowledgements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Which {
    One,
    /// One of those in the middle third.
    Middle,
    First(u64),
    Last(u64),
    /// So many, one after the other.
    Span(u64),
    /// One in so many.
    Every(u64),
    Topic(usize),
    All,
    /// A part of one request.
    Part,
}

impl World {
    /// The world of this seed.
    pub(super) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let load = Load::of(&mut dice);
        let has_restart = dice.chance(30);
        let defect = if dice.chance(50) { Some(Defect::of(&mut dice, &load)) } else { None };
        let has_restart = has_restart || defect == Some(Defect::Forgetful);
        let restart = has_restart.then(|| START + load.lasts * dice.between(20, 120) / 100);
        let storing = Storing::of(&mut dice);
        let telling = match storing {
            Storing::Queued { .. } => Telling::Nothing,
            Storing::AtOnce | Storing::OneLate { .. } => {
                dice.pick(&[Telling::Each, Telling::Each, Telling::Counts, Telling::Nothing])
            }
        };
        let view = View::of(&mut dice, &load);
        let others = match (Others::of(&mut dice), view) {
            // Events of the run that somebody else sent again look like the run's own. Of a key that
            // the run sent once, their copies are taken for the store's, and merge after the looking.
            (Others::Repeats { .. } | Others::Monitor { .. } | Others::Tee, View::Merging(within))
                if within > LONG =>
            {
                Others::Nobody
            }
            (others, _) => others,
        };
        let window = window(seed, &load, view);
        let world = Self {
            seed,
            window,
            stores_refused: false,
            storing,
            telling,
            is_atomic: defect == Some(Defect::Torn) || dice.chance(80),
            refuses_repeats: load.batch == 1 && dice.chance(10),
            restart,
            is_planned: dice.chance(50),
            listing: Listing::of(&mut dice, view),
            view,
            counting: Counting::of(&mut dice),
            others,
            earlier: dice.pick(&[0, 0, 3, 10]),
            defect,
            sends_sentinels: dice.chance(50),
            load,
        };
        world.with_habits_of_a_window()
    }

    /// The same world, if it has a window, with what only shows under one. It has dice of its own.
    fn with_habits_of_a_window(mut self) -> Self {
        let mut dice = Dice::new(self.seed ^ 0x6861_6269_7473);
        if self.window.is_none() {
            return self;
        }
        if self.defect != Some(Defect::RefusedStored) && dice.chance(40) {
            self.stores_refused = true;
            self.load.refused = self.load.refused.max(6);
        }
        if self.defect.is_none() && dice.chance(40) {
            self.defect = Some(Defect::Copied);
        }
        self
    }

    /// The same world with a store that does what it should.
    pub(super) fn sound(self) -> Self {
        Self { defect: None, ..self }
    }

    pub(super) fn scenario(&self) -> Scenario {
        let mut scenario = Scenario::default();
        scenario.load.count = Some(self.load.slots);
        scenario.load.batch = self.load.batch;
        scenario.load.dup = "0.3".to_owned();
        scenario.events.topics = (0..self.load.topics).map(|topic| format!("t{topic}")).collect();
        scenario.events.payload.bytes = [40, 60];
        (scenario.traps.case, scenario.traps.same_id) = (self.load.twins, 0);
        scenario
    }

    /// Whether somebody else writes at all.
    fn is_shared(&self) -> bool {
        self.others != Others::Nobody
    }

    /// Whether each row is shown, once it is visible.
    pub(super) fn is_complete(&self) -> bool {
        let shows_all = match self.view {
            View::Whole
            | View::Late(_)
            | View::LateTopic(..)
            | View::LateShard(_)
            | View::Replica(_)
            | View::Cached(..)
            | View::Merging(_) => true,
            View::SinceStart => self.restart.is_none(),
            View::Newest(_)
            | View::NewestOfEach(_)
            | View::Oldest(_)
            | View::Age(_)
            | View::Sample(_)
            | View::Hidden(_)
            | View::NewestLate(..)
            | View::Flicker(_) => false,
        };
        let reads_on = self.listing.is_paged || self.listing.limit.min(self.listing.most) >= 1_000;
        let is_read = matches!(self.listing.borders, Borders::Sound | Borders::Repeats);
        shows_all && reads_on && is_read
    }

    /// Whether pages follow one another in one order.
    pub(super) fn has_order(&self) -> bool {
        self.listing.borders == Borders::Sound
    }

    /// Time until a stored row is shown; none if no time is true.
    fn visible(&self) -> Option<Us> {
        match self.view {
            View::Late(lag)
            | View::LateTopic(lag, _)
            | View::LateShard(lag)
            | View::NewestLate(_, lag)
            | View::Replica(lag)
            | View::Cached(lag, _) => Some(lag),
            View::Hidden(_) | View::Sample(_) | View::Flicker(_) | View::Oldest(_) => None,
            View::Whole
            | View::Newest(_)
            | View::NewestOfEach(_)
            | View::Age(_)
            | View::SinceStart
            | View::Merging(_) => Some(0),
        }
    }

    /// Promises about the counters that are true.
    fn promise_counters(&self, promises: &mut Promises) {
        let lag = match self.counting.kind {
            Counts::Exact | Counts::Volatile => 0,
            Counts::Late(lag) | Counts::Refreshed(lag) => lag,
            // Rows that come late, are deleted or will merge are counted too late, no longer, or twice.
            Counts::OfRows
                if !matches!(self.view, View::Merging(_))
                    && !matches!(self.storing, Storing::OneLate { .. })
                    && self.others != Others::Deletes =>
            {
                0
            }
            Counts::OfRows
            | Counts::None
            | Counts::PerInstance
            | Counts::Estimated(_)
            | Counts::Ring(_)
            | Counts::Multiple(_) => return,
        };
        promises.stats = Some(StatsPromise::Snapshot);
        promises.received = Some(Received::Accepted);
        // A snapshot without a lag is one of the moment of the response.
        promises.stats_lag =
            (lag > 0).then(|| time(lag + promises.drain.map_or(0, |drain| drain.as_micros() as Us)));
        promises.counters = Some(match self.counting.kind {
            Counts::Volatile => CounterPromise::Volatile,
            _ => CounterPromise::Persistent,
        });
        let has_other_rows = matches!(self.view, View::Merging(_)) || self.others == Others::Deletes;
        promises.unique = (!has_other_rows).then_some(Unique::Rows);
    }

    /// All promises that are true of this world, but for its defect. `drained` is the time from the
    /// last response until the last row was stored.
    pub(super) fn promises(&self, drained: Us) -> Promises {
        let at_once = self.storing == Storing::AtOnce;
        let mut promises = Promises {
            ack: Some(if at_once { Ack::Committed } else { Ack::Queued }),
            batch: Some(if self.is_atomic { Batch::Atomic } else { Batch::Partial }),
            refused: (!self.stores_refused).then_some(Refused::NoEffect),
            repeat: (!self.refuses_repeats).then_some(Repeat::Accepted),
            visible: self.visible().map(time),
            merge: Some(match self.view {
                View::Merging(within) => time(within),
                _ => Duration::ZERO,
            }),
            drain: (!at_once).then(|| time(drained)),
            zombie: time(ZOMBIE.max(self.load.zombie)),
            shared: Some(self.is_shared()),
            intermediary_resends: Some(self.others == Others::Tee),
            window: self.window.map(Duration::from_micros),
            ..Promises::default()
        };
        // What is refused and stored is counted too.
        if !self.stores_refused {
            self.promise_counters(&mut promises);
        }
        promises
    }
}

/// Time for which a store knows a key, in one world of six. It has dice of its own, so that the other
/// worlds stay as they are.
fn window(seed: u64, load: &Load, view: View) -> Option<Us> {
    let mut dice = Dice::new(seed ^ 0x7769_6e64_6f77);
    let lasts = load.lasts;
    let windows =
        [lasts / 8, lasts / 3, lasts, lasts + 2 * SECOND, lasts + 20 * SECOND, lasts + 120 * SECOND];
    // Repeats that merge are rows of their own, within the window or not.
    let is_windowed = dice.chance(17) && !matches!(view, View::Merging(_));
    is_windowed.then(|| dice.pick(&windows))
}

/// A promised time, with some room.
fn time(lag: Us) -> Duration {
    if lag == 0 { Duration::ZERO } else { Duration::from_micros(lag + SECOND / 2) }
}

impl Load {
    fn of(dice: &mut Dice) -> Self {
        let slots = dice.pick(&[60, 90, 120, 160, 200, 280]);
        let lasts = dice.pick(&[SECOND / 2, 4 * SECOND, 12 * SECOND, 40 * SECOND]);
        Self {
            slots,
            batch: dice.pick(&[1, 1, 2, 4]),
            topics: dice.between(1, 4) as usize,
            twins: if dice.chance(20) { 8 } else { 0 },
            connections: dice.between(1, 4),
            lasts,
            has_bookends: dice.chance(50),
            unknown: dice.pick(&[0, 0, 0, 4, 12]),
            refused: dice.pick(&[0, 0, 3]),
            zombie: dice.pick(&[0, ZOMBIE]),
            killed: dice.chance(8).then(|| START + lasts * dice.between(30, 90) / 100),
        }
    }
}

impl Storing {
    fn of(dice: &mut Dice) -> Self {
        let status = dice.pick(&[200, 202, 202]);
        match dice.below(10) {
            0 | 1 => Self::Queued {
                status,
                within: dice.pick(&[SECOND / 2, 3 * SECOND, 15 * SECOND, 40 * SECOND]),
            },
            2 => Self::OneLate { status, by: dice.pick(&[3 * SECOND, 15 * SECOND, 40 * SECOND]) },
            _ => Self::AtOnce,
        }
    }

    /// Whether events are stored by the time of a response that says so.
    pub(super) fn keeps_its_word(self) -> bool {
        match self {
            Self::AtOnce => true,
            Self::Queued { status, .. } | Self::OneLate { status, .. } => status == 202,
        }
    }
}

impl View {
    fn of(dice: &mut Dice, load: &Load) -> Self {
        let most = load.slots * 7 / 10;
        let rows = dice.between(8, most * 12 / 10) as usize;
        let lag = dice.pick(&[SECOND / 2, 3 * SECOND, 12 * SECOND, 25 * SECOND]);
        let topic = dice.below(load.topics as u64) as usize;
        match dice.below(24) {
            0 => Self::Newest(rows),
            1 => Self::NewestOfEach(rows / load.topics),
            2 => Self::Oldest(rows),
            3 => {
                Self::Age(dice.pick(&[load.lasts / 2, load.lasts, load.lasts + 12 * SECOND, load.lasts * 2]))
            }
            4 => Self::Sample(dice.pick(&[2, 5, 10, 30])),
            5 => Self::SinceStart,
            6 => Self::Hidden(topic),
            7 => Self::Late(lag),
            8 => Self::LateTopic(lag, topic),
            9 => Self::LateShard(lag),
            10 => Self::NewestLate(rows, lag),
            11 => Self::Replica(lag),
            12 => Self::Cached(dice.pick(&[5 * SECOND, 20 * SECOND, 60 * SECOND]), dice.chance(50)),
            13 => Self::Flicker(dice.pick(&[6, 20, 60, 150])),
            14 | 15 => Self::Merging(dice.pick(&[2 * SECOND, 5 * SECOND, 30 * SECOND, 90 * SECOND])),
            _ => Self::Whole,
        }
    }
}

impl Listing {
    fn of(dice: &mut Dice, view: View) -> Self {
        let borders = match dice.below(12) {
            0 => Borders::Repeats,
            1 => Borders::Drops,
            2 => Borders::Shuffles,
            _ => Borders::Sound,
        };
        let topics = [
            TopicFilter::Unoffered,
            TopicFilter::Ignored,
            TopicFilter::After,
            TopicFilter::Before,
            TopicFilter::Before,
            TopicFilter::Demanded,
        ];
        Self {
            order: dice.pick(&[Order::Newest, Order::Newest, Order::Oldest, Order::Key]),
            borders: if matches!(view, View::Whole | View::Newest(_)) { borders } else { Borders::Sound },
            is_paged: dice.chance(90),
            limit: dice.pick(&[7, 20, 60, 1_000, 1_000]),
            most: dice.pick(&[10, 1_000, 1_000, 1_000]),
            can_ask_for_limit: dice.chance(80),
            topics: dice.pick(&topics),
        }
    }
}

impl Counting {
    fn of(dice: &mut Dice) -> Self {
        let kind = match dice.below(14) {
            0 | 1 => Counts::None,
            2 => Counts::Late(dice.pick(&[SECOND / 2, 3 * SECOND, 12 * SECOND, 30 * SECOND])),
            3 => Counts::Refreshed(dice.pick(&[2 * SECOND, 15 * SECOND, 30 * SECOND])),
            4 => Counts::PerInstance,
            5 => Counts::Volatile,
            6 => Counts::Estimated(dice.pick(&[-50, -20, 20, 50])),
            7 => Counts::OfRows,
            8 => Counts::Ring(dice.between(20, 150)),
            9 => Counts::Multiple(dice.pick(&[2, 4])),
            _ => Counts::Exact,
        };
        Self {
            kind,
            offered: dice.pick(&[
                [true; 3],
                [true; 3],
                [false, true, false],
                [true, true, false],
                [false, true, true],
                [true, false, false],
            ]),
            has_pending: dice.chance(30),
            has_instance: dice.chance(40),
            has_uptime: dice.chance(50),
        }
    }
}

impl Others {
    fn of(dice: &mut Dice) -> Self {
        let later = dice.chance(50);
        match dice.below(14) {
            0 => Self::Repeats { later },
            1 => Self::Rows { later },
            2 => Self::Steady,
            3 => Self::Deletes,
            4 | 5 => Self::Monitor { later },
            6 => Self::Tee,
            _ => Self::Nobody,
        }
    }
}

impl Defect {
    fn of(dice: &mut Dice, load: &Load) -> Self {
        let which = [
            Which::One,
            Which::One,
            Which::Middle,
            Which::First(dice.between(1, 3)),
            Which::First(load.slots / 4),
            Which::Last(dice.between(1, 3)),
            Which::Last(load.slots / 4),
            Which::Span(dice.between(2, 6)),
            Which::Every(dice.pick(&[5, 10, 30])),
            Which::Topic(dice.below(load.topics as u64) as usize),
            Which::All,
            Which::Part,
        ];
        let which = dice.pick(&which);
        let yes = dice.chance(50);
        match dice.below(20) {
            0..=4 => Self::Lost(which, yes),
            5 | 6 => Self::Gone(which, dice.pick(&[0, SECOND, 4 * SECOND, 8 * SECOND])),
            7..=9 => Self::Doubled(which, yes),
            10 => Self::Merged,
            11 => Self::Torn,
            12 => Self::RefusedStored,
            13 => Self::Changed,
            14 => Self::Misfiled,
            15 => Self::Stranger(yes),
            16 => Self::NewTwice,
            17 | 18 => Self::Miscounted { up: yes },
            _ => Self::Forgetful,
        }
    }

    /// Whether it breaks a promise that is made without a word.
    pub(super) fn breaks_the_unsaid(self) -> bool {
        !matches!(self, Self::Torn | Self::RefusedStored | Self::Miscounted { .. })
    }
}
