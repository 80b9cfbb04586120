//! Checks of single rows.

use truth::observed::counters::Counters;
use truth::observed::looks::KeyHistory;
use truth::observed::rows::{AnomalyClass, CONTENTS, Contents};
use truth::observed::topics::Leak;
use truth::observed::{Observed, Route};
use truth::record::baseline::ListedBaseline;

use crate::checks::unaccounted::Unaccounted;
use crate::facts::Facts;
use crate::numbers::{counted, enumerated};
use crate::premises::ground;
use crate::verdict::{Check, CheckId, Doubt, Examined, Finding, Ground, Observation, Premise, SHOWN_KEYS};

/// Looks for rows that this run did not store. An id that is not of this run needs a listing before
/// it.
pub(super) fn stranger(facts: &Facts<'_>, unaccounted: &Unaccounted, examined: &mut Examined) -> Check {
    const ID: CheckId = CheckId::Stranger;
    let listing = &facts.evidence.observed.listing;
    if !listing.offered || listing.unread.is_some() {
        return Check::not_tested(ID, "the target shows no events");
    }
    if facts.evidence.missing_shards > 0 {
        return Check::not_tested(ID, "the keys of the missing shards are unknown");
    }
    let mut count = listing.never_planned;
    let mut findings = Vec::new();
    if unaccounted.unattempted > 0 && facts.may_lack_the_end() {
        examined.doubts.push(Doubt::Unattempted { keys: unaccounted.unattempted });
    } else {
        count += unaccounted.unattempted;
        let shown = unaccounted.unattempted_keys.iter().take(SHOWN_KEYS);
        findings.extend(
            shown.map(|ordinal| facts.finding(*ordinal, "listed, though no attempt of it ever left")),
        );
    }
    findings.extend(examples(facts, AnomalyClass::NeverPlanned));
    let is_table = listing.route == Route::Database;
    match foreign(facts) {
        // Rows that a table has gained are told by `rows_of_others`: they may be the target's own.
        Foreign::Uncounted(_) | Foreign::Undated(_) if is_table => {}
        Foreign::Appeared(_) | Foreign::Later(_) if is_table && facts.is_alone() => {}
        Foreign::Appeared(rows) | Foreign::Uncounted(rows) => {
            count += rows;
            findings.extend(examples(facts, AnomalyClass::Foreign));
        }
        Foreign::Counted(rows) => examined.doubts.push(Doubt::OtherWriter { rows }),
        Foreign::Later(rows) if facts.is_alone() => examined.doubts.push(Doubt::ForeignLater { rows }),
        Foreign::Later(events) => examined.observations.push(Observation::StoredByOthers { events }),
        Foreign::Undated(rows) => examined.doubts.push(Doubt::ForeignUndated { rows }),
        Foreign::None => {}
    }
    if count == 0 {
        return Check::pass(ID, none_appeared(listing.rows, listing.foreign.count));
    }
    Check::fail(ID, count, counted(count, "row was never sent", "rows were never sent"), findings)
}

/// Returns the summary of a listing without a finding. Rows of others are left out of its number.
fn none_appeared(rows: u64, foreign: u64) -> String {
    let of_the_run = counted(rows.saturating_sub(foreign), "row", "rows");
    match foreign {
        0 => format!("none of {of_the_run} appeared without an attempt"),
        _ => {
            let others = counted(foreign, "row is not of this run", "rows are not of this run");
            format!("none of {of_the_run} of this run appeared without an attempt; {others}")
        }
    }
}

/// Origin of the rows that are not of this run.
pub(super) enum Foreign {
    /// No rows beyond those of before.
    None,
    /// New rows of the time of the run, of a target to which nobody else writes.
    Appeared(u64),
    /// New rows that the unique count leaves out.
    Uncounted(u64),
    /// New rows that it counts, from before the closing poll or of an unknown time.
    Counted(u64),
    /// New rows that may be from after the closing poll.
    Later(u64),
    /// Rows of an unknown time.
    Undated(u64),
}

pub(super) fn foreign(facts: &Facts<'_>) -> Foreign {
    let listing = &facts.evidence.observed.listing;
    if facts.evidence.promises.is_shared() || !facts.tells_presence() || listing.foreign.count == 0 {
        return Foreign::None;
    }
    match (facts.is_alone(), facts.listed_before()) {
        (true, Some(before)) => foreign_beside(facts, before),
        (false, _) if !listing.all_topics => Foreign::None,
        (false, Some(before)) => foreign_among(facts, before),
        (_, None) => foreign_undated(facts),
    }
}

