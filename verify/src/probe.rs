//! `verify probe`: meets an unknown target with some events of its own, and writes a scenario that
//! describes it, with a comment above each key that says what was seen.
//!
//! What was given is read (`given`), freed of secrets (`secret`) and cut into values (`sketch`).
//! Guesses (`roles`), what responses tell (`sight`, `findings`, `rules`) and the file (`draft`) are
//! plain functions of values. Only `asking` sends, and `session` says in which order.

use reader::console::{print_result, say};
use truth::chain::chain;
use truth::exit;
use truth::printable::printable;

mod acknowledged;
mod asking;
mod assumed;
mod class;
mod context;
mod counters;
mod deep;
mod draft;
mod error;
mod exchange;
mod findings;
mod given;
mod input;
mod json;
mod listing;
mod looking;
mod meet;
mod names;
mod options;
mod pace;
mod publish;
mod request;
mod response;
mod roles;
mod rows;
mod rules;
mod secret;
mod session;
mod sight;
mod sketch;
mod toml_text;
mod unescaped;
mod unmet;
mod view;

pub use self::options::ProbeOptions;

/// Probes a target, prints the scenario unless its file was named, and returns the exit code.
pub async fn run(options: &ProbeOptions) -> u8 {
    match session::probe(options).await {
        Ok(probed) => {
            let out = options.file().display();
            say(&format!("sent {}", probed.spent));
            for missing in &probed.missing {
                say(&format!("not found: {missing}"));
            }
            for variable in &probed.exports {
                say(&format!("a run needs the secret of the request: export {variable}"));
            }
            let code = match &probed.doubt {
                None => {
                    say(&format!("written to {out}; next: loadgen --scenario {out} --verify"));
                    exit::OK
                }
                Some(doubt) => {
                    say(&format!("written to {out}; {doubt}"));
                    exit::INCOMPLETE
                }
            };
            // A file that was named is looked for there.
            if options.out.is_some() { code } else { print_result(&probed.text, code) }
        }
        Err(error) => {
            say(&format!("verify probe: {}", printable(&chain(&error))));
            error.exit_code()
        }
    }
}
