//! Kinds of acknowledgements: new, duplicate, accepted or rejected, for one event or a whole
//! request.

/// Kind of one event in an acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Kind {
    /// The attempt stored the event.
    New,
    /// The target knew the event before.
    Duplicate,
    /// The target accepted the event, and does not report if it was new.
    Accepted,
    /// The target rejected the event, in a response that acknowledges others.
    Rejected,
}

/// Kinds of all events of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kinds {
    /// The response reports nothing of single events.
    Unreported,
    /// All events are new.
    AllNew,
    /// All events are duplicates.
    AllDuplicate,
    /// Kind of each event, in request order.
    Each(Vec<Kind>),
}

impl Kinds {
    /// Returns these kinds in the shortest form.
    pub(super) fn of_each(kinds: Vec<Kind>) -> Self {
        let all = |wanted: Kind| kinds.iter().all(|kind| *kind == wanted);
        if all(Kind::New) {
            Self::AllNew
        } else if all(Kind::Duplicate) {
            Self::AllDuplicate
        } else {
            Self::Each(kinds)
        }
    }

    /// Returns accepted for all events except those at these places; `None` if these are not places
    /// of different events.
    pub(super) fn but_for(refused: &[usize], events: usize) -> Option<Self> {
        let mut kinds = vec![Kind::Accepted; events];
        for place in refused {
            let kind = kinds.get_mut(*place)?;
            if std::mem::replace(kind, Kind::Rejected) == Kind::Rejected {
                return None;
            }
        }
        Some(Self::Each(kinds))
    }

    /// Returns the places of the rejected events.
    pub fn rejected(&self) -> impl Iterator<Item = usize> {
        let each: &[Kind] = if let Self::Each(kinds) = self { kinds } else { &[] };
        (0..).zip(each).filter(|(_, kind)| **kind == Kind::Rejected).map(|(place, _)| place)
    }

    /// Returns the kind of the event at `place`.
    pub fn of(&self, place: usize) -> Kind {
        match self {
            Self::Unreported => Kind::Accepted,
            Self::AllNew => Kind::New,
            Self::AllDuplicate => Kind::Duplicate,
            Self::Each(kinds) => kinds.get(place).copied().unwrap_or(Kind::Accepted),
        }
    }
}
