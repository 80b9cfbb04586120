//! Case: a world, run, observed and judged.

use judge::books::ages::Looked;
use judge::books::polled::Polled;
use judge::evidence::{Evidence, Frames};
use judge::facts::{Facts, book};
use judge::judge;
use judge::resend::{Lists, hangs_on_sentinels};
use judge::verdict::Judgement;
use truth::observed::Observed;
use truth::observed::counters::Counters;
use truth::observed::rows::{Equality, RowTally};
use truth::observed::sentinels::{SentSentinel, Sentinels};
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::plan::shard::Shard;
use truth::record::baseline::{Baseline, ListedBaseline};
use truth::record::faults::{FaultRecord, Struck};
use truth::record::ledger::{Done, Frame, Purpose, Scope};
use truth::record::manifest::FolderFormat;
use truth::record::polls::Poll;
use truth::record::trouble::Trouble;
use truth::scenario::fault::Action;
use truth::scenario::promises::Promises;
use truth::target::answer::Kind;

use super::dice::Dice;
use super::lister::Paged;
use super::observer::{Wanted, observe};
use super::sender::{Fate, ledger, tries};
use super::store::{Counted, History, NEVER, Store, Stored, answer};
use super::target::Target;
use super::world::{MILLISECOND, SECOND, START, Storing, TopicFilter, Us, World};
use crate::forge;

/// Which of the true promises the scenario makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Declared {
    Nothing,
    All,
    /// Each or not, by chance.
    Some,
}

/// Nonce of every plan.
const NONCE: u64 = 0x9f3c_61d2_a4b0_7e55;

/// Longest time for which sentinels are looked for.
const PATIENCE: Us = 90 * SECOND;

/// A world that was run, observed and judged.
pub(super) struct Case {
    pub(super) plan: Plan,
    pub(super) history: History,
    pub(super) evidence: Evidence,
    pub(super) verdict: Judgement,
}

impl Case {
    pub(super) fn of(world: &World, declared: Declared) -> Self {
        let mut dice = Dice::new(!world.seed);
        let plan = world.scenario().plan(world.seed as u32, NONCE).expect("a plan");
        let events = Events::new(&plan);
        let tries = tries(world, &plan, &mut dice);
        let mut history = Store::run(world, &plan, &events, tries, &mut dice);
        let mut evidence = evidence(world, &plan, &events, &history, declared, &mut dice);
        let mut target = Target::new(world, &mut history);
        let baseline = baseline(&mut target, &plan, &events);
        let (polled, closing) = polled(&mut target, &baseline, &evidence.promises);
        (evidence.polled, evidence.closing, evidence.baseline) = (vec![polled], closing, Some(baseline));
        let later = dice.pick(&[50 * MILLISECOND, 50 * MILLISECOND, 3 * SECOND, 30 * SECOND]);
        target.now = target.history.end + later;
        evidence.observed = look(&mut target, &evidence);
        evidence.looked = Some(Looked { ended_ns: target.now * 1_000, asleep_ns: 0 });
        let mut verdict = judge(&evidence);
        if world.sends_sentinels && hangs_on_sentinels(&verdict) {
            look_with_sentinels(&mut target, &mut evidence);
            evidence.looked = Some(Looked { ended_ns: target.now * 1_000, asleep_ns: 0 });
            verdict = judge(&evidence);
        }
        Self { plan, history, evidence, verdict }
    }
}

/// Evidence without any reading of the target.
fn evidence(
    world: &World,
    plan: &Plan,
    events: &Events,
    history: &History,
    declared: Declared,
    dice: &mut Dice,
) -> Evidence {
    let is_made = |dice: &mut Dice| match declared {
        Declared::Nothing => false,
        Declared::All => true,
        Declared::Some => dice.chance(50),
    };
    let promises = match declared {
        Declared::Nothing => Promises::default(),
        Declared::All => world.promises(history.drained()),
        Declared::Some => some_of(world.promises(history.drained()), dice),
    };
    let has_ended = world.load.killed.is_none();
    let mut frames = ledger(&history.tries);
    frames.extend(has_ended.then_some(Frame::Closed { t: u64::MAX }));
    Evidence {
        plan: plan.clone(),
        events: events.clone(),
        promises,
        listing_is_complete: is_made(dice) && world.is_complete(),
        listing_is_named: declared != Declared::Nothing,
        topic_is_heeded: is_made(dice)
            && !matches!(world.listing.topics, TopicFilter::Unoffered | TopicFilter::Ignored),
        rows_have_an_order: is_made(dice) && world.has_order(),
        listing_is_one_page: false,
        listing_drains: false,
        format: FolderFormat::Sealed,
        keys: 0..plan.keys().expect("a plan with a count"),
        frames: Frames::Memory(frames),
        unclear_acknowledges: true,
        traces: None,
        can_race: world.load.connections > 1,
        addresses: 1,
        one_clock: true,
        looked: None,
        gone: None,
        ended: vec![has_ended],
        polls_end: true,
        ended_by_time: false,
        missing_shards: 0,
        shards: vec![None],
        baseline: None,
        baselines_differ: false,
        closing: None,
        polled: Vec::new(),
        faults: faults(world),
        trouble: Trouble::default(),
        observed: Observed::blank(plan, "http://127.0.0.1:8080"),
        earlier: None,
    }
}

