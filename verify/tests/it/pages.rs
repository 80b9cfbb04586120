//! The page beside each verdict, the stories of keys, and the summary of a CI step.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;

use truth::record::folder::RunFolder;

use crate::binary::{command, offline, small, stderr, stdout, verify};
use crate::forge::{Forge, Forged};
use crate::released::copy_folder;

fn lost() -> Forged {
    let mut forged = small().run();
    forged.lose(3);
    forged
}

fn path(folder: &RunFolder) -> &str {
    folder.path().to_str().expect("an ASCII path")
}

#[test]
fn each_verdict_has_a_page_in_the_run_folder_and_where_it_is_asked_for() {
    let out = tempfile::tempdir().unwrap();
    let folder = lost().write_observed(out.path());
    let elsewhere = out.path().join("page.html");
    let output = offline(&folder, &["--report", elsewhere.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let page = fs::read_to_string(folder.file("report.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("<p class=\"verdict\">FAIL</p>"));
    assert!(page.contains("verify explain 3 "), "the command that explains the first finding");
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), page);
    assert!(offline(&folder, &[]).stderr.is_empty());
    assert_eq!(fs::read_to_string(folder.file("report.html")).unwrap(), page, "the same page again");
}

#[test]
fn a_page_that_cannot_be_written_where_it_was_asked_for_is_an_error_but_for_a_fail() {
    let out = tempfile::tempdir().unwrap();
    for (forged, code) in [(small().run(), 3), (lost(), 1)] {
        let folder = forged.write_observed(&out.path().join(code.to_string()));
        let output = offline(&folder, &["--report", "/nowhere/page.html"]);
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(stderr(&output).contains("cannot write /nowhere/page.part"), "{}", stderr(&output));
        assert!(!stdout(&output).is_empty());
    }
}

#[test]
fn a_page_goes_into_a_pipe_and_through_a_link_and_both_stay() {
    let out = tempfile::tempdir().unwrap();
    let folder = lost().write_observed(out.path());
    let asked = |path: &Path| {
        let output = offline(&folder, &["--report", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    };
    let pipe = out.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let end = pipe.clone();
    let page = std::thread::spawn(move || fs::read_to_string(end).unwrap());
    asked(&pipe);
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo(), "still a pipe");
    assert!(page.join().unwrap().starts_with("<!doctype html>"));
    let (link, real) = (out.path().join("link.html"), out.path().join("real.html"));
    symlink("real.html", &link).unwrap();
    for before in [None, Some("the page before")] {
        before.inspect(|text| fs::write(&real, text).unwrap());
        asked(&link);
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("real.html"));
        assert!(fs::read_to_string(&real).unwrap().starts_with("<!doctype html>"), "before: {before:?}");
    }
}

#[test]
fn folders_of_0_1_and_several_shards_have_one_page() {
    let out = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/0.1");
    let fail = out.path().join("fail");
    copy_folder(&fixtures.join("fail"), &fail);
    let shards = out.path().join("shards");
    copy_folder(&fixtures.join("shards"), &shards);
    let page = out.path().join("page.html");
    let arguments = ["--offline", "--report", page.to_str().unwrap()];
    let run = |folders: &[&str]| {
        verify(&[&arguments, folders].concat(), Path::new("."));
        fs::read_to_string(&page).unwrap()
    };
    let failed = run(&[fail.to_str().unwrap()]);
    assert!(failed.contains("FAIL") && failed.contains("<h3>Rate</h3>"));
    let [first, second] = ["first", "second"].map(|name| shards.join(name).to_str().unwrap().to_owned());
    let whole = run(&[&first, &second]);
    assert!(whole.contains("<dt>shards judged</dt><dd><bdi>2</bdi></dd>"), "{}", &whole[..2000]);
    assert!(whole.contains("for i in $(seq 2); do loadgen "), "all shards are sent again");
    // Siblings are named as the one that was asked for.
    let beside = verify(&["--offline", "first"], &shards);
    assert!(stdout(&beside).contains("  run         first\n"), "{}", stdout(&beside));
    let within = verify(&["--offline", "shards/first"], out.path());
    assert!(stdout(&within).contains("  run         shards/second\n"), "{}", stdout(&within));
    let one = run(&[&first]);
    assert!(
        one.contains("<dt>shards judged</dt><dd><bdi>2</bdi></dd>"),
        "a shard is judged with its sibling"
    );
}

#[test]
fn a_folder_that_cannot_be_written_has_its_page_elsewhere() {
    let out = tempfile::tempdir().unwrap();
    let folder = small().run().write_observed(out.path());
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let page = out.path().join("page.html");
    let output = offline(&folder, &["--report", page.to_str().unwrap()]);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(fs::read_to_string(&page).unwrap().contains("PASS"));
}

