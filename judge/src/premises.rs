//! Premises of a run: how far each of them stands, from promises and evidence.

use truth::observed::Observed;
use truth::observed::looks::Look;
use truth::scenario::promises::{Conflict, PayloadEquality, Preset, Refused, Repeat, Unique};

use crate::facts::Facts;
use crate::numbers::{counted, grouped};
use crate::verdict::{Ground, Premise};

/// Status of a response that promises to store later.
pub(crate) const ACCEPTED: u16 = 202;

/// Sentence about a listing of one page. No run can show that it shows everything.
const ONE_PAGE: &str = "the listing is described as one page, and a row beyond it would be unseen, not lost";

/// Advice for a listing that may have more pages than are described.
const NEXT: &str = "if more pages follow, describe `next` under `[target.listing]`";

/// Every premise that does not depend on a key, in the order in which they are reported.
pub const ALL: [Premise; 20] = [
    Premise::Whole,
    Premise::Fresh,
    Premise::NothingWaits,
    Premise::CopiesSettled,
    Premise::NobodyElse,
    Premise::IdsUnused,
    Premise::Counters,
    Premise::Uptime,
    Premise::UniqueCountsRows,
    Premise::Words,
    Premise::Committed,
    Premise::NothingResends,
    Premise::OneClock,
    Premise::Atomic,
    Premise::RefusedWithoutEffect,
    Premise::TopicHeeded,
    Premise::RowsInOrder,
    Premise::RepeatAccepted,
    Premise::FirstStays,
    Premise::ToTheLetter,
];

/// Returns the ground of every premise, for all keys alike.
pub fn grounds(facts: &Facts<'_>) -> Vec<Ground> {
    ALL.iter().map(|premise| ground(facts, *premise)).collect()
}

/// Returns the ground of a premise, for all keys alike.
pub(crate) fn ground(facts: &Facts<'_>, premise: Premise) -> Ground {
    let promises = &facts.evidence.promises;
    let if_said = |is_said: bool| match is_said {
        true => Ground::promised(premise),
        false => Ground::assumed(premise),
    };
    match premise {
        Premise::Whole => whole(facts),
        Premise::Fresh => fresh(facts),
        Premise::NothingWaits => nothing_waits(facts),
        Premise::CopiesSettled => if_said(promises.merge.is_some()),
        Premise::NobodyElse => nobody_else(facts),
        Premise::IdsUnused => ids_unused(facts),
        Premise::Counters => counters(facts),
        Premise::Uptime => if_said(matches!(promises.preset, Some(Preset::Reference | Preset::Strict))),
        Premise::UniqueCountsRows => if_said(promises.unique == Some(Unique::Rows)),
        Premise::Words => Ground::promised_by(premise, "the scenario says what each response means"),
        Premise::Committed => match promises.is_queued() {
            true => Ground::refuted(premise, "`ack = \"queued\"` says that events are stored later"),
            false => if_said(promises.is_committed()),
        },
        Premise::NothingResends => match promises.may_resend() {
            true => Ground::refuted(premise, "`intermediary_resends = true` says so"),
            false => if_said(promises.intermediary_resends == Some(false)),
        },
        Premise::OneClock => match facts.evidence.one_clock {
            true => Ground::shown(premise, "all requests were timed in one boot of one machine"),
            false => Ground::refuted(premise, "the requests were timed by more than one machine or boot"),
        },
        Premise::Atomic => if_said(promises.is_atomic()),
        Premise::RefusedWithoutEffect => if_said(promises.refused == Some(Refused::NoEffect)),
        Premise::RowsInOrder if facts.evidence.listing_drains => {
            Ground::refuted(premise, "`drains = true` says that each row is shown once, in whatever order")
        }
        Premise::RowsInOrder => if_said(facts.evidence.rows_have_an_order),
        Premise::TopicHeeded => if_said(facts.evidence.topic_is_heeded),
        Premise::ToTheLetter => if_said(promises.payload == PayloadEquality::Exact),
        Premise::FirstStays => if_said(promises.conflict == Some(Conflict::FirstWins)),
        Premise::RepeatAccepted => if_said(promises.repeat == Some(Repeat::Accepted)),
    }
}

/// Ground on which a view shows everything. The run may demonstrate it for single keys: see
/// [`crate::bracket`].
fn whole(facts: &Facts<'_>) -> Ground {
    const WHOLE: Premise = Premise::Whole;
    if facts.reads_database() {
        return Ground::promised_by(WHOLE, "`[database]` reads what is stored");
    }
    if let Some(failure) = &facts.evidence.observed.looks.failed_read {
        return Ground::refuted(
            WHOLE,
            format!(
                "a read of a listing that drains failed, and the rows of its response may be gone: {failure}"
            ),
        );
    }
    if facts.evidence.listing_is_complete {
        return Ground::promised(WHOLE);
    }
    match (ends_early(facts), contradicted(facts)) {
        // A store that lost events ends as early.
        (Some(because), _) => Ground::assumed_though(WHOLE, because),
        (None, Some(because)) => Ground::refuted(WHOLE, because),
        (None, None) if facts.evidence.listing_is_one_page => {
            Ground::assumed_though(WHOLE, format!("{ONE_PAGE}; {NEXT}"))
        }
        (None, None) => Ground::assumed(WHOLE),
    }
}

