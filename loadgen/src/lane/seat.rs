//! Seat: the place of one connection in a lane. It opens its connection, carries one request at a
//! time, and opens another connection when that one is over.
//!
//! A request that never left stays with its seat until it leaves. Nothing is sent twice except a
//! retry, which has a record of its own.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};
use truth::clock::monotonic_ns;
use truth::record::ledger::LedgerError;

use super::bookends::Part;
use super::desk::{Desk, Shared, Taken};
use super::job::LaneJob;
use super::release;
use crate::connection::attempt::{Begun, Lost};
use crate::connection::dial::{Opened, Unopened};
use crate::connection::http1::Whole;
use crate::connection::http1::malformed::Malformed;
use crate::connection::{self, Connection};
use crate::meter::latency::micros;

/// First pause after a connection that carried nothing.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// Longest pause after such a connection.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Seat of a lane.
pub(crate) struct Seat {
    pub(crate) index: usize,
    pub(crate) job: std::sync::Arc<LaneJob>,
    pub(crate) desk: Rc<RefCell<Desk>>,
}

/// End of a connection's service.
#[derive(Clone, Copy)]
enum Served {
    /// The other end responded, or was given the time to; the next connection may be opened at once.
    Well,
    /// The connection was over before a byte came over it. A listener that is closing accepts some
    /// connections that nobody will serve, and each would cost a request.
    ForNothing,
}

impl Served {
    /// Returns the service of a connection after one more request, of which no byte had come yet
    /// unless `has_begun`.
    fn and(self, ended: &Result<Whole, Lost>, has_begun: bool) -> Self {
        match ended {
            Err(Lost::Broken(_) | Lost::Malformed(Malformed::Truncated)) if !has_begun => self,
            Ok(_) | Err(_) => Self::Well,
        }
    }
}

impl Seat {
    /// Works until nothing is left to do.
    pub(crate) async fn work(self) -> Result<(), LedgerError> {
        let mut alarm = pin!(sleep(Duration::ZERO));
        let mut pause = Duration::ZERO;
        let mut opened = false;
        loop {
            if !self.desk.borrow().carries(self.index) && self.desk.borrow().is_dry() {
                return Ok(());
            }
            if !pause.is_zero() {
                sleep(pause).await;
            }
            let now = monotonic_ns();
            match self.job.next_work(self.index, now) {
                Some(at) if at > now => {
                    sleep(Duration::from_nanos(at - now)).await;
                    continue;
                }
                // A request that never left stays with its seat.
                None if !self.desk.borrow().carries(self.index) => return Ok(()),
                Some(_) | None => {}
            }
            pause = match self.open().await {
                Some(connection) => {
                    self.desk.borrow_mut().tallies.measured.counts.connections.reconnects +=
                        u64::from(opened);
                    opened = true;
                    match self.serve(&connection, alarm.as_mut()).await? {
                        Served::Well => Duration::ZERO,
                        Served::ForNothing => lengthen(pause),
                    }
                }
                None => lengthen(pause),
            };
        }
    }

    async fn open(&self) -> Option<Shared> {
        let connected = self.job.dial.connect().await;
        let mut desk = self.desk.borrow_mut();
        match connected {
            Ok(Opened { line, connecting_ns, handshake_ns }) => {
                let latencies = &mut desk.tally(monotonic_ns()).latencies;
                latencies.connecting.saturating_record(micros(connecting_ns));
                if let Some(handshake_ns) = handshake_ns {
                    latencies.tls_handshaking.saturating_record(micros(handshake_ns));
                }
                let opened = &mut desk.tallies.measured.counts.connections.opened;
                *opened += 1;
                let number = self.job.place.connection_number(*opened);
                let bodies = self.job.content.fixed.bodies();
                Some(Rc::new(RefCell::new(Connection::new(number, line, bodies))))
            }
            Err(error) => {
                tracing::debug!(seat = self.index, %error, "cannot connect");
                let is_refused = matches!(error, Unopened::Failed(_));
                desk.tallies.measured.counts.connections.refused += u64::from(is_refused);
                None
            }
        }
    }

