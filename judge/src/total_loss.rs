//! Total loss: everything was acknowledged, and the listing shows no row of the run.
//!
//! No key lies in a bracket then. The listing may be that of something else, or it may show rows
//! much later. So three things are asked. Is this the right listing: does the scenario name its
//! path, or did it show a row before? Does it show nothing at all, which no limit on rows explains?
//! And are sentinels, which were sent after the run, still not shown a minute later, in two lists
//! one after the other?
//!
//! For example, all 20,000 events were answered with 200, and a listing that showed 300 rows before
//! the run shows none. Two lists of 24 sentinels are acknowledged, and neither is shown while
//! `verify` looks for 90 s. The keys are lost. Had the listing been empty before as well, and at the
//! path that a scenario has by default, it could be the wrong listing, and the verdict is UNKNOWN.

use std::collections::BTreeSet;

use truth::observed::Route;
use truth::plan::sentinel::Sender;

use crate::facts::Facts;
use crate::numbers::counted;
use crate::premises::{ACCEPTED, contradicted, ends_early, ground};
use crate::verdict::{Ground, Premise, Standing};

/// Time for which sentinels have to be looked for, in milliseconds.
const IN_VAIN_MS: u64 = 60_000;

/// Number of lists of sentinels that have to be looked for in vain.
const LISTS: usize = 2;

/// Returns the grounds of the absence of all keys. None if a row of the run is shown.
pub(crate) fn grounds(facts: &Facts<'_>) -> Option<Vec<Ground>> {
    let observed = &facts.evidence.observed;
    let shows_nothing = observed.listing.ours.count == 0 && observed.presence.shown() == 0;
    if observed.listing.route != Route::Api || !shows_nothing {
        return None;
    }
    let is_certain = is_empty_for_good(facts);
    let fresh = ground(facts, Premise::Fresh);
    let fresh = match fresh.standing {
        Standing::Assumed if is_certain => Ground::shown(
            Premise::Fresh,
            "events sent after the run were acknowledged, and looked for in vain for a minute, twice",
        ),
        _ => fresh,
    };
    Some(vec![whole(facts, is_certain), fresh, ground(facts, Premise::NothingWaits)])
}

/// Returns true if one more list of sentinels, looked for in vain, would decide.
pub fn wants_another_list(facts: &Facts<'_>) -> bool {
    let is_empty = facts.evidence.observed.listing.rows == 0;
    is_empty && right_listing(facts).is_some() && lists_in_vain(facts) + 1 == LISTS
}

/// Ground on which a listing without a row of the run would show its rows.
fn whole(facts: &Facts<'_>, is_certain: bool) -> Ground {
    const WHOLE: Premise = Premise::Whole;
    let whole = ground(facts, WHOLE);
    let rows = facts.evidence.observed.listing.rows;
    // A listing without any row was not cut off.
    let is_cut_off = rows > 0 && ends_early(facts).is_some();
    if whole.holds() || is_cut_off || contradicted(facts).is_some() {
        return whole;
    }
    let shows = match rows {
        0 => "the listing shows no row".to_owned(),
        rows => format!("the listing shows {}, and none of this run", counted(rows, "row", "rows")),
    };
    match right_listing(facts) {
        Some(why) if is_certain => Ground::shown(WHOLE, format!("{shows}, and is the right one: {why}")),
        Some(_) => Ground::assumed_though(
            WHOLE,
            format!("{shows}; `verify --sentinels` asks whether it shows what is sent now"),
        ),
        None => Ground::assumed_though(
            WHOLE,
            format!("{shows}: is it the right one? If not, correct `path` under `[target.listing]`"),
        ),
    }
}

/// Reason why the listing is the one of these events; none if it may be another.
fn right_listing(facts: &Facts<'_>) -> Option<String> {
    if facts.evidence.listing_is_named {
        return Some("the scenario names its `path`".to_owned());
    }
    let before = facts.listed_before().map_or(0, |listed| listed.rows);
    (before > 0).then(|| format!("it showed {} before the run", counted(before, "row", "rows")))
}

/// Returns true if everything was answered with a 2xx that promises no later storing, and an empty
/// listing does not show what was sent after the run either.
fn is_empty_for_good(facts: &Facts<'_>) -> bool {
    let stores_at_once = |status: &u16| (200..300).contains(status) && *status != ACCEPTED;
    facts.evidence.observed.listing.rows == 0
        && facts.tally.statuses.keys().all(stores_at_once)
        && lists_in_vain(facts) >= LISTS
}

/// Number of lists of sentinels that were acknowledged and are not shown, if the last one was
/// looked for long enough.
fn lists_in_vain(facts: &Facts<'_>) -> usize {
    let Some(looked) = &facts.evidence.observed.sentinels else { return 0 };
    let acked_ms = looked.sent.iter().filter_map(|sentinel| sentinel.acked_ms).max();
    let is_seen = looked.sent.iter().any(|sentinel| sentinel.seen_ms.is_some());
    let waited_ms = acked_ms.map_or(0, |acked_ms| looked.looked_ms.saturating_sub(acked_ms));
    if is_seen || waited_ms < IN_VAIN_MS {
        return 0;
    }
    let acked = facts.tally.keys.sentinels().filter(|(_, state)| state.acked() > 0 && state.seen() == 0);
    let senders: BTreeSet<Sender> = acked.map(|(ordinal, _)| Sender::of(ordinal)).collect();
    senders.len()
}
