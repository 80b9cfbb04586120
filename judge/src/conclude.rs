//! From the checks to the word: what they say, what keeps the evidence from being enough, and what was not tested.

use truth::observed::Route;
use truth::observed::counters::Counters;

use crate::books::coverage::EXPECTED_ENOUGH;
use crate::books::tally::Sums;
use crate::facts::Facts;
use crate::numbers::{counted, grouped};
use crate::verdict::{Check, Examined, Judgement, Planted, SentAgain, Status, Verdict, blank};

pub(super) fn conclude(facts: &Facts<'_>, mut examined: Examined, planted: Vec<Planted>) -> Judgement {
    let evidence = facts.evidence;
    doubt(facts, &mut examined);
    observe(facts, &mut examined);
    let mut said: Vec<(Verdict, String)> = Vec::new();
    let mut say = |word: Verdict, reason: String| said.push((word, reason));
    for check in &examined.checks {
        match check.status {
            Status::Fail => say(Verdict::Fail, format!("{}: {}", check.name, check.summary)),
            Status::Unknown => say(Verdict::Unknown, format!("{}: {}", check.name, check.summary)),
            Status::Pass | Status::NotTested => {}
        }
    }
    for doubt in examined.doubts {
        say(Verdict::Unknown, doubt);
    }
    for unseen in planted.iter().filter(|planted| planted.seen == Some(false)) {
        say(
            Verdict::Unknown,
            format!("the judge did not see a planted {}: do not trust this verdict", unseen.defect),
        );
    }
    for reason in void_reasons(facts) {
        say(Verdict::Void, reason);
    }
    if said.is_empty() && planted.iter().all(|planted| planted.seen.is_none()) {
        let reason = "no round was answered whole, so the judge could not be proven on this run";
        said.push((Verdict::Unknown, reason.to_owned()));
    }
    // The reasons of the verdict's own word come first.
    said.sort_by_key(|(word, _)| std::cmp::Reverse(*word));
    let not_tested = not_tested(facts, &examined.checks, &planted);
    Judgement {
        verdict: said.first().map_or(Verdict::Pass, |(word, _)| *word),
        target: evidence.observed.stats.target.clone(),
        reasons: said.into_iter().map(|(_, reason)| reason).collect(),
        observations: examined.observations,
        checks: examined.checks,
        not_tested,
        attempts: facts.attempts(),
        coverage: facts.tally.coverage,
        counters: examined.slack,
        resolved: sent_again(facts.tally.resent.resolve),
        replayed: sent_again(facts.tally.resent.replay),
        planted,
        ..blank()
    }
}

fn sent_again(sums: Sums) -> Option<SentAgain> {
    let all = sums.sent() + sums.never_sent;
    (all > 0).then(|| SentAgain {
        keys: all,
        told_new: sums.told_new,
        told_duplicate: sums.told_duplicate,
        accepted: sums.acked - sums.told_new - sums.told_duplicate,
        unknown: sums.unknown,
        rejected: sums.rejected,
        never_sent: sums.never_sent,
    })
}

/// What keeps the evidence as a whole from being enough.
fn doubt(facts: &Facts<'_>, examined: &mut Examined) {
    let (evidence, listing) = (facts.evidence, &facts.evidence.observed.listing);
    let stats = &evidence.observed.stats;
    if let Some(reason) = &listing.unread {
        examined.doubts.push(format!("the listing could not be read: {reason}"));
    } else if listing.offered && !listing.bracketed {
        let times = listing.brackets;
        examined.doubts.push(format!(
            "the target changed while it was listed, {times} times in a row: it never came to rest"
        ));
    }
    if let Some(reason) = unread_database(facts) {
        examined.doubts.push(format!("the database could not be read: {reason}"));
    }
    if !listing.cut_off.is_empty() {
        examined.doubts.push(cut_off(facts));
    } else if listing.capped {
        examined.doubts.push(capped(facts));
    }
    if let Some(reason) = &stats.unread {
        examined.doubts.push(format!("the counters could not be read: {reason}"));
    }
    let says_what_waits =
        |check: &Check| check.name == "liveness" && matches!(check.status, Status::Fail | Status::Unknown);
    if !facts.is_at_rest() && !examined.checks.iter().any(says_what_waits) {
        let waited = grouped(stats.waited_ms);
        let what = match stats.stats.as_ref().map_or(0, Counters::backlog) {
            0 => "the target still moved".to_owned(),
            waiting => format!("{} still waited", counted(waiting, "event", "events")),
        };
        examined.doubts.push(format!("{what} after {waited} ms; give it more time with --settle"));
    }
    let has_totals = |check: &Check| check.name == "counters" && check.status != Status::NotTested;
    let tells_unique = stats.stats.as_ref().is_some_and(|stats| stats.unique.is_some());
    if !listing.offered && tells_unique && !examined.checks.iter().any(has_totals) {
        let reason = "the target shows no events, and its counters cannot be compared with those of before";
        examined.doubts.push(reason.to_owned());
    }
    if evidence.missing_shards > 0 {
        let missing = u64::from(evidence.missing_shards);
        let missing = counted(missing, "shard of this run is", "shards of this run are");
        examined.doubts.push(format!("{missing} missing; name their folders too"));
    }
}

fn unread_database<'a>(facts: &Facts<'a>) -> Option<&'a String> {
    facts.evidence.observed.database.as_ref()?.unread.as_ref()
}

