//! How far the run is: a bar on a terminal, a plain line every few seconds elsewhere. Decoration on standard error.

use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::meter::live::{self, LiveSums};
use crate::notice::Notices;

/// Between two looks of the bar, which shall seem to move.
const BAR_INTERVAL: Duration = Duration::from_millis(100);

/// Between two plain lines, which are read in logs.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

const PAINTED: &str = "{bar:40.cyan/blue} {percent:>3}%  {human_pos}/{human_len} {prefix}  {per_sec}  {msg}";
const PLAIN: &str = "{bar:40} {percent:>3}%  {human_pos}/{human_len} {prefix}  {per_sec}  {msg}";

/// Shows how far the run is.
pub(crate) struct Progress {
    bar: ProgressBar,
    planned: Option<u64>,
    /// What is counted.
    unit: &'static str,
    lanes: Vec<Arc<LiveSums>>,
    begun: Instant,
    notices: Notices,
}

impl Progress {
    pub(crate) fn new(
        planned: Option<u64>,
        unit: &'static str,
        lanes: Vec<Arc<LiveSums>>,
        color: bool,
        notices: Notices,
    ) -> Self {
        let bar = if stderr().is_terminal() {
            let template = if color { PAINTED } else { PLAIN };
            let style = ProgressStyle::with_template(template).expect("a constant template that is valid");
            ProgressBar::with_draw_target(planned, ProgressDrawTarget::stderr())
                .with_style(style)
                .with_prefix(unit)
        } else {
            ProgressBar::hidden()
        };
        Self { bar, planned, unit, lanes, begun: Instant::now(), notices }
    }

    /// Shows it again and again; never ends, and may be dropped at any time.
    pub(crate) async fn show_on(&self) {
        let every = if self.bar.is_hidden() { LINE_INTERVAL } else { BAR_INTERVAL };
        let mut ticks = interval_at(self.begun + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            if self.bar.is_hidden() {
                self.print_line();
            } else {
                self.bar.set_position(live::ended(&self.lanes));
                self.bar.set_message(self.trouble());
            }
        }
    }

    /// Takes the bar away, before a word or the summary takes its place.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn print_line(&self) {
        let ended = live::ended(&self.lanes);
        let seconds = self.begun.elapsed().as_secs_f64();
        let of = match self.planned {
            Some(planned) => {
                format!("{:>5.1}%  {ended}/{planned}", ended as f64 * 100.0 / planned.max(1) as f64)
            }
            None => ended.to_string(),
        };
        let rate = ended as f64 / seconds.max(0.001);
        let trouble = self.trouble();
        self.notices.say(&format!("{seconds:>5.0}s  {of} {}  {rate:.0}/s  {trouble}", self.unit));
    }

    /// What is not as it should be; empty while all is.
    fn trouble(&self) -> String {
        let ended = live::ended(&self.lanes);
        match ended.saturating_sub(live::told(&self.lanes).acked) {
            0 => String::new(),
            other => format!("{other} not acknowledged"),
        }
    }
}
