//! Onlookers of a run while it goes on: the terminal, the metrics, the page, and the notes and warnings for
//! people.

pub(crate) mod live;
pub(crate) mod metrics;
pub(crate) mod notice;
pub(crate) mod progress;
pub(crate) mod view;
