//! Man pages and completions of all programs.

use crate::run;

#[test]
fn packages_get_a_page_and_completions_of_each_program() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(&["files", folder.path().to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
    for (name, flag) in [("loadgen", "concurrency"), ("verify", "offline"), ("aggregator", "listen")] {
        let page = read(&format!("man/{name}.1"));
        assert!(page.contains(".TH ") && page.contains(flag), "{page}");
        assert!(read(&format!("completions/{name}.bash")).contains(&format!("--{flag}")));
    }
    for page in ["onceproof", "onceproof-load", "onceproof-verify", "onceproof-demo", "onceproof-doctor"] {
        assert!(read(&format!("man/{page}.1")).contains(".SH"), "{page}");
    }
    let completions = run(&["completions", "bash"]);
    assert_eq!(completions.stdout, read("completions/onceproof.bash"));
    assert!(!folder.path().join("man/onceproof-mutant.1").exists());
}
