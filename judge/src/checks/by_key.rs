//! The checks that a key's byte and the order of its answers decide.

use std::collections::HashSet;

use truth::chain::chain;
use truth::observed::Route;
use truth::scenario::promises::Ack;

use crate::books::keys::Class;
use crate::checks::passed::{NAMED, passed};
use crate::facts::Facts;
use crate::history;
use crate::numbers::{counted, grouped};
use crate::verdict::{Check, Examined, Finding, SHOWN_KEYS};

/// Acknowledged, and absent.
pub fn lost(facts: &Facts<'_>) -> Check {
    const NAME: &str = "lost";
    let listing = &facts.evidence.observed.listing;
    if !listing.offered {
        return Check::not_tested(NAME, "the target shows no events");
    }
    if listing.unread.is_some() {
        return Check::unknown(NAME, 0, "the listing could not be read");
    }
    let passed = match passed(facts) {
        Ok(passed) => passed,
        Err(error) => return Check::unknown(NAME, 0, chain(&error)),
    };
    let is_told = |ordinal: &u64| {
        listing.tells_topic(facts.evidence.events.topic(*ordinal)) || passed.contains(ordinal)
    };
    let (all, _) = facts.tally.keys.of_class(Class::Lost, 0);
    let (count, keys) = facts.tally.keys.of_class_where(Class::Lost, SHOWN_KEYS, is_told);
    if all > 0 && !(count > 0 && facts.is_at_rest()) {
        let why = match listing.behind {
            Some(behind) => behind.why(),
            None if count > 0 => "the target is not at rest",
            None => "the listing is not the whole truth",
        };
        let absent = counted(all, "acknowledged key is", "acknowledged keys are");
        return Check::unknown(NAME, all, format!("{absent} not listed, but {why}"));
    }
    let acked = facts.attempts().acked_keys;
    if acked == 0 {
        return Check::not_tested(NAME, "no key was acknowledged");
    }
    if count == 0 {
        return Check::pass(
            NAME,
            format!("all {} are listed", counted(acked, "acknowledged key", "acknowledged keys")),
        );
    }
    let absent_from = match listing.route {
        Route::Api => "the listing",
        Route::Database => "the database",
    };
    let finding =
        |ordinal: &u64| facts.finding(*ordinal, format!("acknowledged, and absent from {absent_from}"));
    let summary = format!(
        "{} absent, out of {}; looked for {} ms",
        counted(count, "acknowledged key is", "acknowledged keys are"),
        grouped(acked),
        grouped(listing.looked_ms)
    );
    Check::fail(NAME, count, summary, keys.iter().map(finding).collect())
}

/// Lost, and the key that a careless target takes for it is there.
pub fn key_merged(facts: &Facts<'_>) -> Check {
    const NAME: &str = "key-merged";
    let (keys, twins) = (&facts.tally.keys, facts.tally.coverage.twin_keys);
    if twins.planned == 0 {
        return Check::not_tested(NAME, "no keys that differ little were sent ([traps] in the scenario)");
    }
    if !(facts.tells_presence() && facts.is_at_rest()) {
        return Check::not_tested(NAME, "the listing does not tell of every key whether it is there");
    }
    let events = &facts.evidence.events;
    let is_merged = |ordinal: u64| {
        let twin = ordinal ^ 1;
        events.twin(ordinal).is_some() && keys.contains(twin) && keys.get(twin).seen() > 0
    };
    let lost = keys.iter().filter(|(_, state)| state.is(Class::Lost)).map(|(ordinal, _)| ordinal);
    let merged: Vec<u64> = lost.filter(|ordinal| is_merged(*ordinal)).collect();
    if merged.is_empty() {
        let pairs = counted(twins.observed, "pair of keys that differ", "pairs of keys that differ");
        return Check::pass(NAME, format!("{pairs} little are told apart"));
    }
    let finding = |ordinal: &u64| {
        let twin = ordinal ^ 1;
        let (topic, id) = (events.topic(twin), events.id_text(twin));
        facts.finding(*ordinal, format!("acknowledged and absent, taken for key {twin} ({topic}, {id:?})"))
    };
    let count = merged.len() as u64;
    let summary = counted(count, "key is taken for another", "keys are taken for others");
    Check::fail(NAME, count, summary, merged.iter().take(SHOWN_KEYS).map(finding).collect())
}

/// Listed more than once.
pub fn stored_twice(facts: &Facts<'_>) -> Check {
    const NAME: &str = "stored-twice";
    let listing = &facts.evidence.observed.listing;
    if !listing.offered || listing.unread.is_some() {
        return Check::not_tested(NAME, "the target shows no events");
    }
    let (all, _) = facts.tally.keys.of_class(Class::StoredTwice, 0);
    let is_known = |ordinal: &u64| !facts.tally.ages.may_be_forgotten(*ordinal);
    let (count, keys) = facts.tally.keys.of_class_where(Class::StoredTwice, SHOWN_KEYS, is_known);
    if count == 0 {
        let mut summary = format!("no key is listed twice among {}", counted(listing.rows, "row", "rows"));
        if let Some(window) = facts.evidence.promises.window {
            let again = counted(all, "key was stored", "keys were stored");
            let window = truth::duration::format(window);
            summary.push_str(&format!(" for want of memory; {again} again after the promised {window}"));
        }
        return Check::pass(NAME, summary);
    }
    if !listing.bracketed {
        let sentence = format!(
            "{} more than once, but the target moved meanwhile",
            counted(count, "key was listed", "keys were listed")
        );
        return Check::unknown(NAME, count, sentence);
    }
    let finding = |ordinal: &u64| {
        let rows = facts.tally.keys.get(*ordinal).seen();
        facts.finding(*ordinal, format!("listed {rows}{} times", if rows == 3 { " or more" } else { "" }))
    };
    let keys_are = counted(count, "key is", "keys are");
    let how = match listing.route {
        Route::Api => "listed",
        Route::Database => "stored",
    };
    Check::fail(NAME, count, format!("{keys_are} {how} more than once"), keys.iter().map(finding).collect())
}

