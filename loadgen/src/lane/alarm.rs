//! Alarms: timers that wait for an instant of the monotonic clock.
//!
//! The event loop's own timers count whole milliseconds, so they are late by half a millisecond on
//! average. A timer of Linux is not. Elsewhere those of the event loop have to do.

#[cfg(target_os = "linux")]
mod kernel;
#[cfg(not(target_os = "linux"))]
mod portable;

#[cfg(target_os = "linux")]
pub(crate) use kernel::Alarm;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::Alarm;
