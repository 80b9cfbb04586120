//! Page of the real servers, in Markdown.

use super::{Field, Ran};

const HEAD: &str = "\
# Real servers

`cargo xtask field` installs these servers, runs each in a fresh folder on one machine, and judges it
with its file of `targets/`. Each case has two runs, with different seeds. A finding counts only if
both runs have it. The last column says what the server's documentation says of the case.
";

/// Returns the page.
pub(super) fn page(fields: &[Field], count: u32) -> String {
    let mut page = HEAD.to_owned();
    for field in fields {
        page += &section(field, count);
    }
    page
}

fn section(field: &Field, count: u32) -> String {
    let server = field.server;
    let file = server.file;
    let mut text = format!(
        "\n## {} {}\n\n```text\n{}\nloadgen --scenario targets/{file}.toml --count {count} --dup 0.3 --verify\n```\n\n\
         | case | seed 1 | seed 2 | first reason | documents |\n| --- | --- | --- | --- | --- |\n",
        server.name, field.version, server.installed_by
    );
    for Ran { case, outcomes } in &field.ran {
        let shorts: Vec<String> = outcomes.iter().map(super::Outcome::short).collect();
        let reason = match outcomes.first() {
            Some(outcome) if outcome.verdict != "PASS" => outcome.first_reason(),
            _ => "",
        };
        let reason = reason.replace('|', "\\|");
        text += &format!("| {} | {} | {reason} | {} |\n", case.title, shorts.join(" | "), case.because);
    }
    text
}
