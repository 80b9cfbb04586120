//! Forges a run of any size for `cargo xtask bench judge`: a plan, a ledger and a listing as a
//! sound store would have given them, or one that lost three keys, stored two twice, and holds one
//! that nobody sent. Nothing of it is kept in memory but a bit a key.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use reader::console::print;
use truth::observed::counters::Counters;
use truth::observed::looks::Looks;
use truth::observed::rows::{Row, RowTally, SetSum};
use truth::observed::{ListingObservation, Observed, Settled, StatsObservation};
use truth::plan::Plan;
use truth::plan::event::{Decoded, Events};
use truth::plan::shard::Shard;
use truth::plan::variant::Side;
use truth::record::baseline::{Baseline, ListedBaseline};
use truth::record::folder::RunFolder;
use truth::record::ledger::writer::SegmentWriter;
use truth::record::ledger::{Done, Foundation, Header, Scope};
use truth::record::manifest::{MANIFEST_VERSION, Machine, Manifest};
use truth::record::polls::{self, Poll};
use truth::record::seal::{seal_look, seal_run};
use truth::scenario::Scenario;
use truth::target::answer::{Answer, Kind, Kinds, Outcome};

/// Nanoseconds between the begins of two rounds.
const ROUND: u64 = 10_000_000;

/// Rows whose ids are decoded in one go, and timed.
const CHUNK: u64 = 100_000;

/// Run to forge.
#[derive(Debug, Parser)]
struct Settings {
    /// Attempts
    #[arg(long)]
    count: u64,
    /// Events in a request
    #[arg(long, default_value_t = 1000)]
    batch: u32,
    /// Segments of the ledger
    #[arg(long, default_value_t = 4)]
    lanes: u16,
    /// Lose three keys, store two twice, and list one that nobody sent
    #[arg(long)]
    damaged: bool,
    /// Folder to make the run folder in
    #[arg(long)]
    out: PathBuf,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let settings = Settings::parse();
    let mut scenario = Scenario::load(Path::new("reference"))?;
    scenario.load.count = Some(settings.count);
    scenario.load.batch = settings.batch;
    scenario.events.payload.bytes = [40, 40];
    let plan = scenario.plan(7, 0x9f3c_61d2_a4b0_7e55)?;
    let manifest = Manifest {
        schema_version: MANIFEST_VERSION,
        onceproof: env!("CARGO_PKG_VERSION").to_owned(),
        started_utc: "2026-01-02T03:04:05Z".parse()?,
        plan: plan.clone(),
        shard: Shard::WHOLE,
        concurrency: 50,
        lanes: u32::from(settings.lanes),
        scenario,
        machine: Machine { cpus: 1, boot_id: "forged".to_owned() },
        rerun: "loadgen --count 600 --dup 0.3 --seed 7".to_owned(),
    };
    let (folder, _lock) = RunFolder::create(&settings.out, &manifest)?;
    write_baseline(&folder)?;
    write_ledger(&plan, settings.lanes, &folder)?;
    let decoding = write_listing(&plan, &manifest.scenario, settings.damaged, &folder)?;
    seal_run(&folder, Vec::new(), 0)?;
    seal_look(&folder.observation(1))?;
    let made = serde_json::json!({"keys": plan.keys(), "decode_ms": decoding.as_millis() as u64});
    Ok(print(&format!("{made}\n"))?)
}

/// Every attempt, told truly: the first of a key's attempts is new.
fn write_ledger(plan: &Plan, lanes: u16, folder: &RunFolder) -> Result<(), Failure> {
    let foundation = Some(Foundation::of(folder)?);
    let open = |lane: u16| {
        let header = Header {
            nonce: plan.nonce,
            lane,
            boot_id: "forged".to_owned(),
            monotonic_ns: 1,
            utc_ms: 1_767_323_045_000,
            foundation,
        };
        SegmentWriter::create(&folder.segment(lane), header)
    };
    let mut segments = (0..lanes).map(open).collect::<Result<Vec<_>, _>>()?;
    let mut stored = vec![0_u8; plan.keys().unwrap_or(0).div_ceil(8) as usize];
    let rounds = plan.rounds().unwrap_or(0);
    for index in 0..rounds {
        let begin = (index + 1) * ROUND;
        let round = plan.round(index);
        let segment = &mut segments[(index % u64::from(lanes)) as usize];
        segment.open(index, begin)?;
        for request in 0..round.requests() {
            let kinds = round.request(request).iter().map(|ordinal| {
                let byte = &mut stored[(ordinal / 8) as usize];
                let bit = 1 << (ordinal % 8);
                let is_new = *byte & bit == 0;
                *byte |= bit;
                if is_new { Kind::New } else { Kind::Duplicate }
            });
            let kinds: Vec<Kind> = kinds.collect();
            let place = u64::from(request);
            segment.done(done(index, request, kinds, (begin + 1_000 + place, begin + 5_000_000 + place)))?;
        }
    }
    for segment in segments {
        segment.close((rounds + 2) * ROUND)?;
    }
    Ok(())
}

