//! End of the page: commands to repeat, settings, machine and versions.

use std::time::Duration;

use judge::numbers::grouped;
use judge::verdict::Judgement;
use truth::duration;

use super::markup::{Markup, html, isolated};
use super::material::Material;

/// Most bytes of the settings that are shown.
const MOST: usize = 20_000;

/// Writes the end of the page.
pub(super) fn write(out: &mut Markup, verdict: &Judgement, material: &Material<'_>) {
    html!(out, "<section id=\"repeat\"><h2>To repeat</h2>\n");
    commands(out, verdict);
    html!(out, "<h2>Settings and machine</h2>\n<dl class=\"settings\">");
    for (name, value) in settings(verdict, material) {
        html!(out, "<div><dt>{name}</dt><dd><bdi>{}</bdi></dd></div>", isolated(&value));
    }
    html!(out, "</dl>\n");
    let scenario = serde_json::to_string_pretty(&material.manifest.scenario).unwrap_or_default();
    if scenario.len() <= MOST {
        html!(out, "<details><summary>The whole scenario</summary><pre tabindex=\"0\">");
        for line in scenario.lines() {
            html!(out, "{}\n", isolated(line));
        }
        html!(out, "</pre></details>\n");
    }
    html!(out, "</section>\n");
}

fn commands(out: &mut Markup, verdict: &Judgement) {
    let runs = verdict.runs.join(" ");
    let called = &verdict.called;
    let all = [
        ("the same load again", verdict.rerun.clone()),
        ("the verdict again, without the target", format!("{called} --offline {runs}")),
        ("this page again", format!("{called} --offline --report report.html {runs}")),
    ];
    html!(out, "<dl class=\"commands\">");
    for (name, command) in all.iter().filter(|(_, command)| !command.is_empty()) {
        html!(out, "<div><dt>{name}</dt><dd><code>{}</code></dd></div>", isolated(command));
    }
    html!(out, "</dl>\n");
}

fn settings(verdict: &Judgement, material: &Material<'_>) -> Vec<(&'static str, String)> {
    let manifest = &material.manifest;
    let plan = &manifest.plan;
    let load = &manifest.scenario.load;
    let lasting = |time: Option<Duration>| time.map(duration::format);
    let bytes = plan.payload_bytes;
    let of_each = |whole, shard| if material.shards > 1 { shard } else { whole };
    let all = [
        ("target", Some(verdict.target.clone())),
        ("scenario", Some(manifest.scenario.name.clone())),
        ("began", verdict.began_utc.clone()),
        ("attempts planned", plan.total.map(grouped)),
        ("rate", load.rate.as_ref().map(ToString::to_string)),
        ("duration", lasting(load.duration)),
        ("share of duplicates", Some(load.dup.clone())),
        ("events in a request", Some(grouped(u64::from(plan.batch)))),
        ("payload", Some(format!("{} to {} bytes", grouped(bytes[0].into()), grouped(bytes[1].into())))),
        (of_each("connections", "connections of each shard"), Some(grouped(u64::from(manifest.concurrency)))),
        (of_each("lanes", "lanes of each shard"), Some(grouped(u64::from(manifest.lanes)))),
        ("retries", Some(load.retries.to_string())),
        ("timeout", lasting(Some(load.timeout))),
        ("seed", Some(plan.seed.to_string())),
        ("cores of the sender", Some(manifest.machine.cpus.to_string())),
        ("shards judged", (material.shards > 1).then(|| material.shards.to_string())),
        ("loadgen", Some(manifest.onceproof.clone())),
        ("verify", Some(verdict.onceproof.clone())),
        ("observation", (verdict.observation > 0).then(|| verdict.observation.to_string())),
        ("run folders", Some(verdict.runs.join(", "))),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