/// Listed without an attempt that can have stored it: those that were refused make `rejected-but-stored`, which is
/// returned second; the others are strangers, whose findings are returned first.
pub fn unaccounted(facts: &Facts<'_>, examined: &mut Examined) -> ((u64, Vec<Finding>), Check) {
    const NAME: &str = "rejected-but-stored";
    let listing = &facts.evidence.observed.listing;
    if !listing.offered || listing.unread.is_some() {
        return ((0, Vec::new()), Check::not_tested(NAME, "the target shows no events"));
    }
    if facts.evidence.missing_shards > 0 {
        let why = "keys of the missing shards cannot be told from strangers";
        return ((0, Vec::new()), Check::not_tested(NAME, why));
    }
    let (count, keys) = facts.tally.keys.of_class(Class::Unaccounted, NAMED);
    let named: HashSet<u64> = keys.iter().copied().collect();
    let refused = match history::rejected_among(facts.evidence, &named) {
        Ok(refused) => refused,
        Err(error) => {
            examined.doubts.push(format!("refused keys cannot be told: {}", chain(&error)));
            HashSet::new()
        }
    };
    let (stored, strange): (Vec<u64>, Vec<u64>) = keys.iter().partition(|ordinal| refused.contains(ordinal));
    let strangers = count - stored.len() as u64;
    let strange = strange.iter().take(SHOWN_KEYS);
    let findings =
        strange.map(|ordinal| facts.finding(*ordinal, "listed, though no attempt of it ever left")).collect();
    let check = if stored.is_empty() {
        let summary = match facts.tally.sums.rejected {
            0 => "nothing was rejected".to_owned(),
            rejected => {
                let attempts = counted(rejected, "rejected attempt", "rejected attempts");
                format!("none of {attempts} had an effect")
            }
        };
        Check::pass(NAME, summary)
    } else {
        let findings = stored.iter().take(SHOWN_KEYS);
        let findings =
            findings.map(|ordinal| facts.finding(*ordinal, "every attempt was rejected, yet it is stored"));
        let count = stored.len() as u64;
        Check::fail(
            NAME,
            count,
            counted(count, "rejected key is stored", "rejected keys are stored"),
            findings.collect(),
        )
    };
    ((strangers, findings), check)
}

/// Answers that a store which stores once cannot have given.
pub fn answer_order(facts: &Facts<'_>) -> Check {
    const NAME: &str = "answer-order";
    let (evidence, tally) = (facts.evidence, &facts.tally);
    if evidence.missing_shards > 0 {
        return Check::not_tested(NAME, "the answers of the missing shards are not known");
    }
    if evidence.promises.ack == Ack::Queued {
        return Check::not_tested(NAME, "an acknowledgement only promises to store later");
    }
    if evidence.promises.intermediary_resends {
        return Check::not_tested(NAME, "something between may send a request again");
    }
    let told = tally.sums.told_new + tally.sums.told_duplicate;
    if told == 0 {
        return Check::not_tested(NAME, "no answer tells new from duplicate");
    }
    let is_known = |ordinal: &u64| !tally.ages.may_be_forgotten(*ordinal);
    let (double, double_keys) = tally.keys.of_class_where(Class::DoubleNew, SHOWN_KEYS, is_known);
    let mut findings: Vec<Finding> = double_keys
        .iter()
        .map(|ordinal| facts.finding(*ordinal, "double-new: told to be new more than once"))
        .collect();
    let mut kinds = vec![("double-new", double)];
    // Real-time order needs one clock; that a key was new twice does not.
    if evidence.one_clock {
        let kinds_of_fault = [
            ("late-new", "told to be new after it had been acknowledged", &tally.order.late_new),
            (
                "phantom-duplicate",
                "told to be a duplicate before anything can have stored it",
                &tally.order.phantom_duplicate,
            ),
        ];
        // A key that may have been forgotten can be new again.
        let forgets = evidence.promises.window.is_some();
        for (name, detail, faults) in
            kinds_of_fault.into_iter().filter(|kind| !(forgets && kind.0 == "late-new"))
        {
            kinds.push((name, faults.count));
            let new_findings = faults.keys.iter().take(SHOWN_KEYS);
            findings.extend(new_findings.map(|ordinal| facts.finding(*ordinal, format!("{name}: {detail}"))));
        }
    }
    let count: u64 = kinds.iter().map(|(_, count)| count).sum();
    if count == 0 {
        let mut summary =
            format!("{} fit a store that stores once", counted(told, "told answer", "told answers"));
        if tally.sums.acked > told {
            summary.push_str(&format!("; {} did not tell", grouped(tally.sums.acked - told)));
        }
        if !evidence.one_clock {
            summary.push_str("; order in time is not judged across machines");
        }
        return Check::pass(NAME, summary);
    }
    let parts: Vec<String> = kinds
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{name} {}", grouped(*count)))
        .collect();
    let check =
        Check::fail(NAME, count, format!("answers contradict each other: {}", parts.join(", ")), findings);
    // What stored a key before its first attempt on record may be one that is not.
    if parts.len() == 1 && tally.order.phantom_duplicate.count == count {
        return facts.if_all_is_known(check);
    }
    check
}