    /// Carries requests over this connection until it is over, or there are no more.
    async fn serve(&self, connection: &Shared, mut alarm: Pin<&mut Sleep>) -> Result<Served, LedgerError> {
        let mut served = Served::ForNothing;
        let mut carried = 0;
        loop {
            if !self.desk.borrow().carries(self.index) {
                let now = monotonic_ns();
                if self.job.next_work(self.index, now).is_none_or(|at| at > now) {
                    return Ok(Served::Well);
                }
                let taken = self.desk.borrow_mut().take(self.index, connection)?;
                match taken {
                    Taken::Nothing => return Ok(served),
                    Taken::Request => {}
                    Taken::Barred(part) => {
                        if !self.barred(connection, part).await {
                            return Ok(served);
                        }
                        continue;
                    }
                    Taken::Held => {
                        if !self.held(connection, alarm.as_mut()).await {
                            return Ok(served);
                        }
                    }
                }
            }
            if let Some(login) = &self.job.login {
                login.settled().await;
            }
            if !self.leave(connection).await {
                return Ok(served);
            }
            let now = Instant::now();
            let whole_by = now + self.job.limits.timeout;
            let first_byte_by =
                self.job.limits.first_byte_timeout.map_or(whole_by, |limit| whole_by.min(now + limit));
            alarm.as_mut().reset(first_byte_by);
            let ended = connection::answer(connection, alarm.as_mut(), whole_by).await;
            served = served.and(&ended, connection.borrow().has_begun_to_answer());
            let concluded = self.desk.borrow_mut().conclude(self.index, connection, &ended)?;
            if let (Some(login), Some(refused)) = (&self.job.login, concluded.refused) {
                login.renew(refused).await;
                self.desk.borrow_mut().due(self.index);
            }
            if let Some(pause) = concluded.pause {
                sleep(pause).await;
                // A request that is tried again is planned for now.
                self.desk.borrow_mut().due(self.index);
            }
            carried += 1;
            let is_spent = self.job.limits.requests_per_connection.is_some_and(|most| carried >= most);
            if is_spent || !ended.is_ok_and(|whole| whole.reusable) {
                return Ok(served);
            }
        }
    }

    /// Waits for the release that this connection is held for; false if the connection was over
    /// before.
    async fn held(&self, connection: &Shared, mut alarm: Pin<&mut Sleep>) -> bool {
        alarm.as_mut().reset(Instant::now() + release::PATIENCE);
        poll_fn(|cx| {
            let mut desk = self.desk.borrow_mut();
            if desk.carries(self.index) {
                return Poll::Ready(true);
            }
            if connection::poll_disturbed(connection, cx).is_ready() {
                desk.withdraw(self.index);
                return Poll::Ready(false);
            }
            if !desk.is_paced() && alarm.as_mut().poll(cx).is_ready() {
                desk.let_go();
                return Poll::Ready(true);
            }
            desk.wake_when_let_go(self.index, cx.waker());
            Poll::Pending
        })
        .await
    }

    /// Waits until requests of this part may leave; false if the connection was over before.
    async fn barred(&self, connection: &Shared, part: Part) -> bool {
        let Some(gate) = &self.job.work.gate else { return true };
        tokio::select! {
            () = gate.wait_for(part) => true,
            () = poll_fn(|cx| connection::poll_disturbed(connection, cx)) => {
                self.desk.borrow_mut().withdraw(self.index);
                false
            }
        }
    }

    /// Writes this seat's request until its first byte has left; false if the connection was over
    /// before.
    async fn leave(&self, connection: &Shared) -> bool {
        if self.desk.borrow().has_left(self.index) {
            return true;
        }
        loop {
            let begun = self.desk.borrow_mut().begin(self.index, connection);
            match begun {
                Begun::Sent => return true,
                Begun::Dead => return false,
                Begun::Blocked => connection::writable(connection).await,
            }
        }
    }
}

fn lengthen(pause: Duration) -> Duration {
    (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_ten_milliseconds_to_a_second() {
        let pauses: Vec<u128> = std::iter::successors(Some(Duration::ZERO), |pause| Some(lengthen(*pause)))
            .take(10)
            .map(|pause| pause.as_millis())
            .collect();
        assert_eq!(pauses, [0, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }
}
