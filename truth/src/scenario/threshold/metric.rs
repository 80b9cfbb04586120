//! Metrics that a threshold can name.

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Metric {
    /// From the first byte sent to the whole answer, in milliseconds.
    HttpReqDuration,
    /// From the planned instant to the whole answer, in milliseconds.
    ResponseTime,
    /// From the planned instant to the first byte sent, in milliseconds.
    Lateness,
    /// Whether a request was not acknowledged.
    HttpReqFailed,
    /// Requests.
    HttpReqs,
    /// Events.
    Events,
    /// Requests that were due and never begun.
    DroppedIterations,
    /// Requests that left late.
    LateIterations,
    /// Bytes of requests.
    DataSent,
    /// Bytes of answers.
    DataReceived,
}

impl Metric {
    /// Whether it is a length of time.
    pub fn is_trend(self) -> bool {
        matches!(self, Self::HttpReqDuration | Self::ResponseTime | Self::Lateness)
    }
}
