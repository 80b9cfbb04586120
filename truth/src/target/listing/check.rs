//! Rules that hold a listing together.

use std::collections::BTreeSet;

use super::reading::{Format, Reading, Way};
use super::{Listing, One, of_listing};
use crate::target::prelude::Prelude;
use crate::target::reads::RequestForm;
use crate::target::template::HoleName;

/// Checks the keys of a listing that has a path. `given` are the names of the values that requests
/// before the run keep.
pub(super) fn fault(listing: &Listing, given: &BTreeSet<&str>) -> Option<String> {
    old_beside_new(listing)
        .or_else(|| listing.request()?.fault().map(|fault| format!("listing.{fault}")))
        .or_else(|| prelude_fault("before", &listing.before))
        .or_else(|| prelude_fault("after", &listing.after))
        .or_else(|| listing.one.as_ref().and_then(One::fault).map(|fault| format!("listing.one.{fault}")))
        .or_else(|| holes_fault(listing, given))
}

fn prelude_fault(key: &str, preludes: &[Prelude]) -> Option<String> {
    let mut faults = (0..).zip(preludes).filter_map(|(nth, prelude)| Some((nth, prelude.fault()?)));
    faults.next().map(|(nth, fault): (usize, String)| format!("listing.{key}.{nth}.{fault}"))
}

/// Finds a key of the old form beside its new form. The error names both.
fn old_beside_new(listing: &Listing) -> Option<String> {
    if !listing.is_request() {
        return None;
    }
    let is_paged = listing.next.is_some();
    let paging = if is_paged { "listing.next" } else { "listing.next, which listings with holes have" };
    let old = [
        (listing.topics.is_some(), "listing.topics", "{{topic}} in the request"),
        (listing.paging.is_some(), "listing.paging", paging),
        (listing.parameters.is_some(), "listing.parameters", "holes such as {{limit}} in the request"),
        (listing.first_page.is_some(), "listing.first_page", "listing.first"),
    ];
    let (_, key, new) = old.into_iter().find(|(is_set, ..)| *is_set)?;
    Some(format!("{key} is the old form of {new}; leave {key} out"))
}

/// Finds a hole that has no value where it stands.
fn holes_fault(listing: &Listing, given: &BTreeSet<&str>) -> Option<String> {
    let own = listing.before.iter().flat_map(|prelude| prelude.keep.keys()).map(String::as_str);
    let kept: BTreeSet<&str> = own.chain(given.iter().copied()).collect();
    let is_common = |name: &HoleName| match name {
        HoleName::Kept(name) => kept.contains(name.as_str()),
        HoleName::Env(_) | HoleName::Open | HoleName::Source => true,
        _ => false,
    };
    let in_page =
        |name: &HoleName| is_common(name) || (of_listing(name) && !matches!(name, HoleName::Kept(_)));
    let in_prelude = |name: &HoleName| {
        is_common(name) || matches!(name, HoleName::Topic | HoleName::From(_) | HoleName::To(_))
    };
    let in_one = |name: &HoleName| {
        let of_key =
            matches!(name, HoleName::Topic | HoleName::EventId | HoleName::N | HoleName::Timestamp(_));
        let is_given = matches!(name, HoleName::Kept(name) if given.contains(name.as_str()));
        of_key || is_given || matches!(name, HoleName::Env(_) | HoleName::Open | HoleName::Source)
    };
    let page = listing.request().and_then(|request| unknown("the request", request, in_page));
    let preludes = listing.before.iter().chain(&listing.after).map(Prelude::request);
    page.or_else(|| preludes.into_iter().find_map(|request| unknown("before or after", request, in_prelude)))
        .or_else(|| unknown("one", listing.one.as_ref()?.request(), in_one))
}

fn unknown(place: &str, request: RequestForm<'_>, is_known: impl Fn(&HoleName) -> bool) -> Option<String> {
    let holes = request.templates().flat_map(|template| template.holes());
    let name = holes.map(|hole| &hole.name).find(|name| !is_known(name))?;
    let hint = match name {
        HoleName::Kept(name) => {
            format!(
                "; name it in a `keep` of target.before or listing.before: keep = {{ {name} = \"/place\" }}"
            )
        }
        _ => String::new(),
    };
    Some(format!("{{{{{name}}}}} has no value in {place} of [target.listing]{hint}"))
}

/// Checks that a listing can be read as it is written.
pub(super) fn reading_fault(reading: &Reading) -> Option<String> {
    let request = reading.request();
    let lacks =
        |way: Way, name: HoleName| !reading.is_old_form && reading.way == way && !request.names(&name);
    if lacks(Way::Offset, HoleName::Offset) {
        return Some("listing.next = \"offset\" needs the hole {{offset}} in the request".to_owned());
    }
    if lacks(Way::Page, HoleName::Page) {
        return Some("listing.next = \"page\" needs the hole {{page}} in the request".to_owned());
    }
    if reading.way == Way::Again && !reading.drains {
        return Some(
            "listing.next = \"again\" asks until nothing is shown, which needs drains = true: a row that was shown \
             is not shown again"
                .to_owned(),
        );
    }
    let reads_body = matches!(reading.way, Way::Body(_)) || !reading.until.is_empty();
    let has_rows_below = !reading.rows.steps().is_empty();
    if reading.format == Format::Csv && (reads_body || has_rows_below) {
        return Some(
            "format = \"csv\" of [target.listing] has no JSON pointers: leave rows, until and a pointer in next out"
                .to_owned(),
        );
    }
    if reading.places.event_id.is_none() {
        return Some(
            "listing.fields.event_id is not set: rows are known by it; nothing is inherited from requests"
                .to_owned(),
        );
    }
    None
}
