//! `loadgen` as a program, against a scripted target over real sockets.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod answer_rules;
mod answers;
mod beside;
mod bookends;
mod checks;
mod commands;
mod crash;
mod ends;
mod exact;
mod executors;
mod http;
mod http2;
mod identity;
mod machine;
mod onlookers;
mod opened;
mod peers;
mod program;
mod proxies;
mod rate;
mod raw;
mod reach;
mod releases;
mod repeats;
mod requests;
mod retries;
mod schema;
mod session;
mod shapes;
mod stub;
mod thresholds;
mod tls;
mod traces;
mod troubles;
