//! Kinds of single events in an acknowledgement: new, duplicate, accepted, rejected or unknown, for
//! one event or a whole request.

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
    /// The event may have been stored or not, in a response that says more of others. It is as an
    /// unanswered attempt.
    Unknown,
}

impl Kind {
    /// True if the target has taken the event.
    pub fn is_taken(self) -> bool {
        matches!(self, Self::New | Self::Duplicate | Self::Accepted)
    }
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
    pub(in crate::target) fn of_each(kinds: Vec<Kind>) -> Self {
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

    /// True if no event is said to be rejected or unknown.
    pub fn take_all(&self) -> bool {
        let each: &[Kind] = if let Self::Each(kinds) = self { kinds } else { &[] };
        each.iter().all(|kind| kind.is_taken())
    }

    /// Returns the places of the rejected events.
    pub fn rejected(&self) -> impl Iterator<Item = usize> {
        self.places_of(Kind::Rejected)
    }

    /// Returns the places of the events whose fate is unknown.
    pub fn unknown(&self) -> impl Iterator<Item = usize> {
        self.places_of(Kind::Unknown)
    }

    /// Returns the places of the events that are said to be of this kind one by one.
    fn places_of(&self, wanted: Kind) -> impl Iterator<Item = usize> {
        let each: &[Kind] = if let Self::Each(kinds) = self { kinds } else { &[] };
        (0..).zip(each).filter(move |(_, kind)| **kind == wanted).map(|(place, _)| place)
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
