//! From the checks to a judgement: its verdict, the reasons for it, and what was not tested.

use truth::observed::Route;
use truth::observed::counters::Counters;
use truth::record::manifest::FolderFormat;

use crate::books::coverage::EXPECTED_ENOUGH;
use crate::books::tally::Sums;
use crate::checks::by_row::respelled;
use crate::facts::Facts;
use crate::premises;
use crate::verdict::{
    Check, CheckId, CounterSlack, Doubt, Examined, Ground, Judgement, Observation, Planted, Reason,
    SentAgain, Standing, Status, Unproven, Verdict, blank,
};

/// Makes the judgement. Of all reasons the gravest decides the verdict.
pub(super) fn conclude(facts: &Facts<'_>, mut examined: Examined, planted: Vec<Planted>) -> Judgement {
    doubt(facts, &mut examined);
    observe(facts, &mut examined);
    let reasons = reasons(facts, &examined, &planted);
    let not_tested = not_tested(facts, &examined.checks, &planted);
    let premises = premises::grounds(facts).into_iter();
    let premises = premises.map(|ground| beside_findings(ground, &examined.checks)).collect();
    Judgement {
        verdict: reasons.first().map_or(Verdict::Pass, Reason::verdict),
        target: facts.evidence.observed.stats.target.clone(),
        began_utc: facts.evidence.frames.clocks().began_utc_ms().and_then(truth::time::of_utc_ms),
        reasons,
        observations: examined.observations,
        checks: examined.checks,
        not_tested,
        premises,
        attempts: facts.attempts(),
        coverage: facts.tally.coverage,
        counters: examined.slack,
        resolved: sent_again(facts.tally.resent.resolve),
        replayed: sent_again(facts.tally.resent.replay),
        planted,
        ..blank()
    }
}

/// Returns the ground of a premise for all keys alike, and tells of findings for which it stands
/// otherwise: what holds for some keys need not hold for all.
fn beside_findings(ground: Ground, checks: &[Check]) -> Ground {
    let others = checks.iter().flat_map(|check| {
        let of_check = check.premises.iter().filter(|other| other.premise == ground.premise);
        of_check.map(move |other| (check.name, other))
    });
    let mut because = ground.because.clone();
    for (name, other) in others.filter(|(_, other)| other.standing != ground.standing) {
        let standing = other.standing.text();
        because.push_str(&format!("; {standing} for the findings of `{name}`: {}", other.because));
    }
    Ground { because, ..ground }
}

/// Collects the reasons for a verdict other than PASS, the gravest first.
fn reasons(facts: &Facts<'_>, examined: &Examined, planted: &[Planted]) -> Vec<Reason> {
    let of_check = |check: &Check| {
        let name = check.name;
        let summary = check.summary.clone();
        match check.status {
            Status::Fail => Some(Reason::Failed { check: name, summary }),
            Status::Unknown => {
                // What the run contradicts is said before what it leaves open.
                let open = check.premises.iter().filter(|ground| !ground.holds()).cloned();
                let mut open: Vec<Ground> = open.collect();
                open.sort_by_key(|ground| ground.standing != Standing::Refuted);
                Some(Reason::Open { check: name, summary, open })
            }
            Status::Pass | Status::NotTested => None,
        }
    };
    let mut reasons: Vec<Reason> = examined.checks.iter().filter_map(of_check).collect();
    reasons.extend(examined.doubts.iter().cloned().map(Reason::Doubt));
    let unseen = planted.iter().filter(|planted| planted.seen == Some(false));
    reasons.extend(unseen.map(|unseen| Reason::Blind { defect: unseen.defect.clone() }));
    reasons.extend(void_reasons(facts));
    if reasons.is_empty() && planted.iter().all(|planted| planted.seen.is_none()) {
        reasons.push(Reason::NoSelfTest(unproven(facts, examined, planted)));
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict()));
    reasons
}

/// Returns why no defect could be planted.
fn unproven(facts: &Facts<'_>, examined: &Examined, planted: &[Planted]) -> Unproven {
    if facts.tally.last_answered.is_none() {
        Unproven::NothingAnswered
    } else if planted.iter().any(|planted| was_made(&examined.checks, planted.check)) {
        Unproven::NoSoundKey
    } else {
        Unproven::NothingChecked
    }
}

fn was_made(checks: &[Check], id: CheckId) -> bool {
    checks.iter().any(|check| check.name == id && check.status != Status::NotTested)
}

