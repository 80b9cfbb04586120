//! Links and paths in the Markdown pages lead to files that exist, and lines are not too wide.

mod page;

use std::collections::BTreeMap;
use std::path::Path;

use page::{Mention, Page};
use xtask::rig::cargo;

/// Folders that hold nothing committed.
const NOT_COMMITTED: [&str; 2] = ["target", ".git"];

/// Table of contents of the book.
const SUMMARY: &str = "docs/SUMMARY.md";

/// Pages that name folders and files of a crate from its root on, such as `lane/desk.rs`.
const ABOUT_SOURCES: [&str; 3] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/decisions/"];

/// Widest line outside a table, whose rows cannot be broken.
const COLUMNS: usize = 120;

/// Page with a long line for each paragraph, which a command writes.
const WRITTEN: &str = "results/kill-matrix.md";

/// Files of a repository by their paths, with the text of its Markdown pages.
struct Repository(BTreeMap<String, String>);

#[test]
fn every_link_and_every_path_of_a_page_leads_to_a_file() {
    let repository = Repository::read();
    let pages = repository.pages();
    assert!(pages.len() > 30, "only {} pages were found", pages.len());
    let faults = repository.faults();
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn no_line_of_a_page_is_too_wide() {
    let wide = Repository::read().wide_lines();
    assert!(wide.is_empty(), "expected at most {COLUMNS} columns: {wide:?}");
    let text = format!("| {0} |\n{0}\n{1}\n", "a".repeat(COLUMNS), "\u{2500}".repeat(COLUMNS + 1));
    assert_eq!(Repository::of(&[("a.md", &text), ("b.rs", &text)]).wide_lines(), ["a.md:3"]);
}

impl Repository {
    /// Returns the places of lines that are wider than a page may be.
    fn wide_lines(&self) -> Vec<String> {
        let pages = self.0.iter().filter(|(path, _)| path.ends_with(".md") && *path != WRITTEN);
        let lines = pages
            .flat_map(|(path, text)| text.lines().enumerate().map(move |(index, line)| (path, index, line)));
        lines
            .filter(|(_, _, line)| !line.starts_with('|') && line.chars().count() > COLUMNS)
            .map(|(path, index, _)| format!("{path}:{}", index + 1))
            .collect()
    }

    /// Reads the files of the workspace.
    fn read() -> Self {
        let mut files = BTreeMap::new();
        add(cargo::workspace(), &mut files);
        Self(files)
    }

    fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    fn pages(&self) -> BTreeMap<&str, Page> {
        let markdown = self.0.iter().filter(|(path, _)| path.ends_with(".md"));
        markdown.map(|(path, text)| (&**path, Page::read(text))).collect()
    }

    /// Returns all faults of all pages, each with its place.
    fn faults(&self) -> Vec<String> {
        let pages = self.pages();
        let mut faults = Vec::new();
        for (path, page) in &pages {
            let mut add = |mention: &Mention, fault: String| {
                faults.push(format!("{path}:{}: `{}` {fault}", mention.line, mention.text));
            };
            for link in page.links.iter().filter(|link| !link.text.contains("://")) {
                self.fault_of_link(path, &link.text, &pages).into_iter().for_each(|fault| add(link, fault));
            }
            for code in page.code.iter().filter(|code| self.is_path(path, &code.text)) {
                if !self.has(&code.text) {
                    add(code, "is no file of the repository".to_owned());
                }
            }
        }
        let in_the_book = pages.keys().filter(|path| path.starts_with("docs/") && **path != SUMMARY);
        let listed = pages.get(SUMMARY).map(|page| &page.links);
        for path in in_the_book {
            if !listed.into_iter().flatten().any(|link| format!("docs/{}", link.text) == *path) {
                faults.push(format!("{path}: absent from {SUMMARY}"));
            }
        }
        faults
    }

    /// Returns what is wrong with a link of the page at `from`.
    fn fault_of_link(&self, from: &str, link: &str, pages: &BTreeMap<&str, Page>) -> Option<String> {
        let (to, anchor) = link.split_once('#').map_or((link, None), |(to, anchor)| (to, Some(anchor)));
        let to = if to.is_empty() { Some(from.to_owned()) } else { joined(from, to) };
        let Some(to) = to else { return Some("leads out of the repository".to_owned()) };
        if !self.0.contains_key(&to) && !self.has_folder(&to) {
            return Some(format!("leads to {to}, which does not exist"));
        }
        // The book holds the pages under docs alone.
        if from.starts_with("docs/") && !to.starts_with("docs/") {
            return Some(format!("leads out of the book; name the path `{to}` instead"));
        }
        let has_anchor = |anchor| pages.get(&*to).is_some_and(|page| page.anchors.contains(anchor));
        anchor.filter(|anchor| !has_anchor(*anchor)).map(|_| format!("leads to a heading that {to} lacks"))
    }

    /// True if a text between backticks means a file or folder of the repository.
    fn is_path(&self, page: &str, text: &str) -> bool {
        let is_plain = text.chars().all(|sign| sign.is_ascii_alphanumeric() || "/._-".contains(sign));
        let has_letters = text.chars().any(|sign| sign.is_ascii_alphabetic());
        if !is_plain || !has_letters || text.starts_with('/') {
            return false;
        }
        let is_about_sources = ABOUT_SOURCES.iter().any(|about| page.starts_with(about));
        let from_the_root = text.split_once('/').is_some_and(|(first, _)| self.has_folder(first));
        // A run folder has the same place as the committed results.
        let is_result = text.starts_with("results/") && !text.ends_with(".md");
        is_about_sources && (text.ends_with(".rs") || text.ends_with('/')) || from_the_root && !is_result
    }

    /// True if there is such a file or folder. A path may lack the crate's `src`, or its name.
    fn has(&self, path: &str) -> bool {
        let path = without_src(path.trim_end_matches('/'));
        self.0.keys().any(|file| {
            let file = format!("/{}/", without_src(file));
            let is_whole = path.split_once('/').is_some_and(|(first, _)| self.has_folder(first));
            let wanted = format!("/{path}/");
            if is_whole { file.starts_with(&wanted) } else { file.contains(&wanted) }
        })
    }

    fn has_folder(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        self.0.range(folder.clone()..).next().is_some_and(|(file, _)| file.starts_with(&folder))
    }
}

/// Adds the files of a folder, except what is not committed.
fn add(folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let place = path.strip_prefix(cargo::workspace()).unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            if !NOT_COMMITTED.contains(&&*place) && !place.starts_with("results/") {
                add(&path, files);
            }
        } else {
            let is_page = place.ends_with(".md");
            let text = if is_page { std::fs::read_to_string(&path).unwrap() } else { String::new() };
            files.insert(place, text);
        }
    }
}

