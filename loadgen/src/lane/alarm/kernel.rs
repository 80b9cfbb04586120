//! Alarms by timers of Linux.

use std::io;
use std::os::fd::OwnedFd;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// Timer that one task waits for.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: AsyncFd<OwnedFd>,
}

impl Alarm {
    /// Takes a timer from the kernel, for the event loop of this thread.
    #[expect(
        deprecated,
        reason = "what `register` asks for holds: an `OwnedFd` is open, and the same, until it is dropped"
    )]
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self { timer: AsyncFd::new(timer)? })
    }

    /// Waits for the instant; for ever if there is none, or if the kernel refuses it.
    pub(crate) async fn until(&self, at_ns: Option<u64>) {
        // The kernel reads an instant of 0 as none at all.
        let Some(at_ns) = at_ns.map(|at_ns| at_ns.max(1)) else { return std::future::pending().await };
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let at = Timespec { tv_sec: (at_ns / 1_000_000_000) as i64, tv_nsec: (at_ns % 1_000_000_000) as i64 };
        let once = Itimerspec { it_interval: zero, it_value: at };
        let set = timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::ABSTIME, &once);
        match set {
            Ok(_) => self.rung().await,
            Err(_) => std::future::pending().await,
        }
    }

    async fn rung(&self) {
        loop {
            let Ok(mut ready) = self.timer.readable().await else { return std::future::pending().await };
            let read = ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut [0_u8; 8])?));
            if read.is_ok_and(|read| read.is_ok()) {
                return;
            }
        }
    }
}
