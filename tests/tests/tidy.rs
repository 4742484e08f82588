//! What ARCHITECTURE.md says that parts must not know, and the limits of style: held here, so that
//! nobody need be reminded.

use std::fs;
use std::path::{Path, PathBuf};

use sheaf_tests::binary::repository;

/// The most lines of a file, and of a function.
const FILE: usize = 500;
const FUNCTION: usize = 70;
/// The most words of a test's name.
const NAME: usize = 8;

/// What the product is made of: no tests.
const PRODUCT: [&str; 4] = ["common/src", "common/format/src", "coordinator/src", "worker/src"];

/// A file of Rust below the root, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The lines that are no comments, with their numbers from 1.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// The sources below some folders of the repository.
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        folders.iter().map(|folder| repository().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(repository()).unwrap().display().to_string();
                found.push(Source { path, text });
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// Fails with all places where a line of code in these folders has one of the words.
fn none_says(folders: &[&str], words: &[&str], is_meant: impl Fn(&Source) -> bool, why: &str) {
    let mut places = Vec::new();
    for source in sources(folders).iter().filter(|source| is_meant(source)) {
        for (number, line) in source.code() {
            if words.iter().any(|word| line.contains(word)) {
                places.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert!(places.is_empty(), "{why}:\n{}", places.join("\n"));
}

fn any(_: &Source) -> bool {
    true
}

/// The functions of a text, as rustfmt lays them out: where each begins, and how many lines it has.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (begin, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_function =
            words.iter().take(4).any(|word| *word == "fn") && !line.trim_start().starts_with("//");
        if !is_function || line.ends_with(';') || line.ends_with('}') {
            continue;
        }
        let closing = format!("{}}}", &line[..indent]);
        if let Some(length) = lines[begin..].iter().position(|line| *line == closing) {
            functions.push((begin + 1, length + 1));
        }
    }
    functions
}

#[test]
fn test_names_have_at_most_eight_words() {
    let mut long = Vec::new();
    for Source { path, text } in sources(&["common", "coordinator", "worker", "tests"]) {
        let mut is_test = false;
        for line in text.lines().map(str::trim_start) {
            let name = line.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
            if let Some((name, _)) = name.filter(|_| is_test)
                && name.split('_').count() > NAME
            {
                long.push(format!("{path}: {name}"));
            }

            // Other attributes may stand between.
            is_test = line.ends_with("test]")
                || line.starts_with("#[tokio::test")
                || is_test && line.starts_with("#[");
        }
    }

    assert!(long.is_empty(), "a test's name says its rule in a few words:\n{}", long.join("\n"));
}

#[test]
fn files_and_functions_are_short() {
    let mut long = Vec::new();
    for Source { path, text } in sources(&["common", "coordinator", "worker", "tests"]) {
        let lines = text.lines().count();
        if lines > FILE {
            long.push(format!("{path} has {lines} lines, at most {FILE} are wanted"));
        }
        for (begin, lines) in functions(&text).into_iter().filter(|(_, lines)| *lines > FUNCTION) {
            long.push(format!(
                "{path}:{begin}: a function of {lines} lines, at most {FUNCTION} are wanted"
            ));
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn functions_are_measured_from_first_to_last_line() {
    let text = "fn a() {\n}\n\nimpl X {\n    pub async fn b(\n        c: u8,\n    ) {\n        if c {\n        }\n    }\n}\nfn d() {}\n";
    assert_eq!(functions(text), [(1, 2), (5, 6)]);
}

#[test]
fn nothing_is_left_to_be_done() {
    // Spelled so that this file does not say them.
    let words = [
        concat!("to", "do!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("unimplemen", "ted!("),
        concat!("db", "g!("),
    ];
    none_says(
        &["common", "coordinator", "worker", "tests"],
        &words,
        any,
        "an issue is the place for what is missing",
    );
}

#[test]
fn the_ledger_knows_no_time_and_no_queue() {
    let words =
        ["tokio", "std::time", "Instant", "async ", "sheaf_common::queue", "std::fs", "std::io"];
    none_says(
        &["coordinator/src/ledger"],
        &words,
        any,
        "the ledger is a pure state machine: events in, commands out",
    );
}

#[test]
fn the_driver_reads_no_clock_and_calls_nothing() {
    let words = ["tokio", "Instant::now", "SystemTime", "async ", ".await", "std::fs", "std::io"];
    let is_driver = |source: &Source| source.path.starts_with("coordinator/src/run/driver");
    let is_meant = |source: &Source| is_driver(source) && !source.path.ends_with("tests.rs");

    let why = "what a run does next is a pure state machine: time and answers are events";
    none_says(&["coordinator/src/run"], &words, is_meant, why);
}

#[test]
fn extraction_and_rendering_know_no_queue() {
    let words = ["tokio", "sheaf_common::queue", "redis"];
    let why = "what a file or a sheet says does not depend on who asks";
    none_says(&["common/format/src", "worker/src/extract", "worker/src/render"], &words, any, why);
}

#[test]
fn a_recipe_knows_no_tree() {
    let outside = |source: &Source| !source.path.starts_with("worker/src/extract/reader/html/");
    let words = ["ElementRef", "scraper::Html", "scraper::{", "scraper::Node", "ego_tree"];
    let why = "documents are seen through `Document` and `Element`";
    none_says(&["worker/src/extract"], &words, outside, why);
}

#[test]
fn the_redis_client_is_used_in_one_place() {
    let outside = |source: &Source| !source.path.starts_with("common/src/queue/redis/");
    none_says(
        &PRODUCT,
        &["redis::cmd(", "redis::Value", "redis::aio"],
        outside,
        "Redis is behind the queue",
    );
    for package in ["coordinator", "worker"] {
        let manifest = fs::read_to_string(repository().join(package).join("Cargo.toml")).unwrap();
        assert!(
            !manifest.lines().any(|line| line.starts_with("redis")),
            "{package} uses the client by itself"
        );
    }
}

#[test]
fn keys_are_spelled_in_one_file() {
    let elsewhere = |source: &Source| source.path != "common/src/queue/redis/keys.rs";
    none_says(&PRODUCT, &["\"sheaf:"], elsewhere, "keys.rs has all keys, and the table of them");
}

#[test]
fn imports_between_crates_point_one_way() {
    let words = ["use sheaf::", "sheaf::cli"];
    none_says(
        &["common/src", "common/format/src", "worker/src"],
        &words,
        any,
        "the coordinator stands on the worker, and both on common",
    );
    let words = ["sheaf_worker::"];
    none_says(&["common"], &words, any, "common stands on nothing, and the formats on it alone");
}

#[test]
fn formats_are_told_apart_in_one_place() {
    let words = [".format == \"", ".name() == \"", "format: \"", "match form", "match rendering"];
    let why = "the crate of the formats has all that is special about one: ask the format";
    none_says(&["coordinator/src", "worker/src/run", "worker/src/service"], &words, any, why);
}

#[test]
fn every_operation_in_lua_has_its_header() {
    let folder = repository().join("common/src/queue/redis/lua");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        check_operation(&path, &text);
    }
}

/// Whether a file of Lua is short, and begins with what it is.
fn check_operation(path: &Path, text: &str) {
    let name = path.file_stem().unwrap().to_str().unwrap();
    assert!(
        text.starts_with(&format!("-- {name}: ")),
        "{} does not begin with its name and purpose",
        path.display()
    );
    // What stands in front of others is no operation.
    if name != "prelude" && !text.contains("stands in front of") {
        for part in ["-- KEYS ", "-- ARGV ", "-- Returns ", "-- Invariant: "] {
            assert!(text.contains(part), "{} does not say `{part}`", path.display());
        }
        assert!(text.lines().count() <= 45, "{} is long", path.display());
    }
}
