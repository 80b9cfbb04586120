//! Self-test: after each verdict, the judge plants one defect of each class in a slice of the run's
//! own evidence. The check that has to find it must fail. Verifiers rot silently; this one is
//! tested on every run.
//!
//! The slice is the last round with an acknowledged key of its own, and the keys that are new in it. Defects
//! are planted in the evidence (frames, rows, counters), so each passes through all code between
//! evidence and verdict.
//!
//! For example, the slice has 560 keys, all acknowledged and stored. The defect `loss` takes one
//! row away, and the checks are made on the slice again. If `lost` counts one key more than before,
//! the defect was seen.

mod defects;
mod slice;

use std::ops::Range;

use self::defects::{DEFECTS, Defect, OF_TWO_PAYLOADS};
use self::slice::{Cut, Slice, cut};
use crate::books::walk::WalkError;
use crate::checks::examine;
use crate::evidence::Evidence;
use crate::facts::Facts;
use crate::verdict::{Check, CheckId, Examined, Planted, Status};

/// Plants every defect in turn, and reports which were seen. `made` are the checks of the run
/// itself: a defect of a check that was not made is skipped.
pub fn prove(facts: &Facts<'_>, made: &[Check]) -> Result<Vec<Planted>, WalkError> {
    let planted = |defect: &Defect, seen: Option<bool>| Planted {
        defect: defect.name.to_owned(),
        check: defect.check,
        seen,
    };
    let of_two = facts.evidence.events.has_two_payloads().then_some(&OF_TWO_PAYLOADS);
    let defects = || DEFECTS.iter().chain(of_two);
    let Some(Cut { keys, slice }) = cut(facts)? else {
        return Ok(defects().map(|defect| planted(defect, None)).collect());
    };
    let sound = look(facts.evidence, &keys, &slice)?;
    let was_made =
        |name: CheckId| made.iter().any(|check| check.name == name && check.status != Status::NotTested);
    let prove_one = |defect: &Defect| {
        let before = find(&sound, defect.check)?;
        if before.status == Status::NotTested || !was_made(defect.check) {
            return None;
        }
        let mut damaged = slice.clone();
        (defect.plant)(facts.evidence, &mut damaged)?;
        let after = look(facts.evidence, &keys, &damaged);
        let after = after.ok().and_then(|examined| find(&examined, defect.check));
        Some(after.is_some_and(|after| after.status == Status::Fail && after.count > before.count))
    };
    Ok(defects().map(|defect| planted(defect, prove_one(defect))).collect())
}

fn find(examined: &Examined, name: CheckId) -> Option<Check> {
    examined.checks.iter().find(|check| check.name == name).cloned()
}

fn look(whole: &Evidence, keys: &Range<u64>, slice: &Slice) -> Result<Examined, WalkError> {
    let evidence = slice::evidence_of(whole, keys, slice);
    Ok(examine(&Facts::gather(&evidence)?))
}
