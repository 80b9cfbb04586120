//! Progress of a run: a block of lines on a terminal, or a plain line every few seconds elsewhere.
//!
//! It is decoration on standard error.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reader::console::is_seen;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::notice::{self, Notices};
use super::view::{Glance, View};
use crate::meter::latency::{Quantiles, ms};

/// Interval at which the block is drawn: it seems to move, and can still be read.
const BLOCK_INTERVAL: Duration = Duration::from_millis(200);

/// Interval of the plain lines, which are read in logs.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

const PAINTED: &str = "{bar:40.cyan/blue} {percent:>3}%  {human_pos}/{human_len} {prefix}\n{msg}";
const PLAIN: &str = "{bar:40} {percent:>3}%  {human_pos}/{human_len} {prefix}\n{msg}";
/// Template of a run that only time ends.
const ENDLESS: &str = "{human_pos} {prefix}\n{msg}";

/// Display of a run's progress.
pub(crate) struct Progress {
    bar: ProgressBar,
    view: Arc<View>,
    notices: Notices,
}

impl Progress {
    pub(crate) fn new(view: Arc<View>, color: bool, notices: Notices) -> Self {
        let bar = if is_seen() && !notices.is_quiet() {
            let template = match (view.planned, color) {
                (None, _) => ENDLESS,
                (Some(_), true) => PAINTED,
                (Some(_), false) => PLAIN,
            };
            let style = ProgressStyle::with_template(template).expect("a constant template that is valid");
            let bar = ProgressBar::with_draw_target(view.planned, ProgressDrawTarget::stderr());
            bar.with_style(style).with_prefix(view.unit)
        } else {
            ProgressBar::hidden()
        };
        notice::speak_above(&bar);
        Self { bar, view, notices }
    }

    /// Shows the progress again and again. Never ends, and may be dropped at any time.
    pub(crate) async fn show_on(&self) {
        let every = if self.bar.is_hidden() { LINE_INTERVAL } else { BLOCK_INTERVAL };
        let mut ticks = interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut before = Glance::default();
        loop {
            ticks.tick().await;
            let now = self.view.glance();
            if self.bar.is_hidden() {
                self.notices.say(&line(&now, self.view.planned, self.view.unit));
            } else {
                draw(&self.bar, now.ended, block(&now, &before));
            }
            before = now;
        }
    }