/// What happened besides, first that a run is not the whole plan.
fn observe(facts: &Facts<'_>, examined: &mut Examined) {
    let (evidence, listing) = (facts.evidence, &facts.evidence.observed.listing);
    if listing.missing_at_first > 0 && facts.tells_presence() {
        let missing = counted(listing.missing_at_first, "acknowledged key was", "acknowledged keys were");
        examined.observations.push(format!(
            "{missing} not listed at first; the last look was {} ms after the first reading",
            grouped(listing.looked_ms)
        ));
    }
    if listing.route == Route::Database {
        let listed = evidence.observed.database.as_ref().and_then(|database| database.apart.as_ref());
        let why = match listed {
            Some(apart) => format!(
                "the target lists {} of this run and no way to more",
                counted(apart.listed, "row", "rows")
            ),
            None => "the target lists nothing".to_owned(),
        };
        examined.observations.push(format!("whether a key is there was read from the database: {why}"));
    }
    for record in evidence.faults.iter().filter_map(|struck| struck.record.as_ref().filter(|_| struck.bit()))
    {
        examined.observations.push(format!(
            "{}: {} ms after the first send, with {} ended: {}",
            record.planned,
            grouped(record.after_ms),
            counted(record.attempts_ended, "attempt", "attempts"),
            record.proof.as_deref().unwrap_or_default()
        ));
    }
    if let Some(line) = unfinished(facts) {
        examined.observations.insert(0, line);
    }
}

/// Why a listing that ended is not taken for all there is, and what would tell more.
fn capped(facts: &Facts<'_>) -> String {
    let observed = &facts.evidence.observed;
    let counts = observed.stats.stats.as_ref().is_some_and(|stats| stats.unique.is_some());
    let why = if counts { "though the target counts more" } else { "and nothing tells whether that is all" };
    let what = match counts {
        true => {
            "describe how to go on with `listing.paging` in the scenario, or its database with `[database]`"
        }
        false => {
            "name a counter with `stats.unique` in the scenario, or describe its database with `[database]`"
        }
    };
    let rows = grouped(observed.listing.rows);
    format!(
        "the listing showed {rows} rows and no way to more, {why}: what lies beyond is unseen, not lost; {what}"
    )
}

/// How much was seen of a target that shows only so many rows of a topic.
fn cut_off(facts: &Facts<'_>) -> String {
    let (evidence, keys) = (facts.evidence, &facts.tally.keys);
    let listed = keys.iter().filter(|(_, state)| state.acked() > 0 && state.seen() > 0).count() as u64;
    let topics = evidence.plan.topics.len() as u64;
    let cut_off = evidence.observed.listing.cut_off.len() as u64;
    format!(
        "saw {} of {}; {} of {} cut off: what lies beyond is unseen, not lost; spread the keys over \
         more topics with `events.topics` in the scenario",
        grouped(listed),
        counted(facts.attempts().acked_keys, "acknowledged key", "acknowledged keys"),
        grouped(cut_off),
        if topics == 1 { "1 topic is".to_owned() } else { format!("{} topics are", grouped(topics)) },
    )
}

/// What to say first of a run that is not the whole plan.
fn unfinished(facts: &Facts<'_>) -> Option<String> {
    let (closed, segments) = facts.tally.closed;
    let (sent, planned) = (facts.tally.slots_sent, facts.evidence.plan.total?);
    let is_cut = closed < segments || facts.torn_bytes > 0;
    let evidence = facts.evidence;
    let is_short = sent < planned && evidence.missing_shards == 0 && !evidence.ended_by_time;
    (is_cut || is_short)
        .then(|| format!("run did not finish: sent {} of {}", grouped(sent), grouped(planned)))
}

/// What would make a PASS empty.
fn void_reasons(facts: &Facts<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    let fields = &facts.evidence.observed;
    if facts.tally.sums.acked == 0 {
        reasons.push("nothing was acknowledged, so nothing can have been lost".to_owned());
    }
    if !fields.listing.offered
        && unread_database(facts).is_none()
        && fields.stats.unread.is_none()
        && fields.stats.stats.as_ref().is_none_or(|stats| stats.unique.is_none())
    {
        reasons.push("the target offers neither a listing nor a unique count".to_owned());
    }
    for struck in facts.evidence.faults.iter().filter(|struck| !struck.bit()) {
        let why = struck.record.as_ref().and_then(|record| record.missed.clone());
        let why = why.unwrap_or_else(|| "nothing is on record of it".to_owned());
        reasons.push(format!("the planned fault did not bite: {}: {why}", struck.planned));
    }
    for (kind, seen) in facts.tally.coverage.kinds() {
        if seen.planned >= EXPECTED_ENOUGH && seen.observed == 0 {
            reasons.push(format!("{} {kind} were planned and none was observed", grouped(seen.planned)));
        }
    }
    reasons
}

fn not_tested(facts: &Facts<'_>, checks: &[Check], planted: &[Planted]) -> Vec<String> {
    let skipped = checks.iter().filter(|check| check.status == Status::NotTested);
    let mut lines: Vec<String> = skipped.map(|check| format!("{}: {}", check.name, check.summary)).collect();
    for (kind, seen) in facts.tally.coverage.kinds() {
        if seen.observed == 0 {
            lines.push(format!("{kind}: none was observed"));
        }
    }
    if !facts.evidence.polls_end {
        lines.push("all counters under load: polls.ndjson has lost its end".to_owned());
    }
    let listing = &facts.evidence.observed.listing;
    if listing.offered && !listing.all_topics {
        lines.push("rows under topics of others: the target is listed topic by topic".to_owned());
    } else if listing.offered && facts.listed_before().is_none() {
        lines.push("rows of others: the target was not listed before the run".to_owned());
    }
    let unproven: Vec<&str> = planted
        .iter()
        .filter(|planted| planted.seen.is_none())
        .map(|planted| planted.defect.as_str())
        .collect();
    if !unproven.is_empty() {
        lines.push(format!("not proven on this run, for want of material: {}", unproven.join(", ")));
    }
    lines
}