/// Describes a listing that ends before all that the target counts.
pub(crate) fn ends_early(facts: &Facts<'_>) -> Option<String> {
    let Observed { listing, stats, looks, .. } = &facts.evidence.observed;
    let rows = counted(listing.rows, "row", "rows");
    let is_full =
        |look: &Look| look.pages == 1 && look.limit.is_some_and(|limit| u64::from(limit) == look.rows);
    if looks.looks.iter().rfind(|look| look.is_whole()).is_some_and(is_full) {
        return Some(format!(
            "the listing ended after one page of {rows}, as many as were asked for: the other rows may be \
             unseen, not lost; `next` under `[target.listing]` says how to go on"
        ));
    }
    let unique = stats.stats.as_ref()?.unique.filter(|unique| *unique > listing.rows)?;
    let next = if facts.evidence.listing_is_one_page { format!("; {NEXT}") } else { String::new() };
    Some(format!(
        "the listing ended after {rows}, and the target counts {}: the other rows may be unseen, not lost{next}",
        grouped(unique)
    ))
}

/// Describes looks that contradict each other, so that no look shows everything.
pub(crate) fn contradicted(facts: &Facts<'_>) -> Option<String> {
    let looks = &facts.evidence.observed.looks;
    let changed = looks.missing.iter().filter(|key| key.flickers()).count() as u64;
    if changed > 0 {
        return Some(format!("{} came and went between looks", counted(changed, "key", "keys")));
    }
    if looks.more_by_topic {
        return Some("a topic that was asked for by itself showed more than the listing of all".to_owned());
    }
    let skipped = looks.missing.iter().filter(|key| key.is_skipped()).count() as u64;
    if skipped > 0 && !facts.reads_database() {
        let keys = counted(skipped, "key is", "keys are");
        return Some(format!(
            "{keys} shown in pages of one size and not in those of another: the cursor leaves rows out"
        ));
    }
    let apart = looks.copies.iter().filter(|copies| copies.within == 0).count() as u64;
    if apart > 0 {
        let keys = counted(apart, "key stands", "keys stand");
        return Some(format!(
            "{keys} on more than one page: a cursor that repeats rows may leave others out"
        ));
    }
    (looks.shrank && looks.gone_count == 0).then(|| "a look showed fewer keys than one before it".to_owned())
}

fn fresh(facts: &Facts<'_>) -> Ground {
    const FRESH: Premise = Premise::Fresh;
    let Observed { listing, looks, .. } = &facts.evidence.observed;
    // What still appears may be there soon, whatever was promised.
    if let Some(behind) = listing.behind {
        return Ground::refuted(FRESH, behind.why());
    }
    if facts.evidence.promises.visible.is_some() {
        return visible(facts);
    }
    if facts.reads_database() {
        return Ground::promised_by(FRESH, "`[database]` reads what is stored");
    }
    if let Some(age) = age_in_a_cache(facts) {
        return Ground::refuted(FRESH, format!("a cache answered, with rows up to {age} s old"));
    }
    match looks.went_back {
        true => Ground::refuted(FRESH, "a look was older than the one before it"),
        false => Ground::assumed(FRESH),
    }
}

/// Largest age of a response that a cache gave, in seconds.
fn age_in_a_cache(facts: &Facts<'_>) -> Option<u64> {
    facts.evidence.observed.looks.http_age.filter(|age| *age > 0)
}

/// Ground on which rows are shown within the promised time.
fn visible(facts: &Facts<'_>) -> Ground {
    let promises = &facts.evidence.promises;
    let Observed { stats, listing, looks, .. } = &facts.evidence.observed;
    let whole = looks.looks.iter().rev().find(|look| look.is_whole());
    let looked = whole.map_or(stats.waited_ms.max(listing.looked_ms), |look| look.to_ms);
    let due = promises.visible.unwrap_or_default() + promises.drain.unwrap_or_default();
    match u128::from(looked) >= due.as_millis() {
        true => Ground::promised(Premise::Fresh),
        false => Ground::refuted(
            Premise::Fresh,
            format!("only {} ms of the promised time passed", grouped(looked)),
        ),
    }
}

/// Returns true if nothing moved for three times the longest time that a key was late.
pub(crate) fn outlasted_lag(facts: &Facts<'_>) -> bool {
    let looks = &facts.evidence.observed.looks;
    looks.lag_ms.is_none_or(|lag| looks.quiet_ms >= lag.saturating_mul(3))
}