    /// Removes the block before other text takes its place.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Draws position and block at once. Each setter draws by itself, so the block would be written
/// twice.
fn draw(bar: &ProgressBar, ended: u64, block: String) {
    let bar = bar.clone().with_position(ended);
    bar.set_message(block);
}

fn line(now: &Glance, planned: Option<u64>, unit: &str) -> String {
    let ended = now.ended;
    let of = match planned {
        Some(planned) => {
            format!("{:>5.1}%  {ended}/{planned}", ended as f64 * 100.0 / planned.max(1) as f64)
        }
        None => ended.to_string(),
    };
    let trouble = match ended.saturating_sub(now.reported.acked) {
        0 => String::new(),
        other => format!("{other} not acknowledged"),
    };
    let rate = ended as f64 / now.elapsed_s.max(0.001);
    format!("{:>5.0}s  {of} {unit}  {rate:.0}/s  {trouble}", now.elapsed_s)
}

/// Returns the lines under the bar.
fn block(now: &Glance, before: &Glance) -> String {
    let reported = now.reported;
    let counts = &now.tally.counts;
    let lately = (now.ended - before.ended) as f64 / (now.elapsed_s - before.elapsed_s).max(0.001);
    let mut rate =
        format!("{lately:.0}/s now, {:.0}/s since the start", now.ended as f64 / now.elapsed_s.max(0.001));
    if let Some(due) = now.due {
        rate.push_str(&match due.saturating_sub(now.started) {
            0 => ", as planned".to_owned(),
            behind => format!(", {behind} behind the plan"),
        });
    }
    let mut outcomes = format!("{} acknowledged", reported.acked);
    if reported.new + reported.duplicate > 0 {
        outcomes.push_str(&format!(" ({} new, {} duplicate)", reported.new, reported.duplicate));
    }
    for (count, name) in [
        (counts.rejected, "rejected"),
        (counts.unknown, "unknown"),
        (counts.unclear, "unclear"),
        (counts.retries, "retries"),
    ] {
        if count > 0 {
            outcomes.push_str(&format!(", {count} {name}"));
        }
    }
    let latencies = &now.tally.latencies;
    let mut lines = vec![
        format!("  {:<14}{rate}", "rate"),
        format!("  {:<14}{outcomes}", "outcomes"),
        format!("  {:<14}{}", "service time", quantiles(Quantiles::of(&latencies.service))),
        format!("  {:<14}{}", "response time", quantiles(Quantiles::of(&latencies.response))),
    ];
    if let Some(counters) = &now.counters {
        let known = [
            ("received", counters.received),
            ("unique", counters.unique),
            ("duplicates", counters.duplicates),
            ("waiting", Some(counters.backlog()).filter(|waiting| *waiting > 0)),
        ];
        let known = known.iter().filter_map(|(name, count)| Some(format!("{name} {}", (*count)?)));
        lines.push(format!("  {:<14}{}", "target", known.collect::<Vec<_>>().join(", ")));
    }
    lines.join("\n")
}

fn quantiles(quantiles: Option<Quantiles>) -> String {
    quantiles.map_or_else(
        || "-".to_owned(),
        |all| {
            format!(
                "med={} p(95)={} p(99)={} max={}",
                ms(all.p50_ms),
                ms(all.p95_ms),
                ms(all.p99_ms),
                ms(all.max_ms)
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use indicatif::TermLike;
    use truth::observed::counters::Counters;

    use super::*;
    use crate::connection::shortage::Shortages;
    use crate::meter::Tally;
    use crate::meter::counts::Counts;
    use crate::meter::live::Reported;

    fn glance() -> Glance {
        let counts = Counts { unknown: 100, ..Counts::default() };
        let mut tally = Tally { counts, ..Tally::default() };
        tally.latencies.record(0, 1_000_000, 3_000_000);
        let counters =
            Counters { received: Some(900), unique: Some(640), pending: Some(7), ..Counters::default() };
        Glance {
            elapsed_s: 2.0,
            ended: 1000,
            due: Some(1100),
            started: 1050,
            reported: Reported { acked: 900, new: 640, duplicate: 260 },
            tally,
            shortages: Shortages::default(),
            counters: Some(counters),
            is_over: false,
        }
    }

    #[test]
    fn the_block_tells_rate_outcomes_latencies_and_what_the_target_says() {
        let before = Glance { elapsed_s: 1.5, ended: 600, ..Glance::default() };
        let expected = "  rate          800/s now, 500/s since the start, 50 behind the plan\n\
                        \x20 outcomes      900 acknowledged (640 new, 260 duplicate), 100 unknown\n\
                        \x20 service time  med=2.00ms p(95)=2.00ms p(99)=2.00ms max=2.00ms\n\
                        \x20 response time med=3.00ms p(95)=3.00ms p(99)=3.00ms max=3.00ms\n\
                        \x20 target        received 900, unique 640, waiting 7";
        assert_eq!(block(&glance(), &before), expected);
        let early = block(&Glance::default(), &Glance::default());
        assert!(early.contains("service time  -") && !early.contains("  target"), "{early}");
    }

    /// Terminal that counts how often it is written to.
    #[derive(Clone, Debug, Default)]
    struct Terminal(Arc<AtomicUsize>);

    impl TermLike for Terminal {
        fn width(&self) -> u16 {
            80
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, _: &str) -> io::Result<()> {
            Ok(())
        }

        fn write_str(&self, _: &str) -> io::Result<()> {
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }

    #[test]
    fn the_block_is_written_once_a_look() {
        let terminal = Terminal::default();
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let bar = ProgressBar::with_draw_target(Some(100), target);
        bar.set_style(ProgressStyle::with_template(PLAIN).unwrap());
        for look in 1..=5 {
            draw(&bar, look, "block".to_owned());
            assert_eq!((terminal.0.load(Ordering::SeqCst), bar.position()), (look as usize, look));
        }
    }

    #[test]
    fn a_plain_line_tells_how_far_it_is() {
        assert_eq!(
            line(&glance(), Some(4000), "events"),
            "    2s   25.0%  1000/4000 events  500/s  100 not acknowledged"
        );
        assert_eq!(line(&glance(), None, "requests"), "    2s  1000 requests  500/s  100 not acknowledged");
    }
}
