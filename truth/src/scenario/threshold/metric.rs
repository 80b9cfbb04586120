//! Metrics that a threshold can name.

/// Metric of a threshold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Metric {
    /// Time from the first byte sent to the whole response, in milliseconds.
    HttpReqDuration,
    /// Time from the planned instant to the whole response, in milliseconds.
    ResponseTime,
    /// Time from the planned instant to the first byte sent, in milliseconds.
    Lateness,
    /// Requests that were not acknowledged, of all.
    HttpReqFailed,
    /// Number of requests.
    HttpReqs,
    /// Number of events.
    Events,
    /// Requests that were due and never began.
    DroppedIterations,
    /// Requests that left late.
    LateIterations,
    /// Bytes of requests.
    DataSent,
    /// Bytes of responses.
    DataReceived,
}

impl Metric {
    /// True if the metric is a duration.
    pub fn is_trend(self) -> bool {
        matches!(self, Self::HttpReqDuration | Self::ResponseTime | Self::Lateness)
    }
}