fn sent_again(sums: Sums) -> Option<SentAgain> {
    let all = sums.sent() + sums.never_sent;
    (all > 0).then(|| SentAgain {
        keys: all,
        reported_new: sums.reported_new,
        reported_duplicate: sums.reported_duplicate,
        accepted: sums.acked - sums.reported_new - sums.reported_duplicate,
        unknown: sums.unknown,
        unclear: sums.unclear,
        rejected: sums.rejected,
        never_sent: sums.never_sent,
    })
}

/// Adds the doubts about the evidence as a whole.
fn doubt(facts: &Facts<'_>, examined: &mut Examined) {
    let evidence = facts.evidence;
    let stats = &evidence.observed.stats;
    examined.doubts.extend(doubts_of_listing(facts));
    examined.doubts.extend(unclear(facts, examined));
    if let Some(reason) = &stats.unread {
        examined.doubts.push(Doubt::CountersUnread { reason: reason.clone() });
    }
    let is_said = |check: &Check| {
        check.name == CheckId::Liveness && matches!(check.status, Status::Fail | Status::Unknown)
    };
    if !facts.is_at_rest() && !examined.checks.iter().any(is_said) {
        let waiting = stats.stats.as_ref().map_or(0, Counters::backlog);
        examined.doubts.push(Doubt::NotAtRest { waiting, waited_ms: stats.waited_ms });
    }
    let has_totals = |check: &Check| check.name == CheckId::Counters && check.status != Status::NotTested;
    let has_unique = stats.stats.as_ref().is_some_and(|stats| stats.unique.is_some());
    if !evidence.observed.listing.offered && has_unique && !examined.checks.iter().any(has_totals) {
        examined.doubts.push(Doubt::NothingToCompare);
    }
    if evidence.missing_shards > 0 {
        examined.doubts.push(Doubt::MissingShards(evidence.missing_shards));
    }
}

/// Doubts that keys are stored which no response acknowledges, though one to each of them is
/// unclear. A listing shows the others; without one, a unique count may have all of them.
fn unclear(facts: &Facts<'_>, examined: &Examined) -> Option<Doubt> {
    let response = facts.tally.first_unclear.clone()?;
    let keys = &facts.tally.keys;
    let open = keys.iter().filter(|(ordinal, state)| state.seen() == 0 && keys.is_unclear(*ordinal));
    let open = open.count() as u64;
    let counts_all = |slack: &CounterSlack| slack.deltas.unique == Some(i128::from(slack.unique.high));
    let is_counted = !facts.tells_presence() && examined.slack.as_ref().is_some_and(counts_all);
    let by_rules = !facts.evidence.unclear_acknowledges;
    (open > 0 && !is_counted).then_some(Doubt::Unclear { keys: open, response, by_rules })
}

/// Lists the doubts about the listing and the database.
fn doubts_of_listing(facts: &Facts<'_>) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let listing = &facts.evidence.observed.listing;
    if let Some(reason) = &listing.unread {
        doubts.push(Doubt::ListingUnread { reason: reason.clone() });
    } else if listing.offered && !listing.bracketed {
        doubts.push(Doubt::NeverAtRest { listings: listing.brackets });
    }
    if let Some(reason) = unread_database(facts) {
        doubts.push(Doubt::DatabaseUnread { reason: reason.clone() });
    }
    doubts
}

fn unread_database<'a>(facts: &Facts<'a>) -> Option<&'a String> {
    facts.evidence.observed.database.as_ref()?.unread.as_ref()
}

/// Adds the observations on the run as a whole. The first say that the folder is of an earlier
/// release, that the run is not its whole plan, and that `verify` added events.
fn observe(facts: &Facts<'_>, examined: &mut Examined) {
    let evidence = facts.evidence;
    let listing = &evidence.observed.listing;
    let late = listing.missing_at_first.saturating_sub(facts.absent);
    if late > 0 && listing.is_sound() {
        examined.observations.push(Observation::SeenLate { keys: late, looked_ms: listing.looked_ms });
    }
    if listing.route == Route::Database {
        let apart = evidence.observed.database.as_ref().and_then(|database| database.apart.as_ref());
        let listed = apart.map(|apart| apart.listed);
        examined.observations.push(Observation::ReadFromDatabase { listed });
    }
    let done = evidence.faults.iter().filter(|struck| struck.bit());
    examined.observations.extend(done.filter_map(|struck| struck.record.as_ref()).map(|record| {
        Observation::FaultDone {
            planned: record.planned.clone(),
            after_ms: record.after_ms,
            attempts_ended: record.attempts_ended,
            proof: record.proof.clone().unwrap_or_default(),
        }
    }));
    let trouble = &evidence.trouble;
    if !trouble.lost_because.is_empty() {
        let because = trouble.lost_because.clone();
        examined.observations.push(Observation::Unanswered { because });
    }
    if let Some(first) = trouble.first_unexpected.clone() {
        examined.observations.push(Observation::Unexpected { first });
    }
    if let Some(first) = trouble.first_unclear.clone().filter(|_| facts.tally.sums.unclear == 0) {
        examined.observations.push(Observation::StatusAlone { first });
    }
    examined.observations.extend(several_addresses(facts));
    examined.observations.extend(respelled(facts));
    let sentinels = facts.tally.resent.sentinels;
    let events = sentinels.acked + sentinels.unknown;
    if events > 0 {
        examined.observations.insert(0, Observation::SentinelsAdded { events });
    }
    if let Some(unfinished) = unfinished(facts) {
        examined.observations.insert(0, unfinished);
    }
    if evidence.format == FolderFormat::Unsealed {
        examined.observations.insert(0, Observation::OfFirstRelease);
    }
}

