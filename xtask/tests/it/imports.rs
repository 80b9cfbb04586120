//! Imports between the files of a crate, and the circles that they make.
//!
//! A text scan is enough: comments and texts are blanked, the rest is cut into words and signs, and
//! every path is resolved to the file that defines its longest module prefix. Three things are no
//! imports: a declaration (`mod x;`), a re-export (`pub use`), and a name that a file takes from a
//! module around it, because a module and its parts are one room.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::tokens::{is_word, tokens};

/// Path of a module in its crate; the root's is empty.
type Module = Vec<String>;

/// Files of a crate with the names that each takes from the others.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    arrows: BTreeMap<Module, BTreeMap<Module, BTreeSet<String>>>,
}

impl Imports {
    /// Reads the files under a folder that holds a crate's root, `lib.rs` or `main.rs`.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut texts = BTreeMap::new();
        gather(folder, &Vec::new(), &mut texts);
        Self::of(&texts)
    }

    /// Takes the files as texts.
    pub(crate) fn of(texts: &BTreeMap<Module, String>) -> Self {
        let mut arrows = BTreeMap::new();
        for (file, text) in texts {
            let mut from: BTreeMap<Module, BTreeSet<String>> = BTreeMap::new();
            for path in paths(file, text, |module| texts.contains_key(module)) {
                let known = (1..=path.len()).take_while(|length| texts.contains_key(&path[..*length])).last();
                let target = path[..known.unwrap_or(0)].to_vec();
                if !file.starts_with(&target) {
                    let name = path.get(target.len()).map_or("*", String::as_str);
                    from.entry(target).or_default().insert(name.to_owned());
                }
            }
            arrows.insert(file.clone(), from);
        }
        Self { arrows }
    }

    /// Returns the circles: of each its files, and the names that tie them.
    pub(crate) fn circles(&self) -> Vec<String> {
        let reached: BTreeMap<&Module, BTreeSet<&Module>> =
            self.arrows.keys().map(|file| (file, self.reached_from(file))).collect();
        let mut circles: BTreeSet<Vec<&Module>> = BTreeSet::new();
        for (file, others) in &reached {
            let back = |other: &&&Module| reached.get(**other).is_some_and(|reached| reached.contains(file));
            let circle: Vec<&Module> = others.iter().filter(back).copied().collect();
            if circle.len() > 1 {
                circles.insert(circle);
            }
        }
        circles.iter().map(|circle| self.describe(circle)).collect()
    }

    fn reached_from(&self, file: &Module) -> BTreeSet<&Module> {
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<&Module> = self.arrows[file].keys().collect();
        while let Some(next) = waiting.pop() {
            if reached.insert(next) {
                waiting.extend(self.arrows[next].keys());
            }
        }
        reached
    }

    fn describe(&self, circle: &[&Module]) -> String {
        let mut text = format!("{} files:\n", circle.len());
        for file in circle {
            for (target, names) in self.arrows[*file].iter().filter(|(target, _)| circle.contains(target)) {
                let names = names.iter().cloned().collect::<Vec<_>>().join(", ");
                text += &format!("  {}.rs -> {}.rs: {names}\n", file.join("/"), target.join("/"));
            }
        }
        text
    }
}