/// Makes some of these promises, and leaves the others unsaid.
fn some_of(all: Promises, dice: &mut Dice) -> Promises {
    fn kept<T>(promise: Option<T>, dice: &mut Dice) -> Option<T> {
        promise.filter(|_| dice.chance(50))
    }
    let are_counters_exact = dice.chance(50);
    Promises {
        ack: kept(all.ack, dice),
        batch: kept(all.batch, dice),
        stats: all.stats.filter(|_| are_counters_exact),
        stats_lag: all.stats_lag.filter(|_| are_counters_exact),
        received: kept(all.received, dice),
        counters: kept(all.counters, dice),
        unique: kept(all.unique, dice),
        refused: kept(all.refused, dice),
        repeat: kept(all.repeat, dice),
        visible: kept(all.visible, dice),
        merge: kept(all.merge, dice),
        drain: kept(all.drain, dice),
        shared: kept(all.shared, dice),
        intermediary_resends: kept(all.intermediary_resends, dice),
        window: kept(all.window, dice),
        ..all
    }
}

fn faults(world: &World) -> Vec<Struck> {
    let Some(restart) = world.restart.filter(|_| world.is_planned) else { return Vec::new() };
    let planned = "kill at 50%".to_owned();
    let record = FaultRecord {
        number: Some(0),
        planned: planned.clone(),
        begun_ns: restart * 1_000,
        ended_ns: (restart + 50 * MILLISECOND) * 1_000,
        after_ms: (restart - START) / MILLISECOND,
        attempts_ended: 1,
        proof: Some("it had another process id".to_owned()),
        missed: None,
    };
    vec![Struck { planned, action: Some(Action::Kill), record: Some(record) }]
}

/// Reads the target before the run.
fn baseline(target: &mut Target<'_>, plan: &Plan, events: &Events) -> Baseline {
    target.now = START - 2 * SECOND;
    let Some(first) = target.counters() else { return Baseline::unread("it has no counters".to_owned()) };
    target.now += 250 * MILLISECOND;
    let asked_ns = Some(target.now * 1_000);
    let second = target.counters().expect("counters that were there before");
    let moving = !first.stands_as(&second);
    let mut listed = None;
    if !moving && second.unique.is_some() {
        listed = listed_before(target, plan, events, second.unique);
        let is_quiet = target.counters().is_some_and(|after| after.stands_as(&second));
        listed = listed.filter(|_| is_quiet);
    }
    Baseline {
        stats: Some(second),
        asked_ns,
        taken_ns: Some(target.now * 1_000),
        moving,
        listed,
        ..Baseline::nothing()
    }
}

/// Lists the target before the run.
fn listed_before(
    target: &mut Target<'_>,
    plan: &Plan,
    events: &Events,
    unique: Option<u64>,
) -> Option<ListedBaseline> {
    let (tally, paged) = all_rows(target, plan, events);
    (!paged.looks_capped(tally.rows, unique)).then(|| ListedBaseline::of(&tally))
}

/// Lists all rows once, and nothing of them is kept.
fn all_rows<'e>(target: &mut Target<'_>, plan: &Plan, events: &'e Events) -> (RowTally<'e>, Paged) {
    let keys = plan.keys().expect("a plan with a count");
    let mut tally = RowTally::new(events, plan.nonce, keys, Equality::NONE);
    let mut paged = Paged::default();
    let limit = target.world.listing.limit;
    let topics = match target.world.listing.topics {
        TopicFilter::Demanded => (0..plan.topics.len()).map(Some).collect(),
        _ => vec![None],
    };
    for topic in topics {
        paged.list(target, topic.map(|topic| (topic, plan.topics[topic].as_str())), limit, &mut tally);
    }
    (tally, paged)
}

/// Reads the counters while the load goes on, and once after its end.
fn polled(target: &mut Target<'_>, baseline: &Baseline, promises: &Promises) -> (Polled, Option<Counters>) {
    let mut polled = Polled::new(Some(baseline), promises, Shard::WHOLE);
    let end = target.history.end;
    let each = ((end - START) / 30).max(50 * MILLISECOND);
    let under_load = (1..).map(|nth| START + nth * each).take_while(|t| *t < end);
    let has_ended = target.world.load.killed.is_none();
    let closing = has_ended.then_some(end + 2 * MILLISECOND);
    let mut last = None;
    for t in under_load.chain(closing) {
        target.now = t;
        let Some(stats) = target.counters() else { return (polled, None) };
        let poll = poll(target.history, t, Some(stats.clone()));
        let is_closing = closing == Some(t);
        last = is_closing.then_some(stats);
        polled.take(&Poll { closing: is_closing, ..poll });
    }
    (polled, last)
}

