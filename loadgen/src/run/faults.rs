//! Faults of the scenario: they happen while the lanes send, each with a proof, and each is undone
//! before the run is over.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use reader::process::{ProcessError, TargetProcess};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use truth::chain::chain;
use truth::clock::monotonic_ns;
use truth::files::FolderError;
use truth::files::lines::LineWriter;
use truth::record::faults::{FaultRecord, planned};
use truth::scenario::fault::{Action, At, Fault};

use crate::meter::live::{self, LiveSums};
use crate::watch::notice::Notices;

/// Interval at which the striker looks whether a fault is due.
const LOOK: Duration = Duration::from_millis(2);

/// Longest time for a command.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// Striker: does the faults, and knows what it needs of the run.
pub(crate) struct Striker {
    pub(crate) faults: Vec<Fault>,
    pub(crate) seed: u32,
    /// Number of attempts of this run.
    pub(crate) events: u64,
    pub(crate) live: Vec<Arc<LiveSums>>,
    pub(crate) writer: LineWriter,
    /// Process of the target, if the scenario starts it.
    pub(crate) process: Option<TargetProcess>,
    pub(crate) notices: Notices,
}

/// Striker at work beside the lanes.
pub(crate) struct Striking {
    over: watch::Sender<bool>,
    work: JoinHandle<Struck>,
}

/// Result of a striker.
pub(crate) struct Struck {
    /// Process of the target, running again unless that failed.
    pub(crate) process: Option<TargetProcess>,
    /// Error that kept a fault from being recorded.
    pub(crate) unrecorded: Option<FolderError>,
}

impl Striking {
    /// Starts the striker.
    pub(crate) fn begin(striker: Striker) -> Self {
        let (over, listening) = watch::channel(false);
        Self { over, work: tokio::spawn(striker.work(listening)) }
    }

    /// Ends the striker, as all requests are sent. A fault under way is undone first; further
    /// faults do not happen.
    pub(crate) async fn end(self) -> Struck {
        self.over.send_replace(true);
        match self.work.await {
            Ok(struck) => struck,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl Striker {
    async fn work(mut self, over: watch::Receiver<bool>) -> Struck {
        let begun_ns = monotonic_ns();
        let mut waiting: Vec<(usize, At)> = self
            .faults
            .iter()
            .enumerate()
            .map(|(number, fault)| (number, fault.due(self.seed, number)))
            .collect();
        let mut is_dead = false;
        let mut unrecorded = None;
        while !*over.borrow() && unrecorded.is_none() {
            let ended = live::ended(&self.live);
            let since = Duration::from_nanos(monotonic_ns().saturating_sub(begun_ns));
            let due = waiting.iter().position(|(_, at)| self.is_due(*at, ended, since));
            let record = match due {
                Some(place) => {
                    let (number, _) = waiting.remove(place);
                    Some(self.strike(number, begun_ns, ended, &over).await)
                }
                None if !is_dead => self.death(begun_ns, ended).inspect(|_| is_dead = true),
                None => None,
            };
            match record {
                Some(record) => unrecorded = self.writer.write(&record).err(),
                None => sleep(LOOK).await,
            }
        }
        for (number, _) in waiting {
            let missed = "the run was over before".to_owned();
            let record = FaultRecord { missed: Some(missed), ..self.record(Some(number), begun_ns, 0) };
            unrecorded = unrecorded.or(self.writer.write(&record).err());
        }
        Struck { process: self.process, unrecorded }
    }

    fn is_due(&self, at: At, ended: u64, since: Duration) -> bool {
        match at {
            At::Share(thousandths) => {
                u128::from(ended) * 1000 >= u128::from(self.events) * u128::from(thousandths)
            }
            At::Time(time) => since >= time,
        }
    }

    /// Returns the record of a fault that begins now.
    fn record(&self, number: Option<usize>, begun_ns: u64, attempts_ended: u64) -> FaultRecord {
        let now = monotonic_ns();
        let planned = number.map_or_else(
            || "the target ended by itself".to_owned(),
            |number| planned(&self.faults[number], self.seed, number),
        );
        FaultRecord {
            number,
            planned,
            begun_ns: now,
            ended_ns: now,
            after_ms: now.saturating_sub(begun_ns) / 1_000_000,
            attempts_ended,
            proof: None,
            missed: None,
        }
    }

    /// Does one fault, and undoes it.
    async fn strike(
        &mut self,
        number: usize,
        begun_ns: u64,
        ended: u64,
        over: &watch::Receiver<bool>,
    ) -> FaultRecord {
        let mut record = self.record(Some(number), begun_ns, ended);
        let fault = self.faults[number].clone();
        let done = match fault.action {
            Action::Kill | Action::Terminate => self.restart(fault.action, fault.lasts).await,
            Action::Pause => self.pause(fault.lasts).await,
            Action::Run => run(&fault).await,
        };
        match done {
            Ok(proof) => record.proof = Some(proof),
            Err(reason) => {
                self.notices.warn(&format!("the fault {} failed: {reason}", record.planned));
                record.missed = Some(reason);
            }
        }
        if record.missed.is_none() && *over.borrow() && ended >= self.events {
            record.missed = Some("all attempts had ended before".to_owned());
        }
        record.ended_ns = monotonic_ns();
        record
    }

    async fn restart(&mut self, action: Action, down: Duration) -> Result<String, String> {
        let process = self.process.as_mut().ok_or("there is no process")?;
        let status = match action {
            Action::Kill => process.kill().await,
            _ => process.terminate().await,
        };
        let status = status.map_err(|error| chain(&error))?;
        sleep(down).await;
        process.restart().await.map_err(|error| chain(&error))?;
        Ok(format!("ended by {status}, and ready again"))
    }

    async fn pause(&mut self, lasts: Duration) -> Result<String, String> {
        let process = self.process.as_mut().ok_or("there is no process")?;
        let paused = process.pause().await;
        if paused.is_ok() {
            sleep(lasts).await;
        }
        process.resume();
        paused.map_err(|error| chain(&error))?;
        Ok(format!("seen stopped for {}", truth::duration::format(lasts)))
    }

    /// Returns a record if the target has ended by itself.
    fn death(&mut self, begun_ns: u64, ended: u64) -> Option<FaultRecord> {
        let status = match self.process.as_mut()?.has_ended() {
            Ok(status) => status?.to_string(),
            Err(ProcessError::System { source, .. }) => source.to_string(),
            Err(error) => error.to_string(),
        };
        self.notices.warn(&format!("the target ended by itself ({status}); loadgen does not start it again"));
        Some(FaultRecord { proof: Some(status), ..self.record(None, begun_ns, ended) })
    }
}

/// Runs a command, and after a while the one that undoes it.
async fn run(fault: &Fault) -> Result<String, String> {
    let command = fault.run.as_deref().unwrap_or_default();
    let status = shell(command).await?;
    sleep(fault.lasts).await;
    if let Some(heal) = &fault.heal {
        shell(heal).await?;
    }
    Ok(format!("`{command}` ended with {status}"))
}

async fn shell(command: &str) -> Result<ExitStatus, String> {
    let mut child = Command::new("sh");
    child
        .args(["-c", command])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true);
    match timeout(COMMAND_LIMIT, child.status()).await {
        Ok(Ok(status)) if status.success() => Ok(status),
        Ok(Ok(status)) => Err(format!("`{command}` ended with {status}")),
        Ok(Err(error)) => Err(format!("`{command}` could not be run: {error}")),
        Err(_) => Err(format!("`{command}` took longer than {} s", COMMAND_LIMIT.as_secs())),
    }
}