#[test]
fn a_key_is_explained_by_its_number_its_id_and_its_finding() {
    let out = tempfile::tempdir().unwrap();
    let forged = lost();
    let folder = forged.write_observed(out.path());
    let (topic, id) = (forged.events.topic(3).to_owned(), forged.events.id_text(3));
    let explained = |words: &[&str]| {
        let output = verify(&[&["explain"], words, &[path(&folder)]].concat(), Path::new("."));
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", stderr(&output));
        stdout(&output)
    };
    let told = explained(&["3"]);
    for text in [
        &format!("Let key 3 be the event `{id}` of topic `{topic}`.\n"),
        "\nFirst, at ",
        "\nHowever, a look at the target that ended ",
        "This is a contradiction, because an acknowledged event",
        "\nIts requests, to send by hand:\n",
        "\n# round 0, request 0: the event of key 3 alone, of 16; --whole shows all of the request\n",
        "\ncurl -sS -X POST 'http://127.0.0.1:8080/publish?results=true' \\\n  -H 'content-type: application/json' \\\n  --data-binary '",
        &id,
    ] {
        assert!(told.contains(text), "{text}: {told}");
    }
    assert_eq!(explained(&[&format!("{topic}/{id}")]), told);
    assert_eq!(explained(&[&id]), told);
    assert_eq!(explained(&["--finding", "1"]), told);
    let whole = explained(&["3", "--whole"]);
    assert!(whole.contains("\n# round 0, request 0: 16 events\n"), "{whole}");
    assert!(
        explained(&["7"]).contains("There is no contradiction: it was acknowledged, and it is stored once.")
    );
}

#[test]
fn what_cannot_be_explained_says_what_can() {
    let out = tempfile::tempdir().unwrap();
    let folder = lost().write_observed(out.path());
    for (words, message) in [
        (
            vec!["explain", "99999", path(&folder)],
            "the run has no key \"99999\"; a key is topic/id, an id, or a number below 420",
        ),
        (vec!["explain", "auth/nothing", path(&folder)], "the run has no key \"auth/nothing\""),
        (vec!["explain", "--finding", "7", path(&folder)], "--finding 7 names none of them"),
        (vec!["explain"], "name a key, such as"),
    ] {
        let output = verify(&words, Path::new("."));
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(stderr(&output).contains(message), "{words:?}: {}", stderr(&output));
    }
}

#[test]
fn a_secret_stands_as_a_variable_in_the_lines_for_curl() {
    let out = tempfile::tempdir().unwrap();
    let mut forge = small();
    forge.scenario = truth::scenario::Scenario::parse(
        "[load]\ncount = 600\nbatch = 16\n[target]\nheaders = { authorization = \"Bearer {{env:INGEST_TOKEN}}\" }\n[promises]\npreset = \"reference\"\n",
        "test",
    )
    .unwrap();
    let folder = forge.run().write_observed(out.path());
    let mut program = command(&["explain", "3", path(&folder)], Path::new("."));
    let output = program.env("INGEST_TOKEN", "very-secret-token").output().unwrap();
    let told = stdout(&output);
    assert!(told.contains("-H 'authorization: Bearer '\"$INGEST_TOKEN\" \\\n"), "{told}{}", stderr(&output));
    assert!(!told.contains("very-secret"), "{told}");
}

#[test]
fn a_value_that_a_login_kept_stands_as_a_variable_in_the_lines_for_curl() {
    let out = tempfile::tempdir().unwrap();
    let mut forge = small();
    forge.scenario = truth::scenario::Scenario::parse(
        "[load]\ncount = 600\nbatch = 16\n[target]\n[[target.before]]\npath = \"/login\"\nkeep = { access-token = \"/t\" }\n\
         [target.publish]\nheaders = { authorization = \"Bearer {{kept.access-token}}\" }\n[promises]\npreset = \"reference\"\n",
        "test",
    )
    .unwrap();
    let folder = forge.run().write_observed(out.path());
    let output = verify(&["explain", "3", path(&folder)], Path::new("."));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = stdout(&output);
    assert!(told.contains("-H 'authorization: Bearer '\"$KEPT_ACCESS_TOKEN\" \\\n"), "{told}");
}

