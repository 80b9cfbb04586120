//! Kinds of acknowledgements: new, duplicate, accepted or rejected, for one event or a whole request.

/// What an acknowledgement said of one event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Kind {
    /// Stored by this attempt.
    New,
    /// Known before.
    Duplicate,
    /// Taken; which of the two is not told.
    Accepted,
    /// Refused, inside an answer that acknowledges others.
    Rejected,
}

/// What an acknowledgement said of all events of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kinds {
    /// Nothing of single events.
    Unreported,
    /// All were stored.
    AllNew,
    /// All were known.
    AllDuplicate,
    /// One by one, in request order.
    Each(Vec<Kind>),
}

impl Kinds {
    /// What was said of each, in the shortest way.
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

    /// All taken but those at these places; `None` if these are not places of different events.
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

    /// What was said of the event at `place`.
    pub fn of(&self, place: usize) -> Kind {
        match self {
            Self::Unreported => Kind::Accepted,
            Self::AllNew => Kind::New,
            Self::AllDuplicate => Kind::Duplicate,
            Self::Each(kinds) => kinds.get(place).copied().unwrap_or(Kind::Accepted),
        }
    }
}