/// Reads every file under `folder`, which holds the parts of `module`.
fn gather(folder: &Path, module: &Module, texts: &mut BTreeMap<Module, String>) {
    let entries =
        folder.read_dir().unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_root = module.is_empty() && (stem == "lib" || stem == "main");
        let inner =
            if is_root { Vec::new() } else { [module.as_slice(), std::slice::from_ref(&stem)].concat() };
        if path.is_dir() {
            gather(&path, &inner, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            // Nobody can import a program's root, so a library's root wins over it.
            if stem != "main" || !folder.join("lib.rs").exists() {
                texts.insert(inner, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
}

/// Returns the paths that a file names, each from the crate's root.
fn paths(file: &Module, text: &str, is_file: impl Fn(&[String]) -> bool) -> Vec<Module> {
    let tokens = tokens(text);
    let mut scan =
        Scan { tokens: &tokens, at: 0, module: file.clone(), braces: Vec::new(), found: Vec::new() };
    let child = |name: &str| is_file(&[file.as_slice(), &[name.to_owned()]].concat());
    while scan.at < tokens.len() {
        scan.step(&child);
    }
    scan.found
}

/// A reading of one file's words and signs.
struct Scan<'a> {
    tokens: &'a [&'a str],
    at: usize,
    /// The module at this place: the file's own, or one that the file holds between braces.
    module: Module,
    /// For each open brace, true if it opened a module.
    braces: Vec<bool>,
    found: Vec<Module>,
}

impl<'a> Scan<'a> {
    fn token(&self, ahead: usize) -> &'a str {
        self.tokens.get(self.at + ahead).copied().unwrap_or("")
    }

    fn step(&mut self, child: &impl Fn(&str) -> bool) {
        let before = self.at.checked_sub(1).map_or("", |before| self.tokens[before]);
        match self.token(0) {
            "#" if self.tokens[self.at..].starts_with(&["#", "[", "cfg", "(", "test", ")", "]"]) => {
                self.at += 7;
                self.skip_item();
            }
            "mod" if self.token(2) == "{" => {
                self.module.push(self.token(1).to_owned());
                self.braces.push(true);
                self.at += 3;
            }
            "mod" => self.at += 2,
            "use" if self.token(1) != "<" => {
                // `pub use`, `pub(crate) use`.
                let is_export = before == "pub" || before == ")";
                self.at += 1;
                let tree = self.tree(child);
                if !is_export {
                    self.found.extend(tree);
                }
            }
            "{" => {
                self.braces.push(false);
                self.at += 1;
            }
            "}" => {
                if self.braces.pop() == Some(true) {
                    self.module.pop();
                }
                self.at += 1;
            }
            first if before != "::" && before != "." && self.token(1) == "::" && starts(first, child) => {
                let path = self.path();
                let path = self.absolute(path, child);
                self.found.extend(path);
            }
            _ => self.at += 1,
        }
    }

    /// Passes over an item and the attributes before it.
    fn skip_item(&mut self) {
        let mut depth = 0_i32;
        while self.at < self.tokens.len() {
            let token = self.token(0);
            self.at += 1;
            depth += i32::from(matches!(token, "{" | "(" | "["));
            depth -= i32::from(matches!(token, "}" | ")" | "]"));
            if depth == 0 && matches!(token, ";" | "}") {
                return;
            }
        }
    }

    /// Reads `a::b::c`, up to what is no name.
    fn path(&mut self) -> Module {
        let mut path = vec![self.token(0).to_owned()];
        self.at += 1;
        while self.token(0) == "::" && is_word(self.token(1)) {
            path.push(self.token(1).to_owned());
            self.at += 2;
        }
        path
    }

    /// Reads `a::{b, c::{d}};` as the paths it stands for.
    fn tree(&mut self, child: &impl Fn(&str) -> bool) -> Vec<Module> {
        let mut found = Vec::new();
        let mut prefixes: Vec<Module> = Vec::new();
        let mut path: Module = Vec::new();
        loop {
            let token = self.token(0);
            self.at += 1;
            match token {
                "::" => {}
                "as" => self.at += 1,
                "{" => prefixes.push(std::mem::take(&mut path)),
                "," | "}" | ";" | "" => {
                    if !path.is_empty() {
                        found.push(prefixes.concat().into_iter().chain(std::mem::take(&mut path)).collect());
                    }
                    match token {
                        "}" => drop(prefixes.pop()),
                        ";" | "" => break,
                        _ => {}
                    }
                }
                _ => path.push(token.to_owned()),
            }
        }
        found.into_iter().filter_map(|path| self.absolute(path, child)).collect()
    }

    /// Returns the path from the crate's root, or nothing if it leads to another crate.
    fn absolute(&self, mut path: Module, child: &impl Fn(&str) -> bool) -> Option<Module> {
        path.retain(|name| name != "*");
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let mut base = match path.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => self.module.clone(),
            first if child(first) => return Some([self.module.as_slice(), &path].concat()),
            _ => return None,
        };
        let mut rest = path.into_iter().peekable();
        while let Some(name) = rest.next_if(|name| matches!(name.as_str(), "crate" | "self" | "super")) {
            if name == "super" {
                base.pop();
            }
        }
        Some(base.into_iter().chain(rest).collect())
    }
}

fn starts(first: &str, child: &impl Fn(&str) -> bool) -> bool {
    matches!(first, "crate" | "self" | "super") || child(first)
}
