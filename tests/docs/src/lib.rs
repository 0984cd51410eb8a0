//! The documents agree with the repository: the tests that they name exist, their links resolve, and `just` runs the
//! commands that the README shows.
#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The files of the repository whose name ends in one of `endings`, without build output and hidden folders.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// The text without its fenced code blocks.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// The fenced code blocks of a text.
fn blocks(text: &str) -> String {
    text.split("```").skip(1).step_by(2).collect()
}

/// The `code spans` of a text that has no code blocks.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The functions of a Rust or Python file that a test runner runs.
fn tests_of(path: &Path) -> Vec<String> {
    let text = read(path);
    let name = |line: &str| -> String {
        line.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
    };
    if path.extension().is_some_and(|extension| extension == "py") {
        return text.lines().filter_map(|line| line.strip_prefix("def ")).map(name).collect();
    }
    let (mut tests, mut is_test) = (Vec::new(), false);
    for line in text.lines().map(str::trim) {
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let line = line.strip_prefix("pub ").unwrap_or(line);
        let function = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "));
        if let Some(function) = function {
            if is_test {
                tests.push(name(function));
            }
            is_test = false;
        }
    }
    tests
}

/// Whether a code span is the name of a test: words joined by underscores, at least four of them.
fn names_a_test(span: &str) -> bool {
    span.split('_').count() >= 4
        && span
            .chars()
            .all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_')
}

#[test]
fn every_test_named_in_a_document_exists() {
    let tests: BTreeSet<String> = files(&[".rs", ".py"]).iter().flat_map(|path| tests_of(path)).collect();
    let mut missing = Vec::new();
    let mut named = 0;
    for document in files(&[".md"]) {
        let text = prose(&read(&document));
        for span in spans(&text).filter(|span| names_a_test(span)) {
            named += 1;
            if !tests.contains(span) {
                missing.push(format!("{}: `{span}`", shown(&document)));
            }
        }
    }
    assert!(named > 50, "only {named} names of tests were recognized in the documents");
    assert!(missing.is_empty(), "these tests do not exist:\n{}", missing.join("\n"));
}

#[test]
fn every_invariant_and_every_identity_rule_names_an_existing_test() {
    let tests: BTreeSet<String> = files(&[".rs", ".py"]).iter().flat_map(|path| tests_of(path)).collect();
    let architecture = read(root().join("ARCHITECTURE.md"));
    // The rows of the two tables start with a number, or continue the one above with an empty first cell. Whole files
    // count too: `publishing.rs`, all.
    let rows: Vec<&str> = architecture
        .lines()
        .filter(|line| line.strip_prefix("| ").is_some_and(|row| row.starts_with(|first: char| first.is_ascii_digit())))
        .collect();
    assert!(rows.len() > 20, "only {} numbered rows were found", rows.len());
    for row in rows {
        let held_by = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
        let named = spans(held_by).any(|span| tests.contains(span) || span.ends_with(".rs") || span.ends_with(".py"));
        assert!(named || held_by.starts_with("By construction"), "names no test: {row}");
    }
}

#[test]
fn every_file_named_in_the_architecture_exists() {
    let architecture = prose(&read(root().join("ARCHITECTURE.md")));
    let existing: Vec<String> =
        files(&[".rs", ".py", ".md", ".yaml", ".toml"]).iter().map(|path| shown(path)).collect();
    let is_file = |span: &&str| {
        [".rs", ".py", ".md", ".yaml"].iter().any(|ending| span.ends_with(ending))
            && !span.contains(['<', '*', ' ', '…'])
    };
    let missing: Vec<&str> = spans(&architecture)
        .filter(is_file)
        .filter(|span| !existing.iter().any(|path| path == span || path.ends_with(&format!("/{span}"))))
        .collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names files that do not exist: {missing:?}");
}

