//! `cargo xtask picture`: the picture of the README, two pages beside each other: a FAIL and a PASS.
//!
//! A real browser takes it, of pages that real runs have left.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};

use crate::rig::aggregator::{self, sqlite_url};
use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;
use crate::rig::programs::{Profile, Programs};
use crate::rig::scratch::Scratch;
use crate::rig::service::Service;

/// Defect of the target that fails.
const DEFECT: &str = "drops-one-doubles-one";

/// Programs that take a picture, as their packages name them.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Width and height of one page in the picture.
const PAGE: (u32, u32) = (1000, 1250);

#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Picture to write
    #[arg(long, default_value = "docs/report.png")]
    out: PathBuf,
}

/// Runs two loads, and takes a picture of their pages.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    let browser = browser()?;
    cargo::build_all(false, interrupt)?;
    let programs = Programs::built(Profile::Debug, interrupt)?;
    let scratch = Scratch::new()?;
    let failed = {
        let journal = scratch.path().join("journal").display().to_string();
        let defect = [("JOURNAL", journal), ("DEFECT", DEFECT.to_owned()), ("MODE", "strict".to_owned())];
        let target = Service::start(&programs, "examples/mutant", defect.to_vec())?;
        judged(&programs, &target.url(), &scratch.path().join("failed"), 1)?
    };
    let passed = {
        let target = aggregator::start(&programs, &sqlite_url(scratch.path()))?;
        judged(&programs, &target.url(), &scratch.path().join("passed"), 0)?
    };
    let mut pictures = Vec::new();
    for page in [failed, passed] {
        let picture = page.with_extension("png");
        photograph(browser, &page, &picture, PAGE)?;
        pictures.push(format!("<img src=\"file://{}\">", picture.display()));
    }
    let beside = scratch.path().join("beside.html");
    std::fs::write(&beside, format!("{STYLE}{}", pictures.concat()))?;
    let out = cargo::workspace().join(&settings.out);
    photograph(browser, &beside, &out, (2 * PAGE.0 + 60, PAGE.1 + 40))?;
    println!("wrote {}", out.display());
    Ok(ExitCode::SUCCESS)
}

/// Style of the picture: two sheets on grey.
const STYLE: &str = "<!doctype html><style>body{margin:20px;display:flex;gap:20px;background:#d8dce1}\
                     img{width:1000px;box-shadow:0 2px 14px #0003}</style>";

/// Loads a target and judges it in a folder of its own, and returns the page. The exit code is that
/// of the verdict.
fn judged(programs: &Programs, url: &str, folder: &Path, expected: i32) -> Result<PathBuf> {
    std::fs::create_dir(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let load = ["--scenario", "reference", "--count", "20000", "--rate", "4000", "--batch", "20"];
    let rest = ["--seed", "7", "--target", url, "--verify", "--settle", "2s"];
    // The page names the run folder as people write it.
    let finished = programs.command("loadgen")?.args(load).args(rest).current_dir(folder).output()?;
    ensure!(
        finished.status.code() == Some(expected),
        "loadgen ended with {}, expected exit code {expected}: {}",
        finished.status,
        String::from_utf8_lossy(&finished.stderr)
    );
    Ok(folder.join("results/latest/report.html"))
}

fn browser() -> Result<&'static str> {
    let is_there = |name: &&&str| {
        let version =
            Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    };
    let found = BROWSERS.iter().find(is_there);
    found.copied().context("no browser takes the picture; `apt-get install chromium` brings one")
}

/// Has the browser draw a page, without a network.
fn photograph(browser: &str, page: &Path, out: &Path, (width, height): (u32, u32)) -> Result<()> {
    let status = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
        ])
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=2000"])
        .arg(format!("--window-size={width},{height}"))
        .arg(format!("--screenshot={}", out.display()))
        .arg(format!("file://{}", page.display()))
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {browser}"))?;
    ensure!(status.success() && out.is_file(), "{browser} took no picture of {}", page.display());
    Ok(())
}
