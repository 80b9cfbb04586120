//! Numbers that a response counts, beside what it says of its events.

use super::conditions::count_of;
use super::written::CountPlaces;
use crate::target::answer::{Kind, Kinds};
use crate::target::tree::Found;

/// Values of a body that hold the numbers, by their numbers in it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CountSlots {
    pub(super) accepted: Option<usize>,
    pub(super) new: Option<usize>,
    pub(super) duplicate: Option<usize>,
    pub(super) rejected: Option<usize>,
}

/// Numbers that a response counts; none where it is not described.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counted {
    pub(super) accepted: Option<u32>,
    pub(super) new: Option<u32>,
    pub(super) duplicate: Option<u32>,
    pub(super) rejected: Option<u32>,
}

impl CountSlots {
    /// Takes these places, each at the slot that is made for it.
    pub(super) fn of(places: &CountPlaces, mut slot: impl FnMut(&str) -> usize) -> Self {
        let [accepted, new, duplicate, rejected] = places.named().map(|(_, place)| place);
        let mut slot = |place: Option<&String>| place.map(|place| slot(place));
        Self {
            accepted: slot(accepted),
            new: slot(new),
            duplicate: slot(duplicate),
            rejected: slot(rejected),
        }
    }

    /// Reads the numbers; none if one that is described is missing, or is no whole number.
    pub(super) fn read(self, found: &Found<'_>) -> Option<Counted> {
        let count = |slot: Option<usize>| match slot {
            None => Some(None),
            Some(slot) => found.value(slot).and_then(count_of).map(Some),
        };
        Some(Counted {
            accepted: count(self.accepted)?,
            new: count(self.new)?,
            duplicate: count(self.duplicate)?,
            rejected: count(self.rejected)?,
        })
    }
}

/// Numbers of events of each kind, as the response says of them one by one or all together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Census {
    new: u64,
    duplicate: u64,
    accepted: u64,
    rejected: u64,
    unknown: u64,
}

/// Least and greatest number.
#[derive(Clone, Copy, Debug)]
struct Span {
    least: u64,
    most: u64,
}

impl Span {
    fn holds(self, number: u64) -> bool {
        (self.least..=self.most).contains(&number)
    }
}

impl Census {
    /// Counts these kinds.
    pub(super) fn of_each(kinds: &[Kind]) -> Self {
        let mut census = Self::default();
        for kind in kinds {
            *match kind {
                Kind::New => &mut census.new,
                Kind::Duplicate => &mut census.duplicate,
                Kind::Accepted => &mut census.accepted,
                Kind::Rejected => &mut census.rejected,
                Kind::Unknown => &mut census.unknown,
            } += 1;
        }
        census
    }

    /// Counts the kinds of so many events of which the same was said.
    pub(super) fn of(kinds: &Kinds, events: usize) -> Self {
        let events = events as u64;
        match kinds {
            Kinds::Unreported => Self { accepted: events, ..Self::default() },
            Kinds::AllNew => Self { new: events, ..Self::default() },
            Kinds::AllDuplicate => Self { duplicate: events, ..Self::default() },
            Kinds::Each(kinds) => {
                let census = Self::of_each(kinds);
                Self { accepted: census.accepted + events.saturating_sub(kinds.len() as u64), ..census }
            }
        }
    }

    /// True if the counted numbers are those of these events. Some targets count the new events
    /// alone as accepted, beside the duplicates.
    ///
    /// For example, of ten events that were accepted as a whole, 4 new and 6 duplicates add up, with
    /// 10 or with 4 accepted. 4 new and 5 duplicates do not, nor does one rejected event: nothing
    /// says which of the ten it was.
    pub(super) fn fits(&self, counted: Counted) -> bool {
        let open = self.accepted + self.unknown;
        let from = |least: u64, more: u64| Span { least, most: least + more };
        let taken = from(self.new + self.duplicate + self.accepted, self.unknown);
        let count = |count: Option<u32>| count.map(u64::from);
        let [accepted, new, duplicate] = [counted.accepted, counted.new, counted.duplicate].map(count);
        let is_within = |span: Span, number: Option<u64>| number.is_none_or(|number| span.holds(number));
        let is_all_taken = |accepted: u64| taken.holds(accepted) && new.is_none_or(|new| new <= accepted);
        let is_new_alone = |accepted: u64| {
            duplicate.is_some_and(|known| taken.holds(accepted + known))
                && new.is_none_or(|new| new == accepted)
        };
        is_within(from(self.rejected, self.unknown), count(counted.rejected))
            && is_within(from(self.new, open), new)
            && is_within(from(self.duplicate, open), duplicate)
            && is_within(taken, new.zip(duplicate).map(|(new, known)| new + known))
            && accepted.is_none_or(|accepted| is_all_taken(accepted) || is_new_alone(accepted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(accepted: Option<u32>, new: Option<u32>, duplicate: Option<u32>) -> Counted {
        Counted { accepted, new, duplicate, rejected: None }
    }

    #[test]
    fn counts_add_up_to_the_events_that_were_taken() {
        let ten = Census::of(&Kinds::Unreported, 10);
        for (accepted, new, duplicate, fits) in [
            (Some(10), None, None, true),
            (Some(9), None, None, false),
            (Some(11), None, None, false),
            (None, Some(0), Some(10), true),
            (None, Some(4), Some(5), false),
            (None, Some(4), None, true),
            (None, Some(11), None, false),
            (Some(10), Some(4), Some(6), true),
            (Some(4), Some(4), Some(6), true),
            (Some(0), None, Some(10), true),
            (Some(5), Some(4), Some(6), false),
            (Some(10), Some(11), None, false),
            (Some(4), None, Some(5), false),
            (None, None, None, true),
        ] {
            let counted = counted(accepted, new, duplicate);
            assert_eq!(ten.fits(counted), fits, "{counted:?}");
        }
    }

    #[test]
    fn counts_agree_with_what_is_said_of_each_event() {
        let each = |kinds: &[Kind]| Census::of_each(kinds);
        let refused = |rejected| Counted { rejected: Some(rejected), ..Counted::default() };
        let mixed = each(&[Kind::New, Kind::Duplicate, Kind::Rejected]);
        assert!(mixed.fits(refused(1)) && !mixed.fits(refused(0)) && !mixed.fits(refused(2)));
        assert!(mixed.fits(counted(Some(2), Some(1), Some(1))));
        assert!(!mixed.fits(counted(Some(3), Some(1), Some(1))));
        assert!(!mixed.fits(counted(Some(2), Some(2), None)));
        let whole = Census::of(&Kinds::Unreported, 3);
        assert!(whole.fits(refused(0)) && !whole.fits(refused(1)), "which of the three?");
    }

    #[test]
    fn an_event_whose_fate_is_unknown_may_be_counted_or_not() {
        let open = Census::of_each(&[Kind::New, Kind::Unknown]);
        for (accepted, fits) in [(0, false), (1, true), (2, true), (3, false)] {
            assert_eq!(open.fits(counted(Some(accepted), None, None)), fits, "{accepted}");
        }
        let rejected = |rejected| Counted { rejected: Some(rejected), ..Counted::default() };
        assert!(open.fits(rejected(0)) && open.fits(rejected(1)) && !open.fits(rejected(2)));
    }
}
