//! Measurements of one kind of requests beside the load.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::meter::latency::{histogram, micros};

/// Measurements of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) connections: u32,
    /// Number of responses by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Number of requests without a usable response.
    pub(crate) lost: u64,
    /// Number of tries to connect that failed.
    pub(crate) refused: u64,
    /// Time from the planned instant to the whole response.
    pub(crate) response: Histogram<u64>,
    /// First and last instant of what was measured.
    pub(crate) span: Option<(u64, u64)>,
}

/// Request that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// Status of the response; none without one.
    pub(super) status: Option<u16>,
    pub(super) t_planned: u64,
    pub(super) t_start: u64,
    pub(super) t_end: u64,
}

impl Measured {
    pub(super) fn nothing(name: String, connections: u32) -> Self {
        Self {
            name,
            connections,
            statuses: BTreeMap::new(),
            lost: 0,
            refused: 0,
            response: histogram(),
            span: None,
        }
    }

    /// Counts a request.
    pub(super) fn take(&mut self, ended: Ended) {
        let Ended { status, t_planned, t_start, t_end } = ended;
        match status {
            Some(status) => {
                *self.statuses.entry(status).or_default() += 1;
                self.response.saturating_record(micros(t_end.saturating_sub(t_planned)));
            }
            None => self.lost += 1,
        }
        let (first, last) = self.span.unwrap_or((t_start, t_end));
        self.span = Some((first.min(t_start), last.max(t_end)));
    }

    /// Number of requests that were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.statuses.values().sum::<u64>() + self.lost
    }

    /// Number of requests whose response is no success.
    pub(crate) fn failed(&self) -> u64 {
        let failed = self.statuses.iter().filter(|(status, _)| !(200..400).contains(*status));
        failed.map(|(_, count)| count).sum::<u64>() + self.lost
    }

    /// Number of requests a second.
    pub(crate) fn per_s(&self) -> f64 {
        match self.span {
            Some((first, last)) if last > first => self.sent() as f64 * 1e9 / (last - first) as f64,
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_success_failed_and_what_has_no_response_has_no_duration() {
        let mut measured = Measured::nothing("search".to_owned(), 1);
        for (status, t_start) in [(Some(200), 1_000_000), (Some(404), 2_000_000), (None, 3_000_000)] {
            measured.take(Ended { status, t_planned: t_start, t_start, t_end: t_start + 1_000_000_000 });
        }
        assert_eq!((measured.sent(), measured.failed(), measured.response.len()), (3, 2, 2));
        assert!((measured.per_s() - 3.0 / 1.002).abs() < 1e-9);
    }
}
