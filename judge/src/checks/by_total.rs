//! Checks of totals: the numbers in responses, rows against counters, and counters against the
//! ledger.
//!
//! Totals cancel: one lost key and one stored twice are still the right sum. They confirm the
//! checks of single keys. Where a target shows no keys, they are all there is.

use truth::observed::counters::Counters;
use truth::observed::{ApartKey, Route};
use truth::record::baseline::Baseline;
use truth::record::ledger::Scope;
use truth::scenario::promises::{Received, StatsPromise, Unique};

use crate::books::region::{Bound, Break, Deltas, Region};
use crate::books::responses::{AnswerFault, Compared};
use crate::books::under_load::UnderLoad;
use crate::checks::by_row::{Foreign, foreign};
use crate::evidence::Evidence;
use crate::facts::Facts;
use crate::numbers::{counted, grouped};
use crate::premises::{contradicted, counters_of_one_process, ground};
use crate::verdict::{
    Check, CheckId, CounterSlack, Examined, Finding, Ground, Observation, Premise, Status, TriedRequest,
};

/// Looks for responses whose numbers do not add up.
pub fn answer_sum(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::AnswerSum;
    let tally = &facts.tally;
    if facts.evidence.missing_shards > 0 {
        return Check::not_tested(ID, "the responses of the missing shards are unknown");
    }
    if tally.responses.sums.compared == 0 {
        return Check::not_tested(ID, "no response has numbers");
    }
    if tally.responses.sums.faulty == 0 {
        let compared = counted(tally.responses.sums.compared, "response adds", "responses add");
        return Check::pass(ID, format!("{compared} up to the events sent"));
    }
    let count = tally.responses.sums.faulty;
    let summary = counted(count, "response does not add up", "responses do not add up");
    Check::fail(ID, count, summary, of_answers(facts, &tally.responses.sums))
}

/// Makes findings on responses.
pub(super) fn of_answers(facts: &Facts<'_>, compared: &Compared) -> Vec<Finding> {
    let evidence = facts.evidence;
    let of_answer = |fault: &AnswerFault| {
        let AnswerFault { scope, request, try_number, detail } = fault;
        let tried = TriedRequest { scope: *scope, request: *request, try_number: *try_number };
        let traceparent = match scope {
            Scope::Round(index) => {
                let round = evidence.plan.round(*index);
                evidence.traceparent(*scope, *request, *try_number, round.request(*request))
            }
            // Where each request holds one key, its trace is that of the key, which is not at hand.
            Scope::Resend(_) if evidence.plan.batch == 1 => None,
            Scope::Resend(_) => evidence.traceparent(*scope, *request, *try_number, &[]),
        };
        let detail = format!("{scope}, request {request}: {detail}");
        Finding { traceparent, request: Some(tried), ..Finding::plain(detail) }
    };
    compared.examples.iter().map(of_answer).collect()
}

/// Compares listing and database key by key, and rows with the unique count in total. It is certain
/// if the listing is complete and bracketed; of single keys also if it is not complete.
pub fn routes_disagree(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::RoutesDisagree;
    let totals = totals(facts);
    match (keys_apart(facts), totals.status) {
        (None, _) | (Some(Ok(_)), Status::Fail | Status::Unknown) => totals,
        (Some(Err(check)), _) => check,
        (Some(Ok(said)), Status::NotTested) => Check::pass(ID, said),
        (Some(Ok(said)), Status::Pass) => Check::pass(ID, format!("{}; {said}", totals.summary)),
    }
}