fn several_addresses(facts: &Facts<'_>) -> Option<Observation> {
    let addresses = facts.evidence.addresses;
    let has_races = facts.tally.coverage.overlapping_pairs.observed > 0;
    (addresses > 1).then_some(Observation::SeveralAddresses { addresses, has_races })
}

fn unfinished(facts: &Facts<'_>) -> Option<Observation> {
    let evidence = facts.evidence;
    let segments = facts.tally.segments;
    let sent = facts.tally.slots_sent;
    let planned = evidence.plan.total?;
    let is_cut = segments.closed < segments.all || facts.torn_bytes > 0;
    let is_short = sent < planned && evidence.missing_shards == 0 && !evidence.ended_by_time;
    (is_cut || is_short).then_some(Observation::Unfinished { sent, planned })
}

/// Lists what would make a PASS empty.
fn void_reasons(facts: &Facts<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let observed = &facts.evidence.observed;
    if facts.tally.sums.acked == 0 {
        reasons.push(Reason::NothingAcknowledged);
    }
    if !observed.listing.offered
        && unread_database(facts).is_none()
        && observed.stats.unread.is_none()
        && observed.stats.stats.as_ref().is_none_or(|stats| stats.unique.is_none())
    {
        reasons.push(Reason::NothingToRead);
    }
    // A sibling shard may have begun to send before this one looked.
    let is_whole = facts.evidence.polled.len() == 1 && facts.evidence.missing_shards == 0;
    if is_whole && facts.rows_of_ours_before() > 0 {
        reasons.push(Reason::IdsUsed { rows: facts.rows_of_ours_before() });
    }
    for struck in facts.evidence.faults.iter().filter(|struck| !struck.bit()) {
        let cause = struck.record.as_ref().and_then(|record| record.missed.clone());
        reasons.push(Reason::FaultMissed { planned: struck.planned.clone(), cause });
    }
    let coverage = facts.tally.coverage;
    // A target that refuses repeats leaves none to observe, and the report says that it does.
    let kinds = match facts.tally.repeats.are_refused_for_certain() {
        true => coverage.twins().into_iter().collect(),
        false => coverage.kinds(),
    };
    for (kind, seen) in kinds {
        if seen.planned >= EXPECTED_ENOUGH && seen.observed == 0 {
            reasons.push(Reason::NoneObserved { kind: kind.to_owned(), planned: seen.planned });
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
    let variants = facts.evidence.plan.variants;
    let other = [(variants.other_timestamp, "timestamp"), (variants.other_source, "source")];
    let unsent = other.into_iter().filter(|(one_in, _)| *one_in == 0).map(|(_, content)| content);
    let unsent: Vec<&str> = unsent.collect();
    if !unsent.is_empty() {
        let unsent = unsent.join(" or ");
        lines.push(format!("repeats with another {unsent}: none was sent (`[traps]` in the scenario)"));
    }
    if !facts.evidence.polls_end {
        lines.push("all counters under load: polls.ndjson is cut off".to_owned());
    }
    let listing = &facts.evidence.observed.listing;
    if listing.offered && !listing.all_topics {
        lines.push("rows under topics of others: the target is listed topic by topic".to_owned());
    } else if listing.offered && facts.listed_before().is_none() {
        lines.push("rows of others: the target was not listed before the run".to_owned());
    }
    let unproven = planted.iter().filter(|planted| planted.seen.is_none());
    let (lacking, unmade): (Vec<&Planted>, Vec<&Planted>) =
        unproven.partition(|planted| was_made(checks, planted.check));
    for (why, defects) in
        [("no suitable evidence in this run", lacking), ("their checks were not made", unmade)]
    {
        let names: Vec<&str> = defects.into_iter().map(|planted| planted.defect.as_str()).collect();
        if !names.is_empty() {
            lines.push(format!("self-test skipped: {why}: {}", names.join(", ")));
        }
    }
    lines
}
