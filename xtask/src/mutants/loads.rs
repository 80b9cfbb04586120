//! Loads of the mutants: tables of a scenario.

pub(super) const SMALL_BATCHES: &str = "[load]\nbatch = 10\n";
pub(super) const SINGLE: &str = "[load]\nbatch = 1\n";

/// Large batches: few enough of them for an inbox to be empty soon.
pub(super) const LARGE_BATCHES: &str = "[load]\nbatch = 40\n";

/// Few repeats, where each costs a batch: a run that loses a twentieth of its events does not show
/// by itself that the listing is whole.
pub(super) const FEW_REPEATS: &str = "[load]\nbatch = 10\ndup = \"0.003\"\n";

/// Repeats of few keys: a store may merge copies of a key later that came several times.
pub(super) const OFTEN_ONCE: &str = "[load]\nbatch = 10\ndup = \"0.02\"\n";
pub(super) const NO_REPEATS: &str = "[load]\nbatch = 10\ndup = \"0\"\n";

/// Repeats at the same moment, so that another request repeats what a kill interrupts.
pub(super) const SINGLE_OFTEN_AT_ONCE: &str =
    "[load]\nbatch = 1\ndup = \"0.6\"\n[mix]\nin_batch = 0\nconcurrent = 1\nnext = 0\ndelayed = 0\n";

/// Repeats later, so that most of what a kill interrupts comes again.
pub(super) const SINGLE_OFTEN_LATER: &str =
    "[load]\nbatch = 1\ndup = \"0.6\"\n[mix]\nin_batch = 0\nconcurrent = 0\nnext = 1\ndelayed = 1\n";
pub(super) const LATE_REPEATS: &str =
    "[load]\nbatch = 10\n[mix]\nin_batch = 0\nconcurrent = 0\nnext = 0\ndelayed = 1\n";

pub(super) const EQUAL_PAYLOADS: &str =
    "[load]\nbatch = 10\n[events.payload]\ntemplate = '{\"level\":\"info\"}'\n";

/// An integer that no floating-point number is.
pub(super) const BIG_INTEGERS: &str =
    "[load]\nbatch = 10\n[events.payload]\ntemplate = '{\"n\":{{n}},\"big\":9007199254740993}'\n";
pub(super) const SPOILT: &str = "[load]\nbatch = 10\n[traps]\ninvalid = 8\n";
pub(super) const WITH_RETRIES: &str = "[load]\nbatch = 10\nretries = 2\n";

/// Slow enough for reads of the counters meanwhile, and for time to pass between repeats.
pub(super) const SLOW: &str = "[load]\nbatch = 1\nconcurrency = 4\n";
pub(super) const SLOW_LATE_REPEATS: &str =
    "[load]\nbatch = 1\nconcurrency = 4\n[mix]\nin_batch = 0\nconcurrent = 0\nnext = 0\ndelayed = 1\n";

/// Load of the target without a defect, with every trap.
pub(super) const EVERYTHING: &str = "[load]\nbatch = 10\ntimeout = \"300ms\"\n\
 [traps]\nsame_id = 16\ncase = 16\ntrailing_space = 16\nnormalisation = 16\nlong_id = 16\n\
     numeric_id = 16\nother_payload = 16\nkey_order = 16\nnumber_spelling = 16\ninvalid = 20\nempty = 3\n\
     same_timestamp = 16\nsame_payload = 16\nother_timestamp = 16\nother_source = 16\n";
