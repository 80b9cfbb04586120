//! Random damage to the files of runs that pass: none of it makes a FAIL or a panic.
//!
//! Some hundred damages are tried. `DAMAGES=5000 cargo test -p onceproof-verify --test it damages`
//! tries more.

use std::fs;
use std::path::{Path, PathBuf};

use judge::facts::Facts;
use judge::resend::{Lists, Wish};
use reader::looking::Looking;
use reader::reach::Reach;
use tempfile::TempDir;
use truth::exit;
use truth::plan::rng::Draw;
use truth::record::folder::RunFolder;
use truth::record::ledger::Purpose;
use truth::record::seal::{seal_look, seal_run};
use verify::Options;

use crate::again::send;
use crate::binary::small;
use crate::forge::{Folder, Forge, Forged};

/// Number of damages of each run, if the environment names none.
const DAMAGES: u64 = 120;

/// Files that `verify` writes and nobody judges by.
const OUTPUTS: [&str; 3] = ["verdict.json", "junit.xml", "report.html"];

/// A run folder that is damaged again and again, and always repaired.
struct Victim {
    _out: TempDir,
    folder: RunFolder,
    /// Its files, each with its contents.
    files: Vec<(PathBuf, Vec<u8>)>,
}

/// What happens to a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    BitFlip,
    DigitChange,
    Truncation,
    Removal,
    DoubledLine,
    SwappedLines,
}

const ALL: [Damage; 6] = [
    Damage::BitFlip,
    Damage::DigitChange,
    Damage::Truncation,
    Damage::Removal,
    Damage::DoubledLine,
    Damage::SwappedLines,
];

impl Damage {
    /// Returns what is left of a file; none if nothing is.
    fn of(self, whole: &[u8], draw: &mut Draw) -> Option<Vec<u8>> {
        let mut left = whole.to_vec();
        let mut any = |count: usize| draw.below(count.max(1) as u64) as usize;
        let mut lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        let digits: Vec<usize> = (0..whole.len()).filter(|at| whole[*at].is_ascii_digit()).collect();
        match self {
            Self::Removal => return None,
            Self::Truncation => left.truncate(any(whole.len())),
            Self::DigitChange if !digits.is_empty() => {
                let at = digits[any(digits.len())];
                left[at] = b'0' + (left[at] - b'0' + 1 + any(9) as u8) % 10;
            }
            Self::BitFlip | Self::DigitChange if !whole.is_empty() => left[any(whole.len())] ^= 1 << any(8),
            Self::DoubledLine if !lines.is_empty() => {
                let at = any(lines.len());
                lines.insert(at, lines[at]);
                left = lines.concat();
            }
            Self::SwappedLines if !lines.is_empty() => {
                let (one, other) = (any(lines.len()), any(lines.len()));
                lines.swap(one, other);
                left = lines.concat();
            }
            Self::BitFlip | Self::DigitChange | Self::DoubledLine | Self::SwappedLines => {}
        }
        Some(left)
    }
}

impl Victim {
    /// Writes a run that passes.
    fn of(forged: &Forged) -> Self {
        let out = tempfile::tempdir().expect("a temporary folder");
        let folder = forged.write(out.path());
        if forged.folder == Folder::Sealed {
            let summary = r#"{"ended": "complete", "ledger_written": true}"#;
            fs::write(folder.file("summary.json"), summary).expect("a folder that can be written");
            seal_run(&folder, Vec::new(), 0).expect("a run that can be sealed");
        }
        let mut observed = forged.observed();
        observed.stats.follows = forged.earlier.as_ref().map(|_| 1);
        for look in forged.earlier.iter().chain([&observed]) {
            let path = folder.observation(folder.begin_observation().expect("a folder"));
            look.save(&path).expect("an observation that can be written");
            seal_look(&path).expect("an observation that can be sealed");
        }
        let mut victim = Self { _out: out, folder, files: Vec::new() };
        assert_eq!(victim.judge(), exit::OK, "the run passes before it is damaged");
        gather(victim.folder.path(), &mut victim.files);
        victim
    }

    /// Returns the exit code of `verify --offline`.
    fn judge(&self) -> u8 {
        let url = "http://127.0.0.1:1".to_owned();
        let path = self.folder.path().to_path_buf();
        let options = Options {
            offline: true,
            ..Options::for_run(path, url, None, Reach::default(), Looking::default(), false)
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        match runtime.block_on(verify::verdict(&options)) {
            Ok(judgement) => judgement.verdict.exit_code(),
            Err(error) => error.exit_code(),
        }
    }

    /// Damages one file, judges the run, and repairs the file.
    fn suffer(&self, trial: u64) {
        let draw = &mut Draw::stream(trial, 0);
        let damage = ALL[draw.below(ALL.len() as u64) as usize];
        let (path, whole) = &self.files[draw.below(self.files.len() as u64) as usize];
        let left = damage.of(whole, draw);
        match &left {
            Some(left) => fs::write(path, left),
            None => fs::remove_file(path),
        }
        .expect("a file that can be damaged");
        // Shown if the judge panics, as the harness captures it.
        #[expect(clippy::disallowed_macros)]
        {
            eprintln!("damage {trial}: {damage:?} of {}", path.display());
        }
        let code = self.judge();
        let told = format!("damage {trial}: {damage:?} of {}: exit code {code}", path.display());
        assert!([exit::OK, exit::USAGE, exit::UNKNOWN, exit::VOID].contains(&code), "{told}");
        let name = path.file_name().and_then(|name| name.to_str()).expect("an ASCII name");
        let is_sealed = self.folder.file("SHA256SUMS").exists() && name != "SHA256SUMS";
        if is_sealed && !OUTPUTS.contains(&name) && left.as_ref() != Some(whole) {
            assert_eq!(code, exit::USAGE, "{told}");
        }
        fs::write(path, whole).expect("a file that can be repaired");
    }

    fn suffer_all(&self) {
        let damages = std::env::var("DAMAGES").map_or(DAMAGES, |text| text.parse().expect("a number"));
        (0..damages).for_each(|trial| self.suffer(trial));
        assert_eq!(self.judge(), exit::OK, "all damages are repaired");
    }
}

/// Collects the files under a folder, except the locks, which are empty.
fn gather(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    let entries = fs::read_dir(folder).expect("a folder that can be read");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_none_or(|extension| extension != "lock") {
            let whole = fs::read(&path).expect("a file that can be read");
            files.push((path, whole));
        }
    }
}

fn two_lanes() -> Forge {
    let mut forge = Forge { lanes: 2, ..small() };
    forge.scenario.traps.other_payload = 4;
    forge
}

#[test]
fn a_sealed_run_is_refused_if_any_file_is_damaged() {
    Victim::of(&two_lanes().run()).suffer_all();
}

#[test]
fn a_run_that_sent_again_is_refused_if_any_file_is_damaged() {
    let mut forged = two_lanes().run();
    let wish = Wish { resolve: false, replay: Some("1".parse().expect("a share")) };
    let evidence = forged.evidence();
    let mut keys = Lists::choose(&wish, &Facts::gather(&evidence).expect("a forged run")).replay;
    keys.truncate(10);
    send(&mut forged, Purpose::Replay, &keys, |answer| answer);
    Victim::of(&forged).suffer_all();
}

#[test]
fn a_killed_run_never_fails_for_damage() {
    Victim::of(&Forged { folder: Folder::Killed, ..two_lanes().run() }).suffer_all();
}
