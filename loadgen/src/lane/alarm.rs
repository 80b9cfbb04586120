//! Alarms: timers that wait for an instant of the monotonic clock.
//!
//! The event loop's own timers count whole milliseconds, so they are late by half a millisecond on
//! average. A timer of Linux is not. On other systems, the timers of the event loop are used.

#[cfg(target_os = "linux")]
mod kernel;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;

#[cfg(target_os = "linux")]
pub(crate) use kernel::Alarm;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::Alarm;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::runtime::Builder;
    use tokio::time::timeout;
    use truth::clock::monotonic_ns;

    const MS: u64 = 1_000_000;

    /// Defines the tests of one kind of alarm.
    macro_rules! tests_of {
        ($kind:ident) => {
            mod $kind {
                use super::*;
                use crate::lane::alarm::$kind::Alarm;

                fn with_an_alarm(test: impl AsyncFnOnce(Alarm)) {
                    let runtime = Builder::new_current_thread().enable_all().build().expect("an event loop");
                    runtime.block_on(async { test(Alarm::new().expect("an alarm")).await });
                }

                #[test]
                fn it_rings_again_and_again_and_never_early() {
                    with_an_alarm(async |alarm| {
                        for after_ns in [0, 1, 300_000, 3 * MS, 20 * MS] {
                            let at_ns = monotonic_ns() + after_ns;
                            alarm.until(Some(at_ns)).await;
                            assert!(monotonic_ns() >= at_ns, "{after_ns} ns");
                        }
                    });
                }

                #[test]
                fn an_instant_that_is_past_rings_at_once() {
                    with_an_alarm(async |alarm| {
                        for at_ns in [0, 1, monotonic_ns().saturating_sub(MS)] {
                            alarm.until(Some(at_ns)).await;
                        }
                    });
                }

                #[test]
                fn a_wait_that_was_given_up_leaves_nothing_behind() {
                    with_an_alarm(async |alarm| {
                        for far in [None, Some(monotonic_ns() + 3_600_000 * MS)] {
                            assert!(timeout(Duration::from_millis(5), alarm.until(far)).await.is_err());
                            let at_ns = monotonic_ns() + MS;
                            alarm.until(Some(at_ns)).await;
                            assert!(monotonic_ns() >= at_ns);
                        }
                    });
                }
            }
        };
    }

    tests_of!(portable);
    #[cfg(target_os = "linux")]
    tests_of!(kernel);
}