/// Origin of rows of a target that was not listed before the run. As many as it counted then may be
/// older than the run.
fn foreign_undated(facts: &Facts<'_>) -> Foreign {
    let older = match counted_before(facts) {
        // Such a count does not tell how much was stored before.
        Some(_) if !facts.evidence.promises.counts_on() => return Foreign::None,
        Some(before) => before,
        None if facts.is_alone() => 0,
        None => return Foreign::None,
    };
    match facts.evidence.observed.listing.foreign.count.saturating_sub(older) {
        0 => Foreign::None,
        extra => Foreign::Undated(extra),
    }
}

/// Origin of rows where it is promised that nobody else writes. What the target has stored since the
/// closing poll may be of a later run.
fn foreign_beside(facts: &Facts<'_>, before: ListedBaseline) -> Foreign {
    let appeared = facts.evidence.observed.listing.foreign.count.saturating_sub(before.foreign.count);
    let since_closing = unique(facts.evidence.observed.stats.stats.as_ref())
        .zip(unique(facts.closing().as_ref()))
        .map(|(now, closing)| now.saturating_sub(closing))
        .filter(|_| ground(facts, Premise::Counters).holds());
    match appeared.saturating_sub(since_closing.unwrap_or(appeared)) {
        0 if appeared == 0 => Foreign::None,
        0 => Foreign::Later(appeared),
        rows if was_shown_before(facts) => Foreign::Appeared(rows),
        rows => Foreign::Undated(rows),
    }
}

/// Origin of rows where others may write.
fn foreign_among(facts: &Facts<'_>, listed_before: ListedBaseline) -> Foreign {
    let listing = &facts.evidence.observed.listing;
    let now = unique(facts.evidence.observed.stats.stats.as_ref());
    let Some((before, now)) = counted_before(facts).zip(now) else { return Foreign::None };
    let extra = listing.foreign.count.saturating_sub(listed_before.rows);
    if facts.counts_on() && facts.counters_rest() {
        // What the target counts beyond our keys are theirs.
        let ours = facts.tally.keys.attempted().filter(|key| key.state.seen() > 0).count() as u64;
        let theirs = now.saturating_sub(before).saturating_sub(ours);
        if extra > theirs {
            return match was_shown_before(facts) {
                true => Foreign::Uncounted(extra - theirs),
                false => Foreign::Undated(extra - theirs),
            };
        }
    }
    let since_closing = unique(facts.closing().as_ref()).map_or(0, |closing| now.saturating_sub(closing));
    match extra {
        0 => Foreign::None,
        later if later <= since_closing => Foreign::Later(later),
        during => Foreign::Counted(during),
    }
}

/// Returns true if a row that was there before the run was shown then, once.
fn was_shown_before(facts: &Facts<'_>) -> bool {
    !may_be_repeated(facts) && ground(facts, Premise::Whole).holds()
}

/// Number of events that the target counted before the run.
fn counted_before(facts: &Facts<'_>) -> Option<u64> {
    unique(facts.evidence.baseline.as_ref()?.stats.as_ref())
}

fn unique(counters: Option<&Counters>) -> Option<u64> {
    counters.and_then(|counters| counters.unique)
}

/// Returns true if a row may be listed on two pages.
fn may_be_repeated(facts: &Facts<'_>) -> bool {
    facts.evidence.observed.listing.pages > 1 && !facts.evidence.rows_have_an_order
}

/// Tells of rows of others that the database has gained during the run. They may be of another
/// writer, or stored by the target for its own use.
pub fn rows_of_others(facts: &Facts<'_>, examined: &mut Examined) {
    let held = facts.evidence.observed.database.as_ref().filter(|database| database.unread.is_none());
    let before = facts.evidence.baseline.as_ref().and_then(|baseline| baseline.stored);
    let Some((held, before)) = held.zip(before) else { return };
    let rows = held.foreign.count.saturating_sub(before.foreign.count);
    match (rows, facts.is_alone()) {
        (0, _) => {}
        (rows, true) => examined.doubts.push(Doubt::OthersInTable { rows }),
        (rows, false) => examined.observations.push(Observation::OthersInDatabase { rows }),
    }
}

/// Looks for ids of one topic's key under another topic.
pub fn wrong_topic(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::WrongTopic;
    let listing = &facts.evidence.observed.listing;
    if !listing.offered || listing.unread.is_some() {
        return Check::not_tested(ID, "the target shows no events");
    }
    match listing.wrong_topic {
        0 => Check::pass(ID, "every listed key is under its own topic"),
        count => {
            let summary = counted(
                count,
                "row is under a topic that is not its own",
                "rows are under topics that are not their own",
            );
            Check::fail(ID, count, summary, examples(facts, AnomalyClass::WrongTopic))
        }
    }
}

