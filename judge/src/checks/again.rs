//! Checks of keys that `verify` sent again, and of the looks before and after: an acknowledged key
//! has to be known still, and no row may be gone.
//!
//! For example, `verify` looks, sends 300 acknowledged keys again, and looks once more. Between the
//! two looks unique grew from 1,400 to 1,402. One key was of unknown fate and absent at the first
//! look, so one of the two may be that key. The other is an acknowledged key that was stored again:
//! `replay` fails.

use truth::observed::{Observed, Settled};

use super::by_key::Firm;
use crate::books::region::Deltas;
use crate::books::walk::WalkError;
use crate::bracket::Absent;
use crate::facts::Facts;
use crate::numbers::{counted, grouped};
use crate::premises::ground;
use crate::verdict::{Check, CheckId, Finding, Premise, SHOWN_KEYS};

/// Looks for acknowledged keys that were sent again and not deduplicated. It needs keys that were
/// listed, or acknowledged where nothing is listed.
pub fn replay(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::Replay;
    let resent = &facts.tally.resent;
    if resent.replay.sent() == 0 {
        return Check::not_tested(ID, "no acknowledged key was sent again (--replay does)");
    }
    if let Some(window) = facts.evidence.promises.window {
        let window = truth::duration::format(window);
        return Check::not_tested(ID, format!("keys are promised to be known for {window} only"));
    }
    let all = resent.replay.sent();
    let replayed = counted(all, "acknowledged key", "acknowledged keys");
    // What was refused, or not answered, says nothing about the keys.
    let open = match all - resent.replay.acked {
        0 => String::new(),
        open => format!("; {} refused or left open", counted(open, "key was", "keys were")),
    };
    let new = &resent.replayed_new;
    if new.count > 0 {
        let found = |ordinal: &u64| facts.finding(*ordinal, "acknowledged, sent again, and reported as new");
        let summary = format!("of {replayed} sent again, {} reported as new", grouped(new.count));
        let findings = new.keys.iter().map(found).collect();
        let words = ground(facts, Premise::Words);
        return Check::fail(ID, new.count, summary, findings).resting_on(vec![words]);
    }
    let acked = resent.replay.acked;
    match growth(facts) {
        Growth::Explained | Growth::Unclear if acked == 0 => Check::not_tested(
            ID,
            format!("{replayed} sent again, and none of them acknowledged: it is unknown if they are known"),
        ),
        Growth::Explained | Growth::Unclear if resent.replay.reported_duplicate == acked => {
            let known = if acked == all { "all of them".to_owned() } else { grouped(acked) };
            Check::pass(ID, format!("{replayed} sent again, and {known} deduplicated{open}"))
        }
        Growth::Explained => {
            Check::pass(ID, format!("{replayed} sent again, and none of them counted as unique{open}"))
        }
        Growth::Unclear => Check::not_tested(
            ID,
            format!("{replayed} sent again; neither responses nor counters report on them"),
        ),
        Growth::Excess { by, others_possible: false } => {
            let detail = format!(
                "unique grew by {} more than keys of unknown fate can explain, while {replayed} were sent again",
                grouped(by)
            );
            let grounds = [Premise::Counters, Premise::NobodyElse].map(|premise| ground(facts, premise));
            Check::fail(ID, by, detail.clone(), vec![Finding::plain(detail)]).resting_on(grounds.to_vec())
        }
        Growth::Excess { by, others_possible: true } => {
            let detail = format!("unique grew by {} while {replayed} were sent again", grouped(by));
            Check::unknown(ID, by, format!("{detail}; another writer would explain it"))
        }
    }
}

/// Growth of the unique count while keys were sent again.
enum Growth {
    /// No more than keys of unknown fate can explain.
    Explained,
    /// Not known: there are no counters, or they are not of one target at rest.
    Unclear,
    /// More than keys of unknown fate can explain.
    Excess {
        /// Number of keys beyond that.
        by: u64,
        /// Set when `received` leaves room for another writer.
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
    if evidence.promises.is_shared() || !same_process || !rested(earlier) || !rested(&evidence.observed) {
        return Growth::Unclear;
    }
    let deltas = Deltas::between(before, now);
    let Some(unique) = deltas.unique else { return Growth::Unclear };
    let in_doubt = facts
        .tally
        .keys
        .iter()
        .filter(|(ordinal, state)| state.unknown() > 0 && earlier.presence.seen(*ordinal) == 0);
    let sentinels = facts.tally.keys.sentinels().filter(|(ordinal, state)| {
        state.acked() + state.unknown() > 0 && !earlier.listing.sentinels.contains(ordinal)
    });
    let by = unique - (in_doubt.count() + sentinels.count()) as i128;
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

/// Looks for keys that were listed at the first look and are gone at the second. Both listings have
/// to be complete and bracketed.
pub(super) fn stillness(facts: &Facts<'_>, absent: &Result<Absent, WalkError>) -> Check {
    const ID: CheckId = CheckId::Stillness;
    let evidence = facts.evidence;
    let Some(earlier) = &evidence.earlier else {
        return Check::not_tested(ID, "the target was read once (--resolve and --replay read it again)");
    };
    let same_route = earlier.listing.route == evidence.observed.listing.route;
    let absent = match absent {
        Ok(absent) if same_route && earlier.listing.is_sound() && evidence.observed.listing.is_sound() => {
            absent
        }
        _ => return Check::not_tested(ID, "one of the listings could not be read, or did not stand still"),
    };
    let before = &earlier.presence;
    let now = &evidence.observed.presence;
    let gone = |ordinal: &u64| before.seen(*ordinal) > 0 && now.seen(*ordinal) == 0;
    let Firm { keys: firm, grounds, .. } = Firm::of(facts, absent);
    let all: Vec<u64> = evidence.keys.clone().filter(gone).collect();
    let firm: Vec<u64> = firm.into_iter().filter(gone).collect();
    let gone = if firm.is_empty() { all } else { firm };
    if gone.is_empty() && earlier.listing.ours.count == 0 {
        return Check::not_tested(ID, "no row of this run was listed before keys were sent again");
    }
    if gone.is_empty() {
        let rows = counted(earlier.listing.ours.count, "row of this run is", "rows of this run are");
        return Check::pass(ID, format!("all {rows} still there after keys were sent again"));
    }
    let found = |ordinal: &u64| facts.finding(*ordinal, "listed before keys were sent again, and gone now");
    let count = gone.len() as u64;
    let summary = counted(count, "listed key is gone", "listed keys are gone");
    let findings = gone.iter().take(SHOWN_KEYS).map(found).collect();
    Check::fail(ID, count, summary, findings).resting_on(grounds)
}
