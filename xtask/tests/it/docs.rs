//! Docs: their commands are run, and few blocks are not.

use xtask::docs::{self, fences};
use xtask::rig::interrupt::Interrupt;
use xtask::rig::programs::{Profile, Programs};

/// Blocks that are not run, over all pages: nothing holds these to the truth.
const MOST_BLOCKS_NOT_RUN: usize = 15;

fn run(page: &str) -> Result<usize, String> {
    let programs = Programs::built(Profile::Debug, &Interrupt::never()).unwrap();
    docs::run_page("page.md", page, &programs).map_err(|error| format!("{error:#}"))
}

#[test]
fn commands_of_a_page_share_a_folder_and_a_shell_and_end_as_the_page_says() {
    let page = "\
Write a file:
```console
$ cat > file <<'EOF'
one
EOF
$ export WORD=two
$ sleep 600 &
$ echo $! > sleeper
```
And read it:
```console
$ grep one file
one
$ test $WORD = two
$ verify --no-such-option    # exit 2
error: unexpected argument
$ kill -0 $(cat sleeper)
```
";
    assert_eq!(run(page), Ok(8));
}

#[test]
fn a_command_that_ends_otherwise_is_told_with_its_line_and_output() {
    let told = run("```console\n$ true\n$ echo gone; false\n$ true\n```\n").unwrap_err();
    assert_eq!(told, "page.md:3: `echo gone; false` ended with exit code 1, expected 0\ngone\n");
    let told = run("```console\n$ true    # exit 1\n```\n").unwrap_err();
    assert_eq!(told, "page.md:2: `true` ended with exit code 0, expected 1\n");
    let told = run("```console\n$ (exit 3)    # exit 1\n```\n").unwrap_err();
    assert_eq!(told, "page.md:2: `(exit 3)` ended with exit code 3, expected 1\n");
}

#[test]
fn what_a_page_leaves_running_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let id = folder.path().join("id");
    let id_path = id.display();
    let started = format!("until test -s {id_path}; do sleep 0.01; done");
    let page = format!("```console\n$ sh -c 'echo $$ > {id_path}; sleep 600' &\n$ {started}\n```\n");
    assert_eq!(run(&page), Ok(2));
    let id: u32 = std::fs::read_to_string(id).unwrap().trim().parse().unwrap();
    crate::gone::eventually("what the page left running ends", || !crate::gone::runs(id));
}

#[test]
fn few_blocks_are_not_run() {
    let mut found = Vec::new();
    for path in docs::pages().unwrap() {
        let text = std::fs::read_to_string(&path).unwrap();
        let blocks = fences::fences(&text);
        let not_run = blocks.iter().filter(|fence| fence.language != "console");
        found.extend(not_run.map(|fence| format!("{}:{}", path.display(), fence.line)));
    }
    let count = found.len();
    assert!(
        count <= MOST_BLOCKS_NOT_RUN,
        "{count} blocks, expected at most {MOST_BLOCKS_NOT_RUN}: {found:#?}"
    );
}