/// Looks for rows of another topic in a topic's listing. It is certain if the target heeds the
/// topic at all: not all pages are alike.
pub fn scope_leak(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::ScopeLeak;
    let Some(scope) = &facts.evidence.observed.listing.scope else {
        return Check::not_tested(
            ID,
            "the target cannot be asked for one topic, or shows the same under each",
        );
    };
    let asked = counted(u64::from(scope.asked), "topic", "topics, one of them unused,");
    if scope.leaked == 0 {
        let rows = counted(scope.rows, "row", "rows");
        return Check::pass(
            ID,
            format!("the first pages of {asked} show {rows}, each of the topic that was asked for"),
        );
    }
    let finding = |leak: &Leak| Finding {
        topic: Some(leak.topic.clone()),
        event_id: Some(leak.event_id.clone()),
        ..Finding::plain(format!("shown when asked for topic `{}`", leak.asked))
    };
    let summary =
        counted(scope.leaked, "row is shown under another topic", "rows are shown under other topics");
    Check::fail(ID, scope.leaked, summary, scope.examples.iter().map(finding).collect())
}

/// Looks for rows that the listing repeats at page borders, and for keys that come and go. Neither
/// says anything of what is stored.
pub(super) fn listing_unsound(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::ListingUnsound;
    let Observed { listing, looks, .. } = &facts.evidence.observed;
    if !listing.offered || listing.unread.is_some() {
        return Check::not_tested(ID, "the target shows no events");
    }
    // Until it has to be shown, a key may come and go.
    let promises = &facts.evidence.promises;
    let due = promises.visible.unwrap_or_default() + promises.drain.unwrap_or_default();
    let is_missed = |key: &&KeyHistory| {
        key.flickers() && key.last_missed_ms.is_some_and(|ms| u128::from(ms) > due.as_millis())
    };
    let come_and_go: Vec<u64> = looks.missing.iter().filter(is_missed).map(|key| key.ordinal).collect();
    // Where keys are forgotten, both rows of a key are there, and may stand at a border.
    let is_forgetful = promises.window.is_some() || promises.merge.is_some_and(|merge| !merge.is_zero());
    let border_repeats = if is_forgetful { 0 } else { looks.border_repeats };
    let count = border_repeats + come_and_go.len() as u64;
    if count == 0 {
        return Check::pass(ID, "no row is repeated at a page border, and no key comes and goes");
    }
    let mut parts = Vec::new();
    if border_repeats > 0 {
        let rows = counted(border_repeats, "row is", "rows are");
        parts.push(format!("{rows} shown at the end of a page and again on the next page of the listing"));
    }
    if !come_and_go.is_empty() {
        let keys = counted(come_and_go.len() as u64, "key comes", "keys come");
        parts.push(format!("{keys} and go between looks"));
    }
    let found = |ordinal: &u64| facts.finding(*ordinal, "shown by one look, and not by the next");
    let findings = come_and_go.iter().take(SHOWN_KEYS).map(found).collect();
    let mut grounds = match facts.evidence.listing_drains {
        // A queue has no order, and may give a row again.
        true => vec![given_again(facts)],
        false => vec![ground(facts, Premise::RowsInOrder)],
    };
    let others: &[Premise] = match border_repeats {
        // Until it has to be shown, a key that waits may come and go.
        0 => &[Premise::Whole, Premise::Fresh, Premise::NothingWaits],
        _ if facts.evidence.listing_drains => &[],
        _ => &[Premise::CopiesSettled],
    };
    grounds.extend(others.iter().map(|premise| ground(facts, *premise)));
    Check::fail(ID, count, parts.join("; "), findings).resting_on(grounds)
}

/// Ground on which two rows of a queue are two that it stores.
fn given_again(facts: &Facts<'_>) -> Ground {
    let settled = ground(facts, Premise::CopiesSettled);
    match settled.holds() {
        true => settled,
        false => Ground::assumed_though(
            Premise::CopiesSettled,
            "a queue may give a row twice: `row` under `[target.listing.fields]` names each row, so that it counts \
             once",
        ),
    }
}

/// Looks for rows of others that were listed before the run and are gone. Both listings have to be
/// complete, and nobody else may write.
pub fn foreign_lost(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::ForeignLost;
    let evidence = facts.evidence;
    let listing = &evidence.observed.listing;
    if listing.route == Route::Database {
        return Check::not_tested(ID, "rows of others in the table are not judged");
    }
    let Some(before) = facts.listed_before().filter(|before| before.foreign.count > 0) else {
        return Check::not_tested(ID, "no rows of others were listed before the run");
    };
    if evidence.promises.is_shared() {
        return Check::not_tested(ID, "others write to the target, and may delete their rows");
    }
    if let Some(why) = facts.why_not_every_row() {
        return Check::not_tested(ID, why);
    }
    if !facts.is_at_rest() {
        return Check::not_tested(ID, "the target did not come to rest");
    }
    let was = before.foreign;
    let is = listing.foreign;
    let rows = counted(was.count, "row of others", "rows of others");
    let whole = match may_be_repeated(facts) {
        true => {
            Ground::assumed_though(Premise::Whole, "before the run, a row may have been listed on two pages")
        }
        false => ground(facts, Premise::Whole),
    };
    let grounds = vec![ground(facts, Premise::NobodyElse), whole];
    let finding = |gone, summary: String| Check::fail(ID, gone, summary, Vec::new()).resting_on(grounds);
    if is.count < was.count {
        let gone = was.count - is.count;
        return finding(gone, format!("of {rows} listed before the run, at least {gone} are gone"));
    }
    if is.count == was.count && is.sum != was.sum {
        return finding(
            1,
            format!("of {rows} listed before the run, some are gone and others are in their place"),
        );
    }
    Check::pass(ID, format!("{rows} listed before the run, and at least as many now"))
}

