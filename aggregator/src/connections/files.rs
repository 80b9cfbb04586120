//! The limit on open files, which also limits connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files beside those of clients, writers and workers: the database's readers and its files,
/// logs, the runtime.
const OTHER_FILES: u64 = 64;

/// Raises the limit on open files to what the settings need, and returns the number of connections
/// that it allows. If files ran out, the database would miss them first.
pub(crate) fn affordable(wanted: u32, writers: u32, workers: u32) -> u32 {
    let others = OTHER_FILES + u64::from(writers) + u64::from(workers);
    let needed = u64::from(wanted) + others;
    let limit = getrlimit(Resource::Nofile);
    // No number means no limit.
    let has = |limit: Option<u64>| limit.is_none_or(|files| files >= needed);
    if has(limit.current) {
        return wanted;
    }
    let raised = if has(limit.maximum) { Some(needed) } else { limit.maximum };
    let files = match setrlimit(Resource::Nofile, Rlimit { current: raised, maximum: limit.maximum }) {
        Ok(()) => raised,
        Err(error) => {
            tracing::warn!("cannot raise the limit on open files: {error}");
            limit.current
        }
    };
    if has(files) {
        return wanted;
    }
    let left = files.unwrap_or(needed).saturating_sub(others);
    let connections = u32::try_from(left).unwrap_or(u32::MAX).clamp(1, wanted);
    tracing::warn!(
        "accepting at most {connections} connections at a time instead of {wanted} (MAX_CONNECTIONS): \
         raise the limit on open files (ulimit -n) to {needed}"
    );
    connections
}
