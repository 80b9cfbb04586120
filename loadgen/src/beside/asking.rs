//! Connections that carry one kind of requests beside the load, each one request at a time.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use truth::clock::{monotonic_ns, utc_ms};
use truth::target::secrets::Secrets;
use truth::target::template::{Fill, FillError, HoleName};
use truth::target::wire::post_head;

use super::measure::{Ended, Measured};
use super::{Common, Kind};
use crate::connection::attempt::Begun;
use crate::connection::http1::Bodies;
use crate::connection::{self, Connection};

/// First pause after a connection that could not be opened, or broke; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// Longest pause after such a connection.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Requests of one kind.
pub(super) struct Asking {
    pub(super) kind: Kind,
    common: Common,
    /// Instant of the first request.
    begin: Instant,
    /// Number of instants that were taken, at a rate.
    taken: Cell<u32>,
    pub(super) measured: RefCell<Measured>,
}

/// Values of a request.
struct Values<'a> {
    secrets: &'a Secrets,
    now_ms: i64,
}

impl Fill for Values<'_> {
    fn fill(&self, name: &HoleName, out: &mut Vec<u8>) -> Result<(), FillError> {
        match name {
            HoleName::Now(form) => form.write(self.now_ms, out),
            other => self.secrets.fill(other, out)?,
        }
        Ok(())
    }
}

impl Asking {
    pub(super) fn new(kind: Kind, common: Common, begin: Instant) -> Rc<Self> {
        let measured = RefCell::new(Measured::nothing(kind.name.clone(), kind.connections));
        Rc::new(Self { kind, common, begin, taken: Cell::new(0), measured })
    }

    /// Works on one connection after the other; whoever ends the load ends this.
    pub(super) async fn work(self: Rc<Self>) {
        sleep_until(self.begin).await;
        let mut pause = Duration::ZERO;
        loop {
            // At a rate, no connection opens before there is a request for it.
            let mut due = self.turn().await;
            match self.kind.dial.connect().await {
                Ok(opened) => {
                    let bodies = if self.kind.head.is_head() { Bodies::Absent } else { Bodies::Dropped };
                    let connection = RefCell::new(Connection::new(0, opened.line, bodies));
                    while self.ask(&connection, due).await {
                        pause = Duration::ZERO;
                        due = self.turn().await;
                    }
                }
                Err(error) => {
                    tracing::debug!(kind = self.kind.name, %error, "cannot connect");
                    self.measured.borrow_mut().refused += 1;
                }
            }
            pause = (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            sleep(pause).await;
        }
    }

    /// Waits for the instant of the next request, and returns it.
    async fn turn(&self) -> u64 {
        if let Some(interval) = self.kind.interval {
            let nth = self.taken.replace(self.taken.get().saturating_add(1));
            let due = self.begin + interval * nth;
            let late = Instant::now().saturating_duration_since(due);
            sleep_until(due).await;
            return monotonic_ns().saturating_sub(late.as_nanos() as u64);
        }
        monotonic_ns()
    }

    /// Sends a request and reads its response. Returns true if the connection can carry another one.
    async fn ask(&self, connection: &RefCell<Connection>, t_planned: u64) -> bool {
        if let Some(login) = &self.common.login {
            login.settled().await;
        }
        let session = self.common.login.as_ref().map(|login| login.session());
        let request = self.render();
        let t_start = monotonic_ns();
        loop {
            let begun = connection.borrow_mut().begin(&request);
            match begun {
                Begun::Sent => break,
                Begun::Dead => return false,
                Begun::Blocked => connection::writable(connection).await,
            }
        }
        let whole_by = Instant::now() + self.common.timeout;
        let alarm = pin!(sleep_until(whole_by));
        let ended = connection::answer(connection, alarm, whole_by).await;
        let t_end = monotonic_ns();
        let status = ended.as_ref().ok().map(|whole| whole.status);
        if t_planned >= self.common.measured_from_ns {
            self.measured.borrow_mut().take(Ended { status, t_planned, t_start, t_end });
        }
        if let (Some(login), Some(session), Some(status)) = (&self.common.login, session, status)
            && login.is_asked_for(status)
        {
            login.renew(session).await;
        }
        ended.is_ok_and(|whole| whole.reusable)
    }

    /// Returns a request, head and body.
    fn render(&self) -> Vec<u8> {
        const CHECKED: &str = "the scenario's check found a value for each hole";
        let values = Values { secrets: &self.common.secrets, now_ms: utc_ms() };
        let mut body = Vec::new();
        if let Some((template, fit)) = &self.kind.body {
            template.write(*fit, &values, &mut body).expect(CHECKED);
        }
        let mut request = Vec::new();
        self.kind.head.write(&values, None, &mut request).expect(CHECKED);
        if body.is_empty() && !self.kind.states_length {
            request.extend_from_slice(b"\r\n");
        } else {
            post_head(b"", body.len(), &mut request);
            request.extend_from_slice(&body);
        }
        request
    }
}
