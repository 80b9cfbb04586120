//! Places in the body of a request.

use std::ops::Range;

use super::leaves::Found;

/// Cut of a body.
#[derive(Debug)]
pub(super) struct Cut {
    /// Place of the first event.
    pub(super) event: Range<usize>,
    /// End of the last event.
    pub(super) end: usize,
    /// Text between two events; none if a request holds one.
    pub(super) separator: Option<String>,
    /// Values before the events, in the event, and after the events. Each counts from the start of
    /// its part.
    pub(super) before: Vec<Found>,
    pub(super) found: Vec<Found>,
    pub(super) after: Vec<Found>,
}
