//! The shell of the GitHub Action, with a sound and a broken service. ONCEPROOF_ARCHIVE names an
//! archive to install in place of one that holds the program as it was built for the tests.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use onceproof::demo::port;
use tempfile::TempDir;

use crate::Ended;

/// A runner of jobs: a workspace, the files that GitHub gives to steps, and an archive.
struct Runner {
    folder: TempDir,
    archive: PathBuf,
}

impl Runner {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        if let Some(archive) = std::env::var_os("ONCEPROOF_ARCHIVE") {
            return Self { folder, archive: archive.into() };
        }
        let root = folder.path().join("onceproof-0-any");
        std::fs::create_dir(&root).unwrap();
        symlink(env!("CARGO_BIN_EXE_onceproof"), root.join("onceproof")).unwrap();
        let archive = folder.path().join("archive.tar");
        let mut tar = Command::new("tar");
        tar.arg("--create").arg("--file").arg(&archive).arg("--directory").arg(folder.path());
        assert!(tar.arg("onceproof-0-any").status().unwrap().success());
        std::fs::write(folder.path().join("archive.image.tar"), "").unwrap();
        Self { folder, archive }
    }

    /// Runs a step's script with these inputs.
    fn step(&self, script: &str, inputs: &[(&str, &str)]) -> Ended {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../action").join(script);
        let path = std::env::var("PATH").unwrap();
        let installed = std::fs::read_to_string(self.file("path")).unwrap_or_default();
        let mut command = Command::new("bash");
        command.arg(script).current_dir(self.folder.path()).env_clear();
        command.env("PATH", format!("{}:{path}", installed.trim())).env("RUNNER_TEMP", self.folder.path());
        for (variable, file) in
            [("GITHUB_PATH", "path"), ("GITHUB_OUTPUT", "output"), ("GITHUB_STEP_SUMMARY", "summary")]
        {
            command.env(variable, self.file(file));
        }
        Ended::of(&command.envs(inputs.iter().copied()).output().unwrap())
    }

    fn install(&self, sha256: &str) -> Ended {
        // A pattern that this archive fits, and the image beside it in a release does not.
        let archive = self.archive.to_str().unwrap().replace(".tar", "?tar");
        self.step("install.sh", &[("ARCHIVE", &archive), ("SHA256", sha256)])
    }

    /// Loads and judges a service, which listens where the command has LISTEN.
    fn prove(&self, service: &str) -> Ended {
        let address = format!("127.0.0.1:{}", port::free().unwrap());
        let inputs = [
            ("SERVICE", service.replace("LISTEN", &address)),
            ("TARGET", format!("http://{address}")),
            ("LOAD", "--wait 30s --count 2000 --dup 0.3".to_owned()),
            ("RESULTS", "results".to_owned()),
        ];
        self.step("prove.sh", &inputs.each_ref().map(|(name, value)| (*name, value.as_str())))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn written(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }
}

#[test]
fn a_sound_service_passes_and_a_broken_one_fails_with_its_report_in_the_summary() {
    let runner = Runner::new();
    let installed = runner.install("");
    assert_eq!(installed.code, Some(0), "{installed:?}");
    let sound = runner.prove("onceproof aggregator --listen LISTEN --database-url sqlite:events.db");
    assert_eq!(sound.code, Some(0), "{sound:?}");
    assert_eq!(runner.written("output"), "verdict=PASS\n");
    assert!(runner.written("summary").starts_with("## PASS: "), "{sound:?}");

    let broken = "onceproof mutant --listen LISTEN --journal journal --defect all-stored-twice";
    let broken = runner.prove(broken);
    assert_eq!(broken.code, Some(1), "{broken:?}");
    assert!(runner.written("output").ends_with("verdict=FAIL\n"));
    assert!(runner.written("summary").contains("## FAIL: "), "{}", runner.written("summary"));
}

#[test]
fn a_service_that_does_not_come_up_is_no_verdict_and_a_wrong_archive_is_not_installed() {
    let runner = Runner::new();
    let wrong = runner.install(&"0".repeat(64));
    assert_ne!(wrong.code, Some(0), "{wrong:?}");
    assert!(!runner.file("path").exists());
    let missing = runner.step("install.sh", &[("ARCHIVE", "files/*.tar.gz")]);
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(
        missing.stderr.contains("0 files fit the input archive (files/*.tar.gz), expected 1"),
        "{missing:?}"
    );
    assert_eq!(runner.install("").code, Some(0));
    let target = format!("http://127.0.0.1:{}", port::free().unwrap());
    let inputs = [
        ("SERVICE", "true"),
        ("TARGET", &target),
        ("LOAD", "--wait 1s --count 2000"),
        ("RESULTS", "results"),
    ];
    let silent = runner.step("prove.sh", &inputs);
    assert_eq!(silent.code, Some(5), "{silent:?}");
    assert!(runner.written("summary").starts_with("## Onceproof: no verdict\n"));
    assert!(!runner.file("output").exists());
}

#[test]
fn an_archive_from_elsewhere_needs_its_checksum() {
    let runner = Runner::new();
    let ended = runner.step("install.sh", &[("ARCHIVE", "https://archive.example/onceproof.tar.gz")]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("needs its checksum"), "{}", ended.stderr);
}