#[test]
fn a_line_for_curl_names_the_host_of_publishes_and_encodes_no_name_of_a_secret() {
    let out = tempfile::tempdir().unwrap();
    let mut forge = small();
    forge.scenario = truth::scenario::Scenario::parse(
        "[load]\ncount = 600\nbatch = 16\n[target]\nurl = \"https://query.example\"\n\
         [target.publish]\nurl = \"https://ingest.example/v1/\"\npath = \"/in/{{env:PROJECT}}?k={{env:KEY}}\"\n\
         headers = { authorization = \"Basic {{env:USER_KEY | base64}}\", x-key = \"{{env:KEY | url}}\" }\n\
         [promises]\npreset = \"reference\"\n",
        "test",
    )
    .unwrap();
    let folder = forge.run().write_observed(out.path());
    let told = stdout(&verify(&["explain", "3", path(&folder)], Path::new(".")));
    for line in [
        "# $KEY stands here as it is, without the scenario's filter `url`\n",
        "# $KEY is percent-encoded in the URL of the run\n",
        "# $PROJECT is percent-encoded in the URL of the run\n",
        "curl -sS -X POST 'https://ingest.example/v1/in/'\"$PROJECT\"'?k='\"$KEY\" \\\n",
        "-H 'authorization: Basic '\"$(printf %s \"$USER_KEY\" | base64 -w0)\" \\\n",
        "-H 'x-key: '\"$KEY\" \\\n",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(!told.contains("query.example/in"), "{told}");
}

#[test]
fn the_summary_of_a_step_gets_the_verdict_and_the_run_its_annotations() {
    let out = tempfile::tempdir().unwrap();
    let folder = lost().write_observed(out.path());
    let summary = out.path().join("summary.md");
    fs::write(&summary, "# Before\n").unwrap();
    let mut program = command(&[path(&folder), "--offline"], Path::new("."));
    let output = program.env("GITHUB_STEP_SUMMARY", &summary).env("GITHUB_ACTIONS", "true").output().unwrap();
    let written = fs::read_to_string(&summary).unwrap();
    assert!(written.starts_with("# Before\n## FAIL: the target broke"), "{written}");
    assert!(written.contains("### Counter-example") && written.contains("`loadgen --count 600"), "{written}");
    assert!(stderr(&output).starts_with("::error title=onceproof FAIL::lost: 1 of "), "{}", stderr(&output));
    let markdown = stdout(&offline(&folder, &["--format", "markdown"]));
    assert_eq!(written, format!("# Before\n{markdown}"));
    assert!(markdown.contains("\n**Likely cause**: "), "{markdown}");
    let mut unwritable = command(&[path(&folder), "--offline"], Path::new("."));
    let output = unwritable.env("GITHUB_STEP_SUMMARY", "/nowhere/summary.md").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("warning: cannot write the summary to /nowhere/summary.md"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_run_without_an_end_has_a_page_too() {
    let out = tempfile::tempdir().unwrap();
    let folder = Forge { fates: |_, _| vec![crate::forge::Fate::NeverSent], ..small() }
        .run()
        .write_observed(out.path());
    offline(&folder, &[]);
    let page = fs::read_to_string(folder.file("report.html")).unwrap();
    assert!(page.contains("VOID"), "{}", &page[..500]);
}

#[test]
fn a_page_that_goes_to_standard_output_stands_after_the_report() {
    let out = tempfile::tempdir().unwrap();
    let folder = small().run().write_observed(out.path());
    let told = out.path().join("told.txt");
    let file = fs::File::create(&told).unwrap();
    let path = folder.path().to_str().unwrap();
    let mut verify = command(&[path, "--offline", "--report", "/dev/stdout"], Path::new("."));
    let status = verify.stdout(file).status().unwrap();
    assert_eq!(status.code(), Some(0));
    let told = fs::read_to_string(&told).unwrap();
    let page = fs::read_to_string(folder.file("report.html")).unwrap();
    assert!(told.starts_with("PASS  ") && told.ends_with(&page), "{}", &told[..told.len().min(200)]);
}

#[test]
fn a_page_is_not_mixed_with_the_json_on_standard_output() {
    let out = tempfile::tempdir().unwrap();
    let folder = small().run().write_observed(out.path());
    let json = ["--format", "json", "--report"];
    let mixed = offline(&folder, &[&json[..], &["/dev/stdout"]].concat());
    assert_eq!((mixed.status.code(), stdout(&mixed)), (Some(2), String::new()));
    assert!(stderr(&mixed).contains("--report /dev/stdout is standard output"), "{}", stderr(&mixed));
    let page = out.path().join("page.html");
    let apart = offline(&folder, &[&json[..], &[page.to_str().unwrap()]].concat());
    assert_eq!(apart.status.code(), Some(0), "{}", stderr(&apart));
    assert!(page.exists() && stdout(&apart).starts_with('{'));
}