/// Returns the path that a relative link of a page means; none if it leads above the root.
fn joined(from: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

fn without_src(path: &str) -> String {
    path.split('/').filter(|part| *part != "src").collect::<Vec<_>>().join("/")
}

/// Returns the faults of a page, in a repository with a few other files.
fn faults_of(path: &str, text: &str) -> Vec<String> {
    let files = [
        ("README.md", "# Start here\n"),
        ("docs/SUMMARY.md", "[One](one.md)\n"),
        ("docs/one.md", "## What it is\n"),
        ("loadgen/src/lane/desk.rs", ""),
        (path, text),
    ];
    Repository::of(&files).faults()
}

#[test]
fn a_link_to_a_file_or_heading_that_is_absent_is_a_fault() {
    let sound = "[a](docs/one.md#what-it-is) [b](docs) [c](https://example.com/none) [d](#e)\n# E\n";
    assert_eq!(faults_of("OTHER.md", sound), [""; 0]);
    let expected = "OTHER.md:2: `docs/none.md` leads to docs/none.md, which does not exist";
    assert_eq!(faults_of("OTHER.md", "\n[a](docs/none.md)\n"), [expected]);
    let expected = "OTHER.md:1: `docs/one.md#what-it-was` leads to a heading that docs/one.md lacks";
    assert_eq!(faults_of("OTHER.md", "[a](docs/one.md#what-it-was)\n"), [expected]);
    let expected = "OTHER.md:1: `../README.md` leads out of the repository";
    assert_eq!(faults_of("OTHER.md", "[a](../README.md)\n"), [expected]);
}

#[test]
fn a_link_out_of_the_book_and_a_page_that_it_does_not_list_are_faults() {
    let expected = "docs/one.md:1: `../README.md` leads out of the book; name the path `README.md` instead";
    assert_eq!(faults_of("docs/one.md", "[a](../README.md)\n"), [expected]);
    assert_eq!(faults_of("docs/two.md", "# Two\n"), ["docs/two.md: absent from docs/SUMMARY.md"]);
}

#[test]
fn a_path_between_backticks_that_is_absent_is_a_fault() {
    let sound =
        "`loadgen/lane/desk.rs` `loadgen/src/lane/desk.rs` `lane/desk.rs` `desk.rs` `lane/` `a/b` `/stats`\n";
    assert_eq!(faults_of("ARCHITECTURE.md", sound), [""; 0]);
    for path in ["loadgen/desk.rs", "lane/seat.rs", "esk.rs", "gone/", "loadgen/lane/gone.toml"] {
        let expected = format!("ARCHITECTURE.md:1: `{path}` is no file of the repository");
        assert_eq!(faults_of("ARCHITECTURE.md", &format!("`{path}`\n")), [expected]);
    }
}
