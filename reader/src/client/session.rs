//! Session with a target: the requests before the run, such as a login, and what is kept of their
//! responses.
//!
//! These requests are made once, and again if the target answers a later request with 401. One of the
//! refused clients makes them, while the others wait. If nothing was served since the last login, the
//! next login has to wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};

use super::{Answer, Question, ReadError, TargetClient};
use crate::values::{Kept, Values};

/// Status that asks for a login.
pub const UNAUTHORIZED: u16 = 401;

/// Shortest time between two openings, if nothing was served in between.
const PAUSE: Duration = Duration::from_secs(1);

/// State of a session, shared by all clones of a client.
#[derive(Debug, Default)]
pub(super) struct Session {
    turn: Mutex<Turn>,
    /// True if a request was served since the last opening.
    has_served: AtomicBool,
}

/// Turn to open the session.
#[derive(Debug, Default)]
struct Turn {
    /// Begin of the last opening.
    opened: Option<Instant>,
}

impl TargetClient {
    /// True if there are requests before the run.
    pub fn has_session(&self) -> bool {
        !self.target().before.is_empty()
    }

    /// Number of times that the session was opened.
    pub fn session(&self) -> u64 {
        self.secrets.kept().generation()
    }

    /// Opens the session, unless it is open. Returns its number.
    pub async fn open_session(&self) -> Result<u64, ReadError> {
        if self.has_session() && self.session() == 0 {
            self.renew_session(0).await?;
        }
        Ok(self.session())
    }

    /// Opens the session again, unless somebody else has since the one with this number. Returns
    /// false if the last opening was refused at once, so that another would be no better.
    pub async fn renew_session(&self, seen: u64) -> Result<bool, ReadError> {
        let mut turn = self.session.turn.lock().await;
        if self.session() != seen {
            return Ok(true);
        }
        let is_served = self.session.has_served.swap(false, Ordering::Relaxed);
        if !is_served && turn.opened.is_some_and(|opened| opened.elapsed() < PAUSE) {
            return Ok(false);
        }
        turn.opened = Some(Instant::now());
        self.make_requests(turn).await?;
        Ok(true)
    }

    /// Waits while the session is opened by somebody else.
    pub async fn settled(&self) {
        if self.session.turn.try_lock().is_err() {
            drop(self.session.turn.lock().await);
        }
    }

    /// Notes that a request was served.
    pub fn note_served(&self) {
        self.session.has_served.store(true, Ordering::Relaxed);
    }

    async fn make_requests(&self, _turn: MutexGuard<'_, Turn>) -> Result<(), ReadError> {
        let mut kept = Kept::default();
        for prelude in &self.target().before {
            let before = kept.clone();
            let values = Values { opens_session: true, ..self.values(&before) };
            let mut retry = self.retry();
            let (question, answer) = loop {
                let question = self.question(prelude.request(), &values, "application/json")?;
                match self.ask(&question).await.and_then(|answer| answer.success(&question)) {
                    Ok(answer) => break (question, answer),
                    Err(error) => retry.after(error).await?,
                }
            };
            self.keep(prelude, &question, &answer, &mut kept)?;
        }
        if let Some((name, _)) = kept.iter().find(|(_, value)| is_unfit(value)) {
            let reason = format!(
                "{name} holds a control character or has spaces at its ends, which no header can hold"
            );
            return Err(ReadError::Shape { url: self.target().url.clone(), reason });
        }
        self.secrets.kept().replace(kept);
        Ok(())
    }

    /// Asks a question, and once more if the session has to be opened again. `make` fills it with the
    /// values of the moment.
    pub(crate) async fn asked(
        &self,
        make: impl Fn() -> Result<Question, ReadError>,
    ) -> Result<(Question, Answer), ReadError> {
        let seen = self.open_session().await?;
        let question = make()?;
        let answer = self.ask(&question).await?;
        if !self.has_session() {
            return Ok((question, answer));
        }
        if answer.status != UNAUTHORIZED {
            self.note_served();
            return Ok((question, answer));
        }
        if !self.renew_session(seen).await? {
            return Ok((question, answer));
        }
        let question = make()?;
        let answer = self.ask(&question).await?;
        Ok((question, answer))
    }
}

/// True if a header cannot hold a value.
fn is_unfit(value: &String) -> bool {
    value.chars().any(char::is_control) || value.trim() != value
}