/// Compares listing and database key by key. Returns a sentence if they agree, or the check if they
/// differ.
fn keys_apart(facts: &Facts<'_>) -> Option<Result<String, Check>> {
    const ID: CheckId = CheckId::RoutesDisagree;
    let observed = &facts.evidence.observed;
    let apart = observed.database.as_ref()?.apart.as_ref()?;
    if !observed.listing.bracketed || !facts.is_at_rest() {
        return Some(Err(Check::unknown(ID, 0, "the target was not at rest")));
    }
    if apart.keys > 0
        && let Some(behind) = observed.listing.behind
    {
        let keys = counted(apart.keys, "key is", "keys are");
        let why = behind.why();
        return Some(Err(Check::unknown(
            ID,
            apart.keys,
            format!("{keys} listed differently than stored, but {why}"),
        )));
    }
    if apart.keys == 0 {
        let listed = counted(apart.listed, "listed row of this run", "listed rows of this run");
        return Some(Ok(match apart.is_whole {
            true => "the database agrees on every key".to_owned(),
            false => format!("the database holds the {listed}"),
        }));
    }
    let times = |seen: u8| match seen {
        0 => "not at all".to_owned(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => "three times or more".to_owned(),
    };
    let found = |key: &ApartKey| {
        let detail = match key.payloads {
            true => "listed with one of its payloads, in the database with the other".to_owned(),
            false => format!("listed {}, in the database {}", times(key.listed), times(key.stored)),
        };
        facts.finding(key.ordinal, detail)
    };
    let keys = counted(apart.keys, "key differs", "keys differ");
    let summary = format!("{keys} between listing and database");
    let grounds = [Premise::Whole, Premise::Fresh, Premise::NothingWaits, Premise::CopiesSettled];
    let grounds = grounds.iter().map(|premise| ground(facts, *premise)).collect();
    let findings = apart.examples.iter().map(found).collect();
    Some(Err(Check::fail(ID, apart.keys, summary, findings).resting_on(grounds)))
}

/// Compares the number of rows with the unique count.
fn totals(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::RoutesDisagree;
    let evidence = facts.evidence;
    let observed = &evidence.observed;
    let listing = &observed.listing;
    if evidence.missing_shards > 0 {
        return Check::not_tested(ID, "shards of this run are missing");
    }
    if evidence.promises.is_shared() {
        return Check::not_tested(ID, "others write to the target while it is read");
    }
    if listing.route == Route::Database {
        return Check::not_tested(ID, "the target may not count every row of the table");
    }
    let Some(unique) = observed.stats.stats.as_ref().and_then(|stats| stats.unique) else {
        return Check::not_tested(ID, "the target has no unique count");
    };
    let is_promised = evidence.listing_is_complete;
    let is_known_not_to_show_all = !is_promised && contradicted(facts).is_some();
    if let Some(why) = facts.why_not_every_row() {
        return Check::not_tested(ID, why);
    }
    if is_known_not_to_show_all {
        return Check::not_tested(ID, "the looks contradict each other, so none shows every row");
    }
    if !facts.counts_on() {
        return Check::not_tested(ID, facts.why_not_counted_on());
    }
    if !facts.counters_rest() {
        return Check::not_tested(ID, "the counters did not come to rest");
    }
    // A row that a page repeats is one row.
    let rows = listing.rows.saturating_sub(observed.looks.border_repeats);
    if rows == unique {
        return Check::pass(
            ID,
            format!("{} listed, and {} counted", counted(rows, "row", "rows"), grouped(unique)),
        );
    }
    let detail = format!("{} listed, {} counted", counted(rows, "row is", "rows are"), grouped(unique));
    let unique_before = evidence.baseline.as_ref().and_then(|baseline| baseline.stats.as_ref()?.unique);
    let before = facts.listed_before().map(|listed| listed.rows).zip(unique_before);
    let Some((rows_before, unique_before)) = before else {
        let sentence = format!("{detail}; without a listing before the run, the difference may be older");
        return match evidence.promises.unique == Some(Unique::Rows) {
            true => Check::unknown(ID, 1, sentence),
            false => Check::not_tested(ID, sentence),
        };
    };
    let off_before = i128::from(rows_before) - i128::from(unique_before);
    let off_now = i128::from(rows) - i128::from(unique);
    if off_before == off_now {
        return Check::pass(ID, format!("{detail}; they differed as much before the run"));
    }
    let off = u64::try_from((off_now - off_before).unsigned_abs()).unwrap_or(u64::MAX);
    if off_now > off_before && listing.pages > 1 && !evidence.rows_have_an_order {
        return Check::not_tested(ID, format!("{detail}; a row may be listed on two pages"));
    }
    if off_now < off_before && off <= facts.tally.ages.stored_again() {
        // A store may keep the last of a key's rows alone.
        let keys = counted(off, "key that was", "keys that were");
        return Check::pass(ID, format!("{detail}: {keys} forgotten may have been counted again"));
    }
    Check::fail(ID, off, detail.clone(), vec![Finding::plain(detail)])
}

/// Compares the counters with the ledger, at rest and under load. A counter that is too high is
/// certain only if the baseline was still, or the closing poll says the same.
pub fn counters(facts: &Facts<'_>, examined: &mut Examined) -> Check {
    const ID: CheckId = CheckId::Counters;
    let evidence = facts.evidence;
    let observed = &evidence.observed;
    if evidence.missing_shards > 0 {
        return Check::not_tested(ID, "the requests of the missing shards are unknown");
    }
    if evidence.baselines_differ {
        return Check::unknown(ID, 0, "the shards took different baselines; start them together");
    }
    let Some(before) = evidence.baseline.as_ref().and_then(|baseline| baseline.stats.as_ref()) else {
        return Check::not_tested(ID, "there is no baseline of the counters");
    };
    if let Some(check) = counted_over(facts, before, examined) {
        return check;
    }
    let under_load = under_load(facts, before, examined);
    if let Some(first) = under_load.first() {
        let findings = under_load.iter().cloned().map(Finding::plain).collect();
        let mut grounds = vec![
            counters_of_one_process(facts),
            ground(facts, Premise::NobodyElse),
            ground(facts, Premise::NothingResends),
        ];
        grounds.extend(without_refusals(facts));
        return Check::fail(ID, under_load.len() as u64, first.clone(), findings).resting_on(grounds);
    }
    let Some(now) = &observed.stats.stats else {
        return Check::not_tested(ID, "the target has no counters that can be read");
    };
    if !facts.counts_on() {
        examined.observations.extend(set_back(facts, before, now));
        return Check::not_tested(ID, facts.why_not_counted_on());
    }
    if !facts.is_at_rest() {
        return Check::unknown(ID, 0, "the target was not at rest");
    }
    if !facts.counters_rest() {
        return never_rested(facts);
    }
    let promised = evidence.promises.received;
    let region = region(facts);
    let deltas = Deltas::between(before, now).of_our_own(&evidence.promises);
    if [deltas.received, deltas.unique, deltas.duplicates].iter().all(Option::is_none) {
        return Check::not_tested(ID, "the target has no counters");
    }
    examined.slack = Some(slack(&region, deltas));
    let firm = is_firm(evidence);
    let mut breaks = region.breaks(&deltas, promised);
    if !firm {
        breaks.retain(|broken| broken.bound == Bound::Below);
    }
    if breaks.is_empty() {
        return Check::pass(ID, format!("{}{}", holds(facts, &region, firm), compared(evidence)));
    }
    if breaks.iter().any(|broken| broken.bound != Bound::Above) {
        let grounds = [Premise::Counters, Premise::NothingWaits].map(|premise| ground(facts, premise));
        return broken(ID, &breaks).resting_on(grounds.to_vec());
    }
    facts.if_all_is_known(excess(facts, examined, &region, before, &breaks))
}

/// Tells of counters that do not fit the ledger, where nobody said whether they survive a restart.
fn set_back(facts: &Facts<'_>, before: &Counters, now: &Counters) -> Option<Observation> {
    let promises = &facts.evidence.promises;
    let deltas = Deltas::between(before, now).of_our_own(promises);
    let first = region(facts).breaks(&deltas, promises.received).into_iter().next();
    let first = first.filter(|_| promises.counters.is_none() && facts.counters_rest())?;
    Some(Observation::Unpromised { summary: first.detail, premise: Premise::Counters })
}

/// Counters that moved on although all rows were there. Nothing can be compared with them.
fn never_rested(facts: &Facts<'_>) -> Check {
    let moved = "the counters still moved at the last look";
    let check = Check::fail(CheckId::Counters, 1, moved, vec![Finding::plain(moved.to_owned())]);
    check.resting_on(vec![
        ground(facts, Premise::Counters),
        ground(facts, Premise::NobodyElse),
        Ground::refuted(Premise::NothingWaits, moved),
    ])
}

/// Judges counters that grew by a multiple of what was sent: each event was counted several times.
/// Neither a delay nor an estimate explains that. Another writer does who sent as much.
///
/// For example, 20,000 events were sent, and received grew by 80,000.
fn counted_over(facts: &Facts<'_>, before: &Counters, examined: &mut Examined) -> Option<Check> {
    const ID: CheckId = CheckId::Counters;
    let promises = &facts.evidence.promises;
    let now = facts.evidence.observed.stats.stats.as_ref()?;
    if promises.is_shared() || !facts.counters_rest() {
        return None;
    }
    let region = region(facts);
    let deltas = Deltas::between(before, now);
    let breaks = region.breaks(&deltas, promises.received);
    let over: Vec<&Break> = breaks.iter().filter(|broken| broken.factor.is_some()).collect();
    if over.is_empty() {
        return None;
    }
    let details: Vec<&str> = over.iter().map(|broken| broken.detail.as_str()).collect();
    let summary = details.join("; ");
    let others = foreign(facts);
    if may_explain(&others) {
        return Some(Check::unknown(ID, 1, format!("{summary}; {THEIRS}")));
    }
    // Their rows may explain it.
    if matches!(others, Foreign::Later(_)) {
        return None;
    }
    examined.slack = Some(slack(&region, deltas));
    let counters = match facts.counts_on() {
        true => Ground::shown(
            Premise::Counters,
            "they count from one start, and each event the same number of times",
        ),
        false => ground(facts, Premise::Counters),
    };
    let mut grounds = vec![ground(facts, Premise::NobodyElse), counters];
    grounds.extend(promises.may_resend().then(|| ground(facts, Premise::NothingResends)));
    let findings = over.iter().map(|broken| Finding::plain(broken.detail.clone())).collect();
    let check = Check::fail(ID, over.len() as u64, summary, findings).resting_on(grounds);
    Some(facts.if_all_is_known(check))
}

/// Explanation of counters by rows of others.
const THEIRS: &str = "rows that this run did not send may explain it";

/// Returns true if rows of others may be what counters have beyond the run.
fn may_explain(others: &Foreign) -> bool {
    matches!(others, Foreign::Appeared(_) | Foreign::Counted(_) | Foreign::Undated(_))
}

/// Bounds that the ledger leaves to the counters.
fn region(facts: &Facts<'_>) -> Region {
    let promised = facts.evidence.promises.received;
    // Which attempts were executed is told by a view that shows everything.
    let shows_all = [Premise::Whole, Premise::Fresh].iter().all(|premise| ground(facts, *premise).holds());
    Region::of(&facts.tally.keys, &facts.tally.sums, facts.tells_presence() && shows_all, promised)
        .with_stored_again(facts.tally.ages.stored_again())
}

fn slack(region: &Region, deltas: Deltas) -> CounterSlack {
    let Region { received, unique, duplicates, .. } = *region;
    CounterSlack { received, unique, duplicates, deltas }
}

/// Returns true if upper bounds hold: nobody else writes, and nothing was waiting before the run.
fn is_firm(evidence: &Evidence) -> bool {
    evidence.baseline.as_ref().is_some_and(Baseline::is_firm) && !evidence.promises.is_shared()
}

/// Lists the faults of the counters under load: a snapshot that does not add up, a counter that is
/// too high, or one that was behind for longer than promised.
fn under_load(facts: &Facts<'_>, before: &Counters, examined: &mut Examined) -> Vec<String> {
    let evidence = facts.evidence;
    let torn = torn(evidence, before);
    let is_snapshot = evidence.promises.stats == Some(StatsPromise::Snapshot);
    if let Some(summary) = torn.clone().filter(|_| evidence.promises.stats.is_none()) {
        examined.observations.push(Observation::Unpromised { summary, premise: Premise::Counters });
    }
    let mut broken: Vec<String> = torn.filter(|_| is_snapshot).into_iter().collect();
    let loads = || evidence.polled.iter().filter_map(|polled| polled.under_load.as_ref());
    let others_wrote = may_explain(&foreign(facts));
    // What is sent again on the way is received more often than we sent it.
    if is_firm(evidence) && !others_wrote && !evidence.promises.may_resend() {
        broken.extend(loads().flat_map(|load| load.above.iter().flatten().cloned()));
    }
    // Counters that were set back by a restart are not behind.
    let are_set_back = !evidence.promises.counts_on() && !facts.counts_on();
    for lag in loads().filter_map(UnderLoad::lag).filter(|_| !are_set_back) {
        match evidence.promises.stats_lag {
            Some(promised) if u128::from(lag.nanos) >= promised.as_nanos() => broken.push(lag.detail.clone()),
            Some(_) => {}
            None => examined.observations.push(Observation::Lag { detail: lag.detail.clone() }),
        }
    }
    broken
}

/// Describes counters under load that are no snapshot, where the counters at rest add up.
fn torn(evidence: &Evidence, before: &Counters) -> Option<String> {
    let is_of_accepted = matches!(evidence.promises.received, None | Some(Received::Accepted));
    let adds_up = |counters: &Counters| counters.adds_up() == Some(true);
    let now = evidence.observed.stats.stats.as_ref();
    let torn = evidence.polled.iter().find_map(|polled| polled.torn.as_ref());
    let torn = torn.filter(|_| is_of_accepted && adds_up(before) && now.is_none_or(adds_up))?;
    Some(format!(
        "a poll under load said received {}, unique {}, duplicates {}, waiting {}, which does not add up",
        torn.received?,
        torn.unique?,
        torn.duplicates?,
        torn.backlog()
    ))
}

/// Judges counters that are too high, and add up. They are a fault if the closing poll says the
/// same. If they grew later, another writer explains them.
fn excess(
    facts: &Facts<'_>,
    examined: &mut Examined,
    region: &Region,
    before: &Counters,
    breaks: &[Break],
) -> Check {
    const ID: CheckId = CheckId::Counters;
    let evidence = facts.evidence;
    let promised = evidence.promises.received;
    if may_explain(&foreign(facts)) {
        let detail = &breaks[0].detail;
        return Check::unknown(ID, 1, format!("{detail}; {THEIRS}"));
    }
    let Some(closing) = facts.closing() else {
        return Check::unknown(
            ID,
            1,
            format!(
                "{}; the counters were not read when the run ended, so another writer may explain it",
                breaks[0].detail
            ),
        );
    };
    let at_close = Deltas::between(before, &closing);
    let closing_breaks = region.breaks(&at_close, promised);
    if closing_breaks.iter().any(|broken| broken.bound == Bound::Above) {
        return broken(ID, breaks).resting_on(grounds_of_excess(facts));
    }
    let listing = &evidence.observed.listing;
    let others = facts.listed_before().map(|before| listing.foreign.count.saturating_sub(before.rows));
    let growth =
        evidence.observed.stats.stats.as_ref().and_then(|now| now.unique?.checked_sub(closing.unique?));
    if facts.tells_presence()
        && listing.all_topics
        && others.is_some()
        && others == growth
        && growth > Some(0)
    {
        // The rows that came later are another writer's, so the closing poll decides.
        if closing_breaks.is_empty() {
            examined.slack = examined.slack.take().map(|slack| CounterSlack { deltas: at_close, ..slack });
            return Check::pass(ID, format!("when the run ended, {}", holds(facts, region, true)));
        }
    }
    let detail = format!("{}; it grew after the run", breaks[0].detail);
    let findings = vec![Finding::plain(detail.clone())];
    Check::fail(ID, 1, detail, findings).resting_on(grounds_of_excess(facts))
}

/// Grounds on which nothing but the target explains counters that are too high.
fn grounds_of_excess(facts: &Facts<'_>) -> Vec<Ground> {
    let premises = [Premise::NobodyElse, Premise::Counters, Premise::NothingWaits];
    let grounds = premises.map(|premise| ground(facts, premise)).into_iter();
    grounds.chain(without_refusals(facts)).collect()
}

/// Ground on which nothing was stored by requests that were refused, if any were.
fn without_refusals(facts: &Facts<'_>) -> Option<Ground> {
    (facts.tally.sums.rejected > 0).then(|| ground(facts, Premise::RefusedWithoutEffect))
}

fn holds(facts: &Facts<'_>, region: &Region, firm: bool) -> String {
    let slack = region.received.slack();
    match (firm, slack) {
        (false, _) => {
            "at least the acknowledged events are counted (no upper bound: others write, or the baseline \
             was not at rest)"
                .to_owned()
        }
        (true, 0) => "exactly the events sent are counted".to_owned(),
        (true, _) if slack > facts.tally.sums.uncertain() => format!(
            "within the bounds that {} leave",
            counted(slack, "unknown or rejected attempt", "unknown or rejected attempts")
        ),
        (true, _) => {
            format!("within the bounds that {} leave", counted(slack, "unknown attempt", "unknown attempts"))
        }
    }
}

/// Number of polls under load that agree with the ledger as well, in words.
fn compared(evidence: &Evidence) -> String {
    let loads = evidence.polled.iter().filter_map(|polled| polled.under_load.as_ref());
    match loads.map(|load| load.compared).sum() {
        0 => String::new(),
        answers => format!("; {} under load agreed", counted(answers, "poll", "polls")),
    }
}

fn broken(id: CheckId, breaks: &[Break]) -> Check {
    let findings = breaks.iter().map(|broken| Finding::plain(broken.detail.clone())).collect();
    Check::fail(id, breaks.len() as u64, breaks[0].detail.clone(), findings)
}