/// Looks for stored events that differ from those sent, under the promised equality. A row that
/// lacks a content which other rows show differs too.
pub fn payload_changed(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::PayloadChanged;
    let listing = &facts.evidence.observed.listing;
    if !listing.offered || listing.unread.is_some() {
        return Check::not_tested(ID, "the target shows no events");
    }
    let count = listing.payload_changed;
    if count > 0 {
        let summary = counted(
            count,
            "stored event differs from what was sent",
            "stored events differ from what was sent",
        );
        return Check::fail(ID, count, summary, examples(facts, AnomalyClass::PayloadChanged));
    }
    if listing.ours.count == 0 {
        return Check::not_tested(ID, "no row of this run is listed");
    }
    let contents = listing.shown();
    if contents.rows() == 0 {
        let why: Vec<String> = not_compared(&contents).iter().map(ToString::to_string).collect();
        return match why.as_slice() {
            [] => Check::not_tested(
                ID,
                "contents were not compared: the listing's fields name none that is sent, or the target does not \
                 promise to keep any",
            ),
            why => Check::not_tested(ID, why.join("; ")),
        };
    }
    let as_sent = counted(contents.rows(), "stored event is as sent", "stored events are as sent");
    let compared = contents.compared();
    // Values of the scenario's own are told only where there are some.
    let told = CONTENTS.len() - usize::from(contents.values.is_none());
    match compared.len() == told || listing.contents.is_none() {
        true => Check::pass(ID, as_sent),
        false => Check::pass(ID, format!("{as_sent} in {}", enumerated(&compared))),
    }
}

/// Lists the contents that could not be compared, if others could. Otherwise the check says it.
pub fn contents_not_compared(facts: &Facts<'_>) -> Vec<Observation> {
    let contents = facts.evidence.observed.listing.shown();
    if contents.rows() == 0 { Vec::new() } else { not_compared(&contents) }
}

/// Tells of keys that a listing of all rows leaves out, where nobody promised that it shows all.
pub fn left_out(facts: &Facts<'_>) -> Option<Observation> {
    let keys = facts.evidence.observed.looks.missing.iter().filter(|key| key.left_out).count() as u64;
    let left_out = counted(keys, "acknowledged key is", "acknowledged keys are");
    let summary = format!("{left_out} left out by the listing, and shown in other pages or by topic");
    let is_told = keys > 0 && !facts.evidence.listing_is_complete;
    is_told.then_some(Observation::Unpromised { summary, premise: Premise::Whole })
}

/// Tells of payloads that mean what was sent, and are spelt otherwise.
pub fn respelled(facts: &Facts<'_>) -> Option<Observation> {
    let rows = facts.evidence.observed.listing.shown().respelled;
    let spelt = counted(rows, "payload means what was sent and is", "payloads mean what was sent and are");
    let summary = format!("{spelt} spelt otherwise");
    (rows > 0).then_some(Observation::Unpromised { summary, premise: Premise::ToTheLetter })
}

fn not_compared(contents: &Contents) -> Vec<Observation> {
    let hidden = contents.hidden();
    let hidden = (!hidden.is_empty()).then_some(Observation::ContentsHidden { contents: hidden });
    let unclear = contents.unclear.clone();
    hidden.into_iter().chain(unclear.map(|example| Observation::TimestampsUnclear { example })).collect()
}

fn examples(facts: &Facts<'_>, class: AnomalyClass) -> Vec<Finding> {
    let anomalies = facts.evidence.observed.anomalies.iter().filter(|anomaly| anomaly.class == class);
    let finding = |anomaly: &truth::observed::rows::Anomaly| Finding {
        ordinal: anomaly.ordinal,
        topic: Some(anomaly.topic.clone()),
        event_id: Some(anomaly.event_id.clone()),
        ..Finding::plain(anomaly.detail.clone())
    };
    anomalies.take(SHOWN_KEYS).map(finding).collect()
}
