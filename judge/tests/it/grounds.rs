//! Grounds that people read: what the table of all premises says beside a finding, and remedies that
//! fit the listing.

use judge::judge;
use judge::verdict::{CheckId, Premise, Standing};

use crate::premises::{assert_open, undeclared};

#[test]
fn a_premise_that_stands_otherwise_for_a_finding_says_so() {
    let mut forged = undeclared();
    let middle = forged.key_where(|attempts| matches!(attempts, [(3, _, _)]));
    forged.lose(middle);
    let verdict = forged.verdict();
    let whole = verdict.premises.iter().find(|ground| ground.premise == Premise::Whole).unwrap();
    assert_eq!(whole.standing, Standing::Assumed);
    assert!(
        whole.because.contains("; shown for the findings of `lost`: its topic shows"),
        "{}",
        whole.because
    );
    let sound = undeclared().verdict();
    assert!(sound.premises.iter().all(|ground| !ground.because.contains("for the findings of")));
}

#[test]
fn a_listing_of_one_page_is_asked_to_describe_the_next() {
    let mut forged = undeclared();
    forged.lose(0);
    let mut evidence = forged.evidence();
    evidence.listing_is_one_page = true;
    let verdict = judge(&evidence);
    assert_open(&verdict, CheckId::Lost, Premise::Whole);
    let reasons = verdict.reasons[0].to_string();
    assert!(reasons.contains("describe `next` under `[target.listing]`"), "{reasons}");
}

#[test]
fn a_queue_that_gives_a_row_again_is_not_asked_for_an_order() {
    let forged = undeclared();
    let mut evidence = forged.evidence();
    (evidence.listing_drains, evidence.rows_have_an_order) = (true, false);
    evidence.observed.looks.border_repeats = 2;
    let verdict = judge(&evidence);
    assert_open(&verdict, CheckId::ListingUnsound, Premise::CopiesSettled);
    let reasons = verdict.reasons[0].to_string();
    assert!(reasons.contains("`row` under `[target.listing.fields]`"), "{reasons}");
    let all: Vec<String> =
        verdict.premises.iter().filter_map(|ground| ground.remedy()).map(str::to_owned).collect();
    assert!(all.iter().all(|remedy| !remedy.contains("newest-first")), "{all:?}");
}
