//! The checks on what `verify` itself sent, and on what the target showed before and after: keys that had been
//! acknowledged have to be known still, and nothing that was there may be gone.

use truth::observed::{Observed, Settled};

use crate::books::region::Deltas;
use crate::facts::Facts;
use crate::numbers::{counted, grouped};
use crate::verdict::{Check, CheckId, Finding, SHOWN_KEYS};

/// Keys that were acknowledged, sent again, and not taken for duplicates.
pub fn replay(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::Replay;
    let resent = &facts.tally.resent;
    if resent.replay.sent() == 0 {
        return Check::not_tested(ID, "no acknowledged key was sent again (--replay does)");
    }
    if let Some(window) = facts.evidence.promises.window {
        let window = truth::duration::format(window);
        return Check::not_tested(ID, format!("keys are promised to be known again for {window} only"));
    }
    let replayed = counted(resent.replay.sent(), "acknowledged key", "acknowledged keys");
    let new = &resent.replayed_new;
    if new.count > 0 {
        let found = |ordinal: &u64| facts.finding(*ordinal, "acknowledged, sent again, and told to be new");
        let summary = format!("of {replayed} sent again, {} told to be new", grouped(new.count));
        return Check::fail(ID, new.count, summary, new.keys.iter().map(found).collect());
    }
    match growth(facts) {
        Growth::Explained | Growth::Unclear if resent.replay.reported_duplicate == resent.replay.acked => {
            Check::pass(ID, format!("{replayed} sent again, all of them known"))
        }
        Growth::Explained => {
            Check::pass(ID, format!("{replayed} sent again, and none of them counted as unique"))
        }
        Growth::Unclear => {
            Check::not_tested(ID, format!("{replayed} sent again; nothing tells whether they were known"))
        }
        Growth::Excess { by, others_possible: false } => {
            let detail = format!(
                "unique grew by {} more than keys in doubt can explain, while {replayed} were sent again",
                grouped(by)
            );
            Check::fail(ID, by, detail.clone(), vec![Finding::plain(detail)])
        }
        Growth::Excess { by, others_possible: true } => {
            let detail = format!("unique grew by {} while {replayed} were sent again", grouped(by));
            Check::unknown(ID, by, format!("{detail}; another writer would explain it"))
        }
    }
}

/// How the unique count grew while keys were sent again.
enum Growth {
    /// By no more than keys in doubt can explain.
    Explained,
    /// There are no counters to tell, or they do not tell of one target at rest.
    Unclear,
    /// By so many more.
    Excess {
        by: u64,
        /// Whether what was received leaves room for another writer.
        others_possible: bool,
    },
}

fn growth(facts: &Facts<'_>) -> Growth {
    let evidence = facts.evidence;
    let Some(earlier) = &evidence.earlier else { return Growth::Unclear };
    let rested = |look: &Observed| {
        matches!(look.stats.settled, Settled::Reached | Settled::Stuck)
            && look.stats.stats.as_ref().is_some_and(|stats| stats.backlog() == 0)
    };
    let (Some(before), Some(now)) = (&earlier.stats.stats, &evidence.observed.stats.stats) else {
        return Growth::Unclear;
    };
    let same_process = before.instance == now.instance || facts.counts_on();
    if evidence.promises.shared || !same_process || !rested(earlier) || !rested(&evidence.observed) {
        return Growth::Unclear;
    }
    let deltas = Deltas::between(before, now);
    let Some(unique) = deltas.unique else { return Growth::Unclear };
    let in_doubt = facts
        .tally
        .keys
        .iter()
        .filter(|(ordinal, state)| state.unknown() > 0 && earlier.presence.seen(*ordinal) == 0);
    let by = unique - in_doubt.count() as i128;
    let Ok(by) = u64::try_from(by) else { return Growth::Explained };
    if by == 0 {
        return Growth::Explained;
    }
    let resent = &facts.tally.resent;
    let ours = resent.replay.acked + resent.resolve.acked;
    // Had another writer stored these, they would have been received on top of ours.
    let others_possible = deltas.received.is_none_or(|received| received >= i128::from(ours + by));
    Growth::Excess { by, others_possible }
}

/// What was listed and is gone, though nobody took it away.
pub fn stillness(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::Stillness;
    let evidence = facts.evidence;
    let Some(earlier) = &evidence.earlier else {
        return Check::not_tested(ID, "the target was looked at once (--resolve and --replay look again)");
    };
    let same_route = earlier.listing.route == evidence.observed.listing.route;
    if !same_route || !earlier.listing.tells_presence() || !facts.tells_presence() {
        return Check::not_tested(ID, "the listings do not tell of every key whether it is there");
    }
    let (before, now) = (&earlier.presence, &evidence.observed.presence);
    let gone = |ordinal: &u64| before.seen(*ordinal) > 0 && now.seen(*ordinal) == 0;
    let gone: Vec<u64> = evidence.keys.clone().filter(gone).collect();
    if gone.is_empty() {
        let rows = counted(earlier.listing.ours.count, "row of this run is", "rows of this run are");
        return Check::pass(ID, format!("all {rows} still there after keys were sent again"));
    }
    let found = |ordinal: &u64| facts.finding(*ordinal, "listed before keys were sent again, and gone now");
    let count = gone.len() as u64;
    let summary = counted(count, "listed key is gone", "listed keys are gone");
    Check::fail(ID, count, summary, gone.iter().take(SHOWN_KEYS).map(found).collect())
}
