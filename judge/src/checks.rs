//! The checks: this file is their table of contents.
//!
//! | check | fails when | certain when | needs |
//! |---|---|---|---|
//! | `lost` | a key was acknowledged and is absent | the listing is complete, at least of the key's topic, or has passed it (see [`passed`]), it is bracketed, and the key was looked for again | listing |
//! | `key-merged` | a lost key has a twin that is there: the target takes two keys for one | as `lost` | listing, `[traps]` |
//! | `stranger` | a listed id decodes but was never attempted, or does not decode and the unique count leaves it out | always; the second with a baseline listing | listing |
//! | `wrong-topic` | a listed id belongs to another topic | always | listing |
//! | `scope-leak` | asked for one topic, the target shows rows of another | it heeds the topic at all: not all pages are alike | listing that can be asked for a topic |
//! | `foreign-lost` | a row of others that was listed before the run is gone | both listings are complete, and nobody else writes | listing before the run |
//! | `stored-twice` | a key is listed more than once | the listing is bracketed, and its attempts lie within the promised window, see [`ages`] | listing |
//! | `rejected-but-stored` | only rejected attempts, yet present | always | listing |
//! | `payload-changed` | a stored event is not the one sent | always, under the promised equality | listing with contents |
//! | `wrong-winner` | of a key's two payloads, the stored one cannot have been the one to stay, see [`winner`] | one clock, nothing in between resends, acknowledged means committed (not for `conflict = "reject"`) | listing with contents, `[traps]` |
//! | `answer-order` | see [`order`] | one clock, nothing in between resends, acknowledged means committed | answers that tell |
//! | `answer-sum` | an answer's numbers do not add up, or are not what was sent | always | answers with counts |
//! | `batch-counts` | an answer counts more new events than can have been new | always | answers with counts alone |
//! | `torn-batch` | of a request without an answer, a part is stored | the listing is complete and bracketed, batches are atomic, and the keys have no other attempt | listing |
//! | `invalid-taken` | a request with an invalid event is acknowledged | batches are promised to be whole | `[traps] invalid` |
//! | `routes-disagree` | listing and database tell different things of a key, or rows and unique count different totals | the listing is complete and bracketed; of a key also if it is not | two of listing, database, counters |
//! | `counters` | see [`counters`] and, under load, [`under_load`] | the baseline was still, or the closing poll agrees | counters |
//! | `epochs` | a counter fell, or an uptime lies, see [`epochs`] | answers are snapshots, and counters persist or one process answered | counters read twice |
//! | `liveness` | something accepted waits, and nothing moves, beyond the promised time | the counters stood still at the end of it, nobody else writes, and less waited before the run | `[promises] drain`, counters of what waits |
//! | `stillness` | a key that a first look showed is gone at the second | both listings are complete and bracketed | `--resolve` or `--replay`, listing |
//! | `replay` | an acknowledged key that is sent again is told to be new, or counted as unique | the key was listed, or acknowledged where nothing is listed | `--replay`, answers that tell or counters |

pub mod again;
pub mod by_key;
pub mod by_request;
pub mod by_row;
pub mod by_total;
pub mod epochs;
pub mod liveness;
pub mod passed;
pub mod winner;

use crate::facts::Facts;
use crate::verdict::Examined;

/// Makes all checks.
pub fn examine(facts: &Facts<'_>) -> Examined {
    let mut examined = Examined::default();
    let (stranger, rejected) = by_key::unaccounted(facts, &mut examined);
    let torn = by_request::torn_batch(facts, &mut examined);
    let checks = vec![
        by_key::lost(facts),
        by_key::key_merged(facts),
        by_row::stranger(facts, stranger, &mut examined),
        by_row::wrong_topic(facts),
        by_row::scope_leak(facts),
        by_row::foreign_lost(facts),
        by_key::stored_twice(facts),
        facts.if_all_is_known(rejected),
        by_row::payload_changed(facts),
        facts.if_all_is_known(winner::wrong_winner(facts)),
        by_key::answer_order(facts),
        by_total::answer_sum(facts),
        by_request::batch_counts(facts),
        facts.if_all_is_known(torn),
        by_request::invalid_taken(facts),
        by_total::routes_disagree(facts),
        by_total::counters(facts, &mut examined),
        epochs::epochs(facts),
        liveness::liveness(facts),
        again::stillness(facts),
        again::replay(facts),
    ];
    examined.checks = checks;
    examined.observations.extend(by_row::rows_of_others(facts));
    examined.observations.extend(epochs::restarts(facts));
    examined.observations.extend(liveness::failures(facts));
    examined.observations.extend(liveness::poisoned(facts));
    examined
}