fn done(round: u64, request: u32, kinds: Vec<Kind>, (t_start, t_end): (u64, u64)) -> Done {
    let accepted = kinds.len() as u32;
    let inserted = kinds.iter().filter(|kind| **kind == Kind::New).count() as u32;
    Done {
        scope: Scope::Round(round),
        request,
        try_number: 0,
        is_final: true,
        connection: request,
        t_planned: t_start,
        t_start,
        t_end,
        status: 200,
        answer: Answer {
            accepted: Some(accepted),
            inserted: Some(inserted),
            duplicates: Some(accepted - inserted),
            kinds: if inserted == accepted { Kinds::AllNew } else { Kinds::Each(kinds) },
            ..Answer::bare(Outcome::Acked)
        },
    }
}

/// Every key's row through the code that takes a real listing's; tells how long decoding their ids
/// alone takes.
fn write_listing(
    plan: &Plan,
    scenario: &Scenario,
    damaged: bool,
    folder: &RunFolder,
) -> Result<Duration, Failure> {
    let events = Events::new(plan);
    let keys = plan.keys().unwrap_or(0);
    let lost = if damaged { vec![keys / 7, keys / 3, keys - 2] } else { Vec::new() };
    let doubled = if damaged { vec![keys / 5, keys / 2] } else { Vec::new() };
    let mut tally = RowTally::new(&events, plan.nonce, keys, (&scenario.promises).into());
    let mut decoding = Duration::ZERO;
    for first in (0..keys).step_by(CHUNK as usize) {
        let ordinals = first..(first + CHUNK).min(keys);
        let rows: Vec<Row> = ordinals.map(|ordinal| row(&events, ordinal)).collect();
        let begun = Instant::now();
        let decoded = rows.iter().map(|row| events.decode(&row.topic, &row.event_id));
        let ours = decoded.filter(|decoded| matches!(decoded, Decoded::Ours(_))).count();
        decoding += begun.elapsed();
        assert_eq!(ours, rows.len(), "every row is one of ours");
        for (ordinal, row) in (first..).zip(&rows) {
            let copies =
                if lost.contains(&ordinal) { 0 } else { 1 + usize::from(doubled.contains(&ordinal)) };
            (0..copies).for_each(|_| tally.take(row));
        }
    }
    let mut counters = Counters {
        received: plan.total,
        unique: Some(keys),
        duplicates: plan.total.map(|total| total - keys),
        pending: Some(0),
        processing: Some(0),
        ..Counters::default()
    };
    if damaged {
        tally.take(&Row { event_id: "nobody's".to_owned(), ..row(&events, 0) });
        counters.unique = Some(keys - 3);
    }
    write_closing(&counters, folder)?;
    let mut listing = ListingObservation::none(true, None).with_rows(&tally, tally.rows.div_ceil(1000));
    (listing.bracketed, listing.all_topics, listing.brackets) = (true, true, 1);
    let stats = StatsObservation {
        schema_version: 1,
        target: "http://127.0.0.1:8080".to_owned(),
        stats: Some(counters),
        unread: None,
        settled: Settled::Reached,
        waited_ms: 500,
        asked_ns: None,
        read_ns: None,
        ended_ns: None,
        ended_utc_ms: None,
        follows: None,
        segments: None,
    };
    let anomalies = tally.anomalies();
    let presence = tally.presence;
    let looks = Looks::default();
    Observed { stats, listing, database: None, presence, winners: None, anomalies, looks, sentinels: None }
        .save(&folder.observation(1))?;
    Ok(decoding)
}

/// An empty target before the run.
fn write_baseline(folder: &RunFolder) -> Result<(), Failure> {
    let before = Counters {
        received: Some(0),
        unique: Some(0),
        duplicates: Some(0),
        pending: Some(0),
        processing: Some(0),
        ..Counters::default()
    };
    let listed = Some(ListedBaseline { rows: 0, foreign: SetSum::default() });
    Baseline {
        schema_version: 1,
        stats: Some(before),
        unread: None,
        moving: false,
        listed,
        stored: None,
        asked_ns: None,
        taken_ns: None,
    }
    .save(folder)?;
    Ok(())
}

/// The counters right after the run.
fn write_closing(counters: &Counters, folder: &RunFolder) -> Result<(), Failure> {
    let acked = counters.received.unwrap_or(0);
    polls::create(folder)?.write(&Poll {
        t_sent_ns: u64::MAX - 1,
        t_answered_ns: u64::MAX,
        acked,
        reported_new: 0,
        reported_duplicate: 0,
        started: acked,
        stats: Some(counters.clone()),
        error: None,
        closing: true,
    })?;
    Ok(())
}

fn row(events: &Events, ordinal: u64) -> Row {
    Row {
        topic: events.topic(ordinal).to_owned(),
        event_id: events.id_text(ordinal),
        timestamp: Some(events.timestamp(ordinal)),
        source: Some(events.source().to_owned()),
        payload: Some(events.payload(ordinal, Side::Plain)),
    }
}
