//! Sender: the tries of all requests of a world, and the ledger that records them.

use truth::plan::Plan;
use truth::record::ledger::{Done, Frame, Scope};
use truth::target::answer::{Answer, Outcome};

use super::dice::Dice;
use super::world::{START, Us, World};

/// One try of one request.
#[derive(Clone, Debug)]
pub(super) struct Try {
    pub(super) round: u64,
    pub(super) request: u32,
    /// Keys of its events.
    pub(super) keys: Vec<u64>,
    pub(super) number: u16,
    pub(super) is_final: bool,
    pub(super) start: Us,
    pub(super) end: Us,
    pub(super) fate: Fate,
    /// Moment at which the target takes it, if it does.
    pub(super) taken: Option<Us>,
    pub(super) status: u16,
    pub(super) answer: Answer,
}

/// What the sender learns of a try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Acked,
    Unknown,
    Refused,
    NeverSent,
    /// The sender was killed before it learnt anything.
    Silent,
}

/// Makes the tries of all requests, in the order of their starts.
pub(super) fn tries(world: &World, plan: &Plan, dice: &mut Dice) -> Vec<Try> {
    let rounds = plan.rounds().expect("a plan with a count");
    let mut requests = Vec::new();
    for round in (0..rounds).map(|round| plan.round(round)) {
        let all = (0..round.requests()).map(|request| Request {
            round: round.index,
            number: request,
            keys: round.request(request).to_vec(),
        });
        requests.extend(all);
    }
    let count = requests.len();
    let bookends = if world.load.has_bookends && count >= 40 { (count / 20).max(1) } else { 0 };
    let pace = (world.load.lasts * world.load.connections / count as u64).max(8);
    let mut free = vec![START; world.load.connections as usize];
    let mut tries = Vec::new();
    for (nth, request) in requests.into_iter().enumerate() {
        if bookends > 0 && (nth == bookends || nth + bookends == count) {
            let all_idle = free.iter().copied().max().unwrap_or(START);
            free.fill(all_idle);
        }
        let seat = (0..free.len()).min_by_key(|seat| free[*seat]).expect("a connection");
        let from = free[seat] + dice.between(1, pace / 4);
        let made = tries_of(world, dice, &request, Begin { from, pace });
        free[seat] = made.last().map_or(from, |last| last.end);
        tries.extend(made);
    }
    tries.sort_by_key(|made| made.start);
    tries
}

/// A request of the plan.
struct Request {
    round: u64,
    number: u32,
    keys: Vec<u64>,
}

/// Moment of a first try, and the time from one request of a connection to the next.
#[derive(Clone, Copy)]
struct Begin {
    from: Us,
    pace: Us,
}

fn tries_of(world: &World, dice: &mut Dice, request: &Request, begin: Begin) -> Vec<Try> {
    let mut tries = Vec::new();
    let mut start = begin.from;
    for number in 0..3 {
        if world.load.killed.is_some_and(|killed| start >= killed) {
            break;
        }
        let end = start + dice.between(4, begin.pace * 3 / 4);
        let drawn = fate(world, dice, start, end);
        let fate = match world.load.killed {
            Some(killed) if end >= killed => Fate::Silent,
            _ => drawn,
        };
        let is_retried = matches!(fate, Fate::Unknown | Fate::Refused | Fate::NeverSent) && number < 2;
        let is_final = !(is_retried && dice.chance(60));
        let latest = if matches!(fate, Fate::Acked) { end - 1 } else { end + world.load.zombie };
        let is_taken = match fate {
            Fate::Acked => true,
            Fate::Unknown | Fate::Silent => dice.chance(50),
            Fate::Refused | Fate::NeverSent => false,
        };
        let taken = is_taken.then(|| dice.between(start + 1, latest));
        let status = match fate {
            Fate::Acked => 200,
            Fate::Refused => 503,
            Fate::Unknown | Fate::NeverSent | Fate::Silent => 0,
        };
        tries.push(Try {
            round: request.round,
            request: request.number,
            keys: request.keys.clone(),
            number,
            is_final,
            start,
            end,
            fate,
            taken,
            status,
            answer: Answer::bare(outcome(fate)),
        });
        start = end + dice.between(1, begin.pace);
        if is_final {
            break;
        }
    }
    tries
}

/// Draws what becomes of a try. No answer comes of one that a restart cuts off.
fn fate(world: &World, dice: &mut Dice, start: Us, end: Us) -> Fate {
    if world.restart.is_some_and(|restart| (start..=end).contains(&restart))
        || dice.chance(world.load.unknown)
    {
        return Fate::Unknown;
    }
    match dice.chance(world.load.refused) {
        true => dice.pick(&[Fate::Refused, Fate::NeverSent]),
        false => Fate::Acked,
    }
}

pub(super) fn outcome(fate: Fate) -> Outcome {
    match fate {
        Fate::Acked => Outcome::Acked,
        Fate::Unknown | Fate::Silent => Outcome::Unknown,
        Fate::Refused => Outcome::Rejected,
        Fate::NeverSent => Outcome::NeverSent,
    }
}

/// Records the tries, in the order of time.
pub(super) fn ledger(tries: &[Try]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut rounds = Vec::new();
    for made in tries {
        if !rounds.contains(&made.round) {
            rounds.push(made.round);
            frames.push(Frame::Open { round: made.round, t: made.start * 1_000 - 1 });
        }
        if made.fate != Fate::Silent {
            frames.push(Frame::Done(Done {
                scope: Scope::Round(made.round),
                request: made.request,
                try_number: made.number,
                is_final: made.is_final,
                connection: 0,
                t_planned: made.start * 1_000,
                t_start: made.start * 1_000,
                t_end: made.end * 1_000,
                status: made.status,
                answer: made.answer.clone(),
            }));
        }
    }
    frames.sort_by_key(Frame::t);
    frames
}
