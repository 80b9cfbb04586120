//! Keys that a careless target takes for one another.

use judge::verdict::{CheckId, Judgement, Status, Verdict};
use truth::plan::twin::Twins;

use crate::forge::{Forge, Forged, assert_names, check};

fn forge(twins: Twins) -> Forged {
    let mut forge = Forge::default();
    forge.scenario.traps = twins.into();
    forge.run()
}

const OFF: Twins = Twins {
    same_id: 0,
    case: 0,
    trailing_space: 0,
    normalisation: 0,
    long_id: 0,
    numeric_id: 0,
    same_timestamp: 0,
    same_payload: 0,
};

const EACH: [Twins; 8] = [
    Twins { same_id: 8, ..OFF },
    Twins { case: 8, ..OFF },
    Twins { trailing_space: 8, ..OFF },
    Twins { normalisation: 8, ..OFF },
    Twins { long_id: 8, ..OFF },
    Twins { numeric_id: 8, ..OFF },
    Twins { same_timestamp: 8, ..OFF },
    Twins { same_payload: 8, ..OFF },
];

#[test]
fn a_target_that_tells_twins_apart_passes_and_the_report_says_how_many() {
    for twins in EACH {
        let verdict = forge(twins).verdict();
        assert_eq!(verdict.verdict, Verdict::Pass, "{twins:?} {:#?}", verdict.reasons);
        let pairs = verdict.coverage.twin_keys;
        assert!(pairs.planned > 50 && pairs.observed == pairs.planned, "{pairs:?}");
        assert_eq!(check(&verdict, CheckId::KeyMerged).status, Status::Pass);
    }
}

#[test]
fn without_twins_the_report_says_that_none_was_sent() {
    let verdict = Forge::default().run().verdict();
    let told = |verdict: &Judgement, line: &str| verdict.not_tested.iter().any(|told| told.starts_with(line));
    assert!(told(&verdict, "key-merged: no near-identical keys"), "{:#?}", verdict.not_tested);
}

#[test]
fn a_key_that_is_taken_for_its_twin_is_named_with_it() {
    for twins in EACH {
        let mut forged = forge(twins);
        let second = (1..).step_by(2).find(|key| forged.events.twin(*key).is_some()).unwrap();
        forged.lose(second);
        let verdict = forged.verdict();
        assert_names(&verdict, CheckId::Lost, second);
        assert_names(&verdict, CheckId::KeyMerged, second);
        let detail = &check(&verdict, CheckId::KeyMerged).findings[0].detail;
        assert!(detail.contains(&format!("near-identical key {} ", second - 1)), "{detail}");
        // A key without a twin, or with one that is gone too, is lost and no more.
        let mut forged = forge(twins);
        forged.lose(second);
        forged.lose(second - 1);
        let single = (0..).find(|key| forged.events.twin(*key).is_none()).unwrap();
        forged.lose(single);
        let verdict = forged.verdict();
        assert_eq!(
            (check(&verdict, CheckId::Lost).count, check(&verdict, CheckId::KeyMerged).status),
            (3, Status::Pass)
        );
    }
}
