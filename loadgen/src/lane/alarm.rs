//! Alarms: timers that wait for an instant of the monotonic clock.
//!
//! The event loop's own timers count whole milliseconds, so they are late by half a millisecond on
//! average. A timer of Linux is not. On other systems, the timers of the event loop are used.

#[cfg(target_os = "linux")]
mod kernel;
#[cfg(not(target_os = "linux"))]
mod portable;

#[cfg(target_os = "linux")]
pub(crate) use kernel::Alarm;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::Alarm;