fn nothing_waits(facts: &Facts<'_>) -> Ground {
    const WAITS: Premise = Premise::NothingWaits;
    let promises = &facts.evidence.promises;
    let stats = &facts.evidence.observed.stats;
    if !facts.is_at_rest() {
        let waiting = stats.stats.as_ref().map_or(0, |stats| stats.backlog());
        return Ground::refuted(
            WAITS,
            match waiting {
                0 => "the counters still moved at the last look".to_owned(),
                waiting => format!("{} still waited", counted(waiting, "event", "events")),
            },
        );
    }
    if promises.is_committed() {
        return Ground::promised_by(WAITS, "`ack = \"committed\"`");
    }
    if let Some(drain) = promises.drain {
        let waited = stats.waited_ms.max(facts.evidence.observed.listing.looked_ms);
        let drain_ms = drain.as_millis();
        return match u128::from(waited) >= drain_ms {
            true => Ground::promised_by(WAITS, format!("`drain`, and {} ms passed", grouped(waited))),
            false => {
                Ground::refuted(WAITS, format!("only {} ms of the promised drain passed", grouped(waited)))
            }
        };
    }
    if let Some(later) = facts.tally.statuses.get(&ACCEPTED).filter(|later| **later > 0) {
        let responses = counted(*later, "response was", "responses were");
        return Ground::refuted(WAITS, format!("{responses} 202, which promises to store later"));
    }
    if promises.is_queued() {
        return Ground::refuted(WAITS, "`ack = \"queued\"` says that events are stored later");
    }
    if let Some(visible) = promises.visible {
        let visible = truth::duration::format(visible);
        return Ground::promised_by(
            WAITS,
            format!("what was acknowledged is stored and shown within {visible}"),
        );
    }
    let came = facts.evidence.observed.listing.missing_at_first.saturating_sub(facts.absent);
    if came > 0 {
        return Ground::refuted(WAITS, format!("{} shown late", counted(came, "key was", "keys were")));
    }
    Ground::shown(WAITS, "no response was 202, and no key was shown late")
}

fn nobody_else(facts: &Facts<'_>) -> Ground {
    const ELSE: Premise = Premise::NobodyElse;
    let moved_before = facts.evidence.baseline.as_ref().is_some_and(|baseline| baseline.moving);
    match facts.evidence.promises.shared {
        Some(false) => Ground::promised(ELSE),
        Some(true) => Ground::refuted(ELSE, "`shared = true` says that others write"),
        None if moved_before => Ground::refuted(ELSE, "the counters moved before the run"),
        None if facts.is_at_rest() && !facts.counters_rest() => {
            Ground::refuted(ELSE, "the counters moved on after the rows had come to rest")
        }
        None => Ground::assumed(ELSE),
    }
}

fn ids_unused(facts: &Facts<'_>) -> Ground {
    const UNUSED: Premise = Premise::IdsUnused;
    match facts.rows_of_ours_before() {
        0 => Ground::shown(UNUSED, "the run made new ids"),
        rows => {
            let rows = counted(rows, "row", "rows");
            Ground::refuted(UNUSED, format!("{rows} of this run's ids were listed before it"))
        }
    }
}

fn counters(facts: &Facts<'_>) -> Ground {
    let promises = &facts.evidence.promises;
    let due = promises.stats_lag.unwrap_or_default() + promises.drain.unwrap_or_default();
    let waited = facts.evidence.observed.stats.waited_ms;
    if promises.stats_lag.is_some() && u128::from(waited) < due.as_millis() {
        let because = format!("only {} ms of the promised lag passed", grouped(waited));
        return Ground::refuted(Premise::Counters, because);
    }
    match facts.evidence.promises.counts_on() || facts.counts_on() {
        true => counters_of_one_process(facts),
        false => several_processes(facts).unwrap_or_else(|| Ground::assumed(Premise::Counters)),
    }
}

/// Ground that counters refute which alternate, where nobody promised that all processes share them.
fn several_processes(facts: &Facts<'_>) -> Option<Ground> {
    let is_seen = facts.evidence.observed.looks.counters_went_back && !facts.evidence.promises.counts_on();
    let why = "the counters went back to what they had been: several processes answer, or a cache";
    is_seen.then(|| Ground::refuted(Premise::Counters, why))
}

/// Ground on which counters are exact, where one process is known to have answered, or restarts
/// lose nothing.
pub(crate) fn counters_of_one_process(facts: &Facts<'_>) -> Ground {
    let promises = &facts.evidence.promises;
    if let Some(ground) = several_processes(facts) {
        return ground;
    }
    match age_in_a_cache(facts) {
        _ if promises.stats.is_some() || promises.stats_lag.is_some() => Ground::promised(Premise::Counters),
        Some(age) => {
            Ground::refuted(Premise::Counters, format!("a cache answered, with counts up to {age} s old"))
        }
        None => Ground::assumed(Premise::Counters),
    }
}