#[test]
fn every_relative_link_resolves() {
    let mut broken = Vec::new();
    for document in files(&[".md"]) {
        let text = prose(&read(&document));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { document.clone() } else { document.parent().unwrap().join(file) };
            if !path.exists() {
                broken.push(format!("{}: {target}", shown(&document)));
            } else if !anchor.is_empty() && !anchors(&read(&path)).contains(anchor) {
                broken.push(format!("{}: {target}: no such heading", shown(&document)));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn every_alarm_has_a_section_in_the_runbook() {
    let template = read(root().join("template.yaml"));
    let runbook = read(root().join("docs/operating.md"));
    let sections: BTreeSet<&str> =
        runbook.lines().filter_map(|line| line.strip_prefix("### ")).flat_map(|line| line.split(", ")).collect();
    let resources = template.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    let alarms: Vec<&str> = resources.filter_map(|name| name.strip_suffix("Alarm")).collect();
    assert!(alarms.len() > 20, "{alarms:?}");
    let missing: Vec<_> = alarms.iter().filter(|alarm| !sections.contains(*alarm)).collect();
    assert!(missing.is_empty(), "docs/operating.md has no section for {missing:?}");
}

/// The anchors that GitHub gives to the headings of a document.
fn anchors(text: &str) -> BTreeSet<String> {
    prose(text)
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter_map(|character| match character {
                    ' ' => Some('-'),
                    '-' | '_' => Some(character),
                    _ => character.is_alphanumeric().then_some(character),
                })
                .collect()
        })
        .collect()
}

/// The commands of a text: its lines, with those that end in a backslash joined to the next.
fn commands(text: &str) -> impl Iterator<Item = String> {
    text.replace("\\\n", " ")
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .into_iter()
}

#[test]
fn just_runs_the_commands_of_the_readme() {
    let readme = read(root().join("README.md"));
    let contributing = read(root().join("CONTRIBUTING.md"));
    let documented: BTreeSet<String> = commands(&blocks(&readme)).chain(commands(&blocks(&contributing))).collect();
    let recipes: Vec<String> = read(root().join("justfile"))
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .map(|line| line.replace("{{ options }}", "").trim().to_owned())
        .filter(|line| line != "@just --list")
        .collect();
    assert!(!recipes.is_empty());
    for recipe in recipes {
        assert!(documented.contains(&recipe), "neither README.md nor CONTRIBUTING.md shows `{recipe}`");
    }
}

/// `cargo run -- local` stays short: it is for people, and CI has checked that the lock file is complete.
#[test]
fn cargo_commands_that_build_keep_to_the_lock_file() {
    let mut unlocked = Vec::new();
    for path in
        [".ci/run", "tests/deployed/run", "justfile", "README.md", "CONTRIBUTING.md", ".github/workflows/ci.yml"]
    {
        let text = read(root().join(path));
        let text = if path.ends_with(".md") { blocks(&text) } else { text };
        for command in commands(&text) {
            let Some((_, arguments)) = command.split_once("cargo ").filter(|_| !command.starts_with('#')) else {
                continue;
            };
            let builds = ["build", "check", "clippy", "deny", "doc", "install", "lambda build", "test", "tree"]
                .iter()
                .any(|subcommand| arguments.starts_with(&format!("{subcommand} ")));
            if builds && !arguments.contains("--locked") {
                unlocked.push(format!("{path}: {command}"));
            }
        }
    }
    assert!(unlocked.is_empty(), "without --locked:\n{}", unlocked.join("\n"));
}

/// A snapshot belongs to a test. insta names its file `<binary or module>__<name>.snap`, beside the test in
/// `snapshots`; a glob appends `@<input file>`.
#[test]
fn no_snapshot_is_left_over_or_waits_to_be_accepted() {
    let pending: Vec<String> = files(&[".snap.new", ".pending-snap"]).iter().map(|path| shown(path)).collect();
    assert!(pending.is_empty(), "not accepted yet: {pending:?}");
    for snapshot in files(&[".snap"]) {
        let text = read(&snapshot);
        let header = |key: &str| {
            text.lines().find_map(|line| line.strip_prefix(key)).map(|value| value.trim().trim_matches('"').to_owned())
        };
        let source = header("source: ").unwrap_or_else(|| panic!("{} has no source", shown(&snapshot)));
        assert!(root().join(&source).exists(), "{}: its test {source} is gone", shown(&snapshot));
        if let Some(input) = header("input_file: ") {
            assert!(root().join(&input).exists(), "{}: its input {input} is gone", shown(&snapshot));
        }
    }
}
