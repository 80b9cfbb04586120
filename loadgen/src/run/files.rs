//! Limit of open files: raised as far as this process may, and compared with what a run needs.

use reader::system;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::Failure;
use crate::executor::Workload;
use crate::watch::notice::{Notices, counted};

/// Number of files of one lane: its event loop, its timer and its segment of the ledger.
const OF_A_LANE: u64 = 6;

/// Number of files that a run opens besides, some of them only at times: the other files of its
/// folder, the reads of the target, and programs of faults.
const OF_A_RUN: u64 = 8;

/// Raises the limit of open files to the hard one. The target that a scenario starts inherits it.
pub(super) fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where that is refused, the limit stays, and is compared as it is.
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).ok();
}

/// Warns if the connections of a run do not fit the limit, and refuses a run without room for one.
pub(super) fn compare(workload: &Workload, notices: Notices) -> Result<(), Failure> {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return Ok(()) };
    let least = system::open_files().unwrap_or(0) + OF_A_LANE * u64::from(workload.lanes);
    let connections = u64::from(workload.connections);
    let needed = least + OF_A_RUN + connections;
    if limit >= needed {
        return Ok(());
    }
    let text = told(limit, least, connections, needed);
    if limit <= least {
        return Err(Failure::Usage(text));
    }
    notices.warn(&text);
    Ok(())
}

/// Returns the message about a limit that is too low for `connections`; `least` is the number of
/// files that are open without any.
fn told(limit: u64, least: u64, connections: u64, needed: u64) -> String {
    let fitting = match limit.saturating_sub(least) {
        0 => "no connection fits".to_owned(),
        some => format!("about {} of them fit", some.min(connections)),
    };
    format!(
        "the run needs {needed} open files for {}, and may open {limit}: {fitting}; raise the limit with `ulimit -n \
         {needed}`, or use fewer connections (-c)",
        counted(connections, "connection"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_that_do_not_fit_are_told_with_the_way_out() {
        assert_eq!(
            told(64, 17, 200, 225),
            "the run needs 225 open files for 200 connections, and may open 64: about 47 of them fit; raise the limit \
             with `ulimit -n 225`, or use fewer connections (-c)"
        );
        assert!(told(16, 17, 1, 26).contains("for 1 connection, and may open 16: no connection fits"));
    }
}
