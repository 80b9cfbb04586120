//! Modes in which the target without a defect keeps the contract, each with the scenario that
//! describes it.

/// A way to keep the contract, or the part of it that is promised.
#[derive(Debug)]
pub struct Mode {
    /// Name in the matrix.
    pub name: &'static str,
    /// Value of the target's setting.
    pub setting: &'static str,
    /// Description in the matrix.
    pub says: &'static str,
    /// Tables of a scenario that describe the target.
    pub target: &'static str,
    /// Lines of the scenario's promises.
    pub promises: &'static str,
}

/// Every promise, as the reference target makes them.
const PROMISES: &str = "preset = \"reference\"\n";

/// No tables: the reference's own.
const REFERENCE: &str = "";

/// Stores before it responds, and shows everything.
pub const STRICT: Mode = Mode {
    name: "committed, atomic",
    setting: "strict",
    says: "stores and counts a batch in one step, and answers after it",
    target: REFERENCE,
    promises: PROMISES,
};

/// Responds once a batch is in its inbox.
pub const QUEUED: Mode = Mode {
    name: "queued",
    setting: "queued",
    says: "answers 202 once a batch is in a durable inbox; two workers store it later",
    target: "[target]\n\
     answer = { accepted = \"/accepted\" }\n",
    promises: "preset = \"reference\"\nack = \"queued\"\nstats = \"eventual\"\ndrain = \"3s\"\n",
};

/// Like [`QUEUED`], with a promise to have stored everything within a second.
pub const QUEUED_IN_TIME: Mode = Mode {
    name: "queued, in time",
    promises: "preset = \"reference\"\nack = \"queued\"\nstats = \"eventual\"\ndrain = \"1s\"\n",
    ..QUEUED
};

/// Responds with counts and no list.
pub const COUNTS_ONLY: Mode = Mode {
    name: "counts-only answers",
    setting: "strict",
    says: "tells how many events of a batch were new, and not which",
    target: "[target]\nanswer = { accepted = \"/accepted\", inserted = \"/inserted\", duplicates = \"/duplicates\" }\n",
    promises: PROMISES,
};

/// Acknowledges by status alone.
pub const STATUS_ALONE: Mode = Mode {
    name: "status alone",
    target: "[target]\nanswer = {}\n",
    says: "acknowledges by the status, whatever the body says",
    ..STRICT
};

pub const MODES: &[&Mode] = &[
    &STRICT,
    &QUEUED,
    &Mode {
        name: "partial",
        setting: "partial",
        says: "refuses one event in 128 and takes the rest of the batch",
        target: "[target.answer]\naccepted = \"/accepted\"\ninserted = \"/inserted\"\nduplicates = \"/duplicates\"\n\
                 results = \"/results\"\nnew = [\"inserted\"]\nduplicate = [\"duplicate\"]\nrejected = [\"refused\"]\n",
        promises: "preset = \"reference\"\nbatch = \"partial\"\n",
    },
    &Mode {
        name: "windowed",
        setting: "windowed",
        says: "forgets a key half a second after it was stored, as it promises to, and then stores it again",
        target: REFERENCE,
        promises: "preset = \"reference\"\nwindow = \"500ms\"\n",
    },
    &Mode {
        name: "counters only",
        setting: "strict",
        says: "shows no events",
        target: "[target.listing]\n",
        promises: "preset = \"reference\"\nstats = \"eventual\"\n",
    },
    &COUNTS_ONLY,
    &Mode {
        name: "capped listing",
        setting: "capped",
        says: "shows 200 events of a topic and no way to more; the keys are spread over 64 topics",
        target: "[target.listing]\npath = \"/events\"\ntopics = \"each\"\npaging = \"none\"\nlimit = 200\n\
                 complete = false\n[events]\ntopics = 64\n",
        promises: PROMISES,
    },
    &Mode {
        name: "volatile counters",
        setting: "volatile",
        says: "begins to count anew with each process, and names it",
        target: REFERENCE,
        promises: "preset = \"reference\"\ncounters = \"volatile\"\n",
    },
];
