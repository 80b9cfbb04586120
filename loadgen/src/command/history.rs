//! `loadgen history`: the ledger of a run as JSON lines, one for each try of a request, in the
//! order of their ends, or its keys.

mod keys;

use std::path::Path;

use reader::console::Output;
use serde::Serialize;
use truth::plan::Plan;
use truth::record::folder::RunFolder;
use truth::record::ledger::merge::Merge;
use truth::record::ledger::{Done, Frame, Scope};

use crate::error::Failure;

/// Line of the history.
#[derive(Serialize)]
struct Line {
    /// Round of the plan; none for requests that `verify` sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    round: Option<u64>,
    /// List of requests that `verify` sent; none for requests of the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<u32>,
    /// Place of the request in its round or list.
    request: u32,
    #[serde(rename = "try")]
    try_number: u16,
    /// True if no further try followed.
    r#final: bool,
    connection: u32,
    /// Number of events in the request; none for requests of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<u64>,
    /// Time since the ledger was begun.
    planned_us: u64,
    start_us: u64,
    end_us: u64,
    /// Status of the response; 0 without one.
    status: u16,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inserted: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicates: Option<u32>,
}

/// Prints the ledger of a run, or its keys.
pub(crate) fn print(run: &Path, keys: bool) -> Result<(), Failure> {
    let folder = RunFolder::open(run)?;
    let manifest = folder.manifest()?;
    if manifest.scenario.request.is_some() && keys {
        return Err(Failure::Usage(format!("{} sent no events, so it has no keys", folder.path().display())));
    }
    let mut output = Output::open();
    if keys {
        keys::write(&folder, &manifest.plan, &mut output)?;
    } else {
        write_tries(&folder, &manifest.plan, &mut output)?;
    }
    Ok(output.finish()?)
}

fn write_tries(folder: &RunFolder, plan: &Plan, output: &mut Output) -> Result<(), Failure> {
    let mut origin = None;
    for merged in Merge::open(&folder.segments()?)? {
        match merged?.frame {
            Frame::Header(header) => {
                origin.get_or_insert(header.monotonic_ns);
            }
            Frame::Done(done) => {
                let line = line(&done, plan, origin.unwrap_or(0));
                output.write(&(serde_json::to_string(&line).expect("a line is made of numbers") + "\n"))?;
            }
            Frame::Open { .. } | Frame::Resend { .. } | Frame::Closed { .. } => {}
        }
    }
    Ok(())
}

fn line(done: &Done, plan: &Plan, origin: u64) -> Line {
    let (round, list) = match done.scope {
        Scope::Round(round) => (Some(round), None),
        Scope::Resend(list) => (None, Some(list)),
    };
    let since = |t: u64| t.saturating_sub(origin) / 1_000;
    let events = round.map(|round| {
        let slots = plan.slots_of(round);
        let before = u64::from(done.request) * u64::from(plan.batch);
        (slots.end - slots.start).saturating_sub(before).min(u64::from(plan.batch))
    });
    Line {
        round,
        list,
        request: done.request,
        try_number: done.try_number,
        r#final: done.is_final,
        connection: done.connection,
        events,
        planned_us: since(done.t_planned),
        start_us: since(done.t_start),
        end_us: since(done.t_end),
        status: done.status,
        outcome: done.answer.outcome.text(),
        accepted: done.answer.accepted,
        inserted: done.answer.inserted,
        duplicates: done.answer.duplicates,
    }
}