/// What the sender knows at a moment, beside the counters.
fn poll(history: &History, t: Us, stats: Option<Counters>) -> Poll {
    let [mut acked, mut reported_new, mut reported_duplicate, mut started] = [0; 4];
    for made in &history.tries {
        let events = made.keys.len();
        if made.fate != Fate::NeverSent && made.start <= t {
            started += events as u64;
        }
        if made.fate == Fate::Acked && made.end < t {
            acked += events as u64;
            let of = |wanted: Kind| {
                (0..events).filter(|place| made.answer.kinds.of(*place) == wanted).count() as u64
            };
            reported_new += of(Kind::New);
            reported_duplicate += of(Kind::Duplicate);
        }
    }
    Poll {
        t_sent_ns: t * 1_000,
        t_answered_ns: t * 1_000,
        acked,
        reported_new,
        reported_duplicate,
        started,
        stats,
        error: None,
        closing: false,
    }
}

/// Observes the target, for this evidence.
fn look(target: &mut Target<'_>, evidence: &Evidence) -> Observed {
    let (tally, _) = book(evidence).expect("a good ledger");
    let wanted = Wanted {
        plan: &evidence.plan,
        events: &evidence.events,
        keys: evidence.keys.end,
        promises: &evidence.promises,
        tally: &tally,
        baseline: evidence.baseline.as_ref().expect("a baseline"),
    };
    observe(target, &wanted)
}

/// Sends sentinels, looks for them, and then looks at everything again.
fn look_with_sentinels(target: &mut Target<'_>, evidence: &mut Evidence) {
    let facts = Facts::gather(evidence).expect("a good ledger");
    let sentinels = Lists::of_sentinels(&facts, Shard::WHOLE).sentinels;
    let mut sent = send(target, evidence, &sentinels);
    let until = target.now + PATIENCE;
    let mut pause = 50 * MILLISECOND;
    while target.now < until && sent.sent.iter().any(|sentinel| sentinel.seen_ms.is_none()) {
        let (tally, _) = all_rows(target, &evidence.plan, &evidence.events);
        sent.looks += 1;
        sent.looked_ms = (target.now - (until - PATIENCE)) / MILLISECOND;
        for sentinel in &mut sent.sent {
            if tally.sentinels.contains(&sentinel.ordinal) {
                sentinel.seen_ms.get_or_insert(sent.looked_ms);
            }
        }
        target.now += pause;
        pause = (pause * 2).min(SECOND);
    }
    let again = look(target, evidence);
    let earlier = std::mem::replace(&mut evidence.observed, again);
    let (before, now) = (&earlier.presence, &evidence.observed.presence);
    let fallen = (0..before.keys()).filter(|key| before.seen(*key) > 0 && now.seen(*key) == 0);
    sent.fallen_out = fallen.count() as u64;
    evidence.observed.sentinels = Some(sent);
    evidence.earlier = Some(earlier);
}

/// Sends sentinels, which are stored as any event, and records that in the ledger.
fn send(target: &mut Target<'_>, evidence: &mut Evidence, sentinels: &[u64]) -> Sentinels {
    let world = target.world;
    let events = &evidence.events;
    let Frames::Memory(frames) = &mut evidence.frames else { unreachable!("frames in memory") };
    frames.push(Frame::Resend { id: 0, purpose: Purpose::Sentinel, ordinals: sentinels.to_vec() });
    let began = target.now;
    let mut sent = Vec::new();
    for (request, ordinals) in (0..).zip(sentinels.chunks(evidence.plan.batch as usize)) {
        let start = target.now;
        let (delay, status) = match world.storing {
            Storing::AtOnce => (0, 200),
            Storing::OneLate { status, .. } => (0, status),
            Storing::Queued { status, within } => (within / 10, status),
        };
        let at = start + MILLISECOND + delay;
        for ordinal in ordinals {
            target.history.rows.push(Stored {
                row: forge::row(events, *ordinal),
                ordinal: Some(*ordinal),
                topic: Some(events.topic_index(*ordinal)),
                from: at,
                until: NEVER,
                hash: Dice::new(*ordinal ^ world.seed).any(),
            });
            let instance = ordinal % 2;
            target.history.counted.push(Counted { at, received: 1, unique: 1, duplicates: 0, instance });
        }
        target.now += 3 * MILLISECOND;
        let after_ms = |t: Us| (t - began) / MILLISECOND;
        sent.extend(ordinals.iter().map(|ordinal| SentSentinel {
            ordinal: *ordinal,
            topic: events.topic(*ordinal).to_owned(),
            sent_ms: after_ms(start),
            acked_ms: Some(after_ms(target.now)),
            seen_ms: None,
        }));
        frames.push(Frame::Done(Done {
            scope: Scope::Resend(0),
            request,
            try_number: 0,
            is_final: true,
            connection: 0,
            t_planned: start * 1_000,
            t_start: start * 1_000,
            t_end: target.now * 1_000,
            status,
            answer: answer(world.telling, vec![Kind::New; ordinals.len()]),
        }));
    }
    Sentinels { schema_version: 1, sent, looks: 0, looked_ms: 0, fallen_out: 0, fallen_out_keys: Vec::new() }
}
