//! Every command of the README, run as it is written, and what it prints held against what stands
//! below it.
//!
//! A block marked `sh` is run, in one shell after the other, in a copy of `tests/readme`; a block
//! marked `text` right after it is what it prints, in which `…` stands for anything on its line. A
//! block marked `python` is run too, after all those before it. Of a block marked `bash`, which
//! needs other machines or a toolchain, only what speaks of Redis is run, with a server of the
//! test's own.

use std::fs;
use std::path::Path;
use std::process::Command;

use sheaf_tests::binary::repository;
use sheaf_tests::corpus::{doc, write};
use sheaf_tests::place::connected;
use sheaf_tests::python::python;
use sheaf_tests::{Run, server, sheaf_bin, skip_without, worker_bin};
use tempfile::TempDir;

/// A fenced block of a page.
#[derive(Debug)]
struct Block {
    /// What stands behind the opening fence.
    kind: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let text = fs::read_to_string(repository().join(page)).unwrap();
    let mut parts = text.split("\n```");
    parts.next().expect("what stands before the first block");

    let mut blocks = Vec::new();
    while let Some(block) = parts.next() {
        let (kind, text) = block.split_once('\n').unwrap_or((block, ""));
        blocks.push(Block { kind: kind.trim().into(), text: text.into() });
        parts.next(); // The prose up to the next block.
    }
    blocks
}

/// A copy of the folder that the pages speak of.
fn readers_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(repository().join("tests/readme/."))
        .arg(folder.path())
        .status()
        .unwrap();
    assert!(copied.success());
    folder
}

/// Runs a block of commands, and gives all that it printed.
fn run(block: &str, folder: &Path) -> String {
    let programs = sheaf_bin().parent().unwrap().display().to_string();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap());
    let script = format!("exec 2>&1; set -euo pipefail\n{block}\n");
    Run::of(Path::new("bash"), folder)
        .env("PATH", path)
        .typed("-c")
        .arg(script)
        .finish()
        .code(0)
        .stdout()
}

/// Whether a line was printed as the page says.
fn is_as_said(printed: &str, said: &str) -> bool {
    let mut parts = said.split('…');
    let Some(mut rest) = printed.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };

    let parts: Vec<&str> = parts.collect();
    for (index, part) in parts.iter().enumerate() {
        let is_last = index + 1 == parts.len();
        let found = if is_last {
            rest.ends_with(part).then(|| rest.len() - part.len())
        } else {
            rest.find(part)
        };
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

#[track_caller]
fn commands_do_what_the_page_says(name: &str, page: &str) {
    if skip_without(name, &["bash", "gzip"]) {
        return;
    }
    let folder = readers_folder();
    let blocks = blocks(page);
    let mut ran = 0;

    for (index, block) in blocks.iter().enumerate() {
        if block.kind != "sh" {
            continue;
        }
        let printed = run(&block.text, folder.path());
        ran += 1;

        let Some(said) = blocks.get(index + 1).filter(|next| next.kind == "text") else { continue };
        let (printed, said): (Vec<&str>, Vec<&str>) =
            (printed.lines().collect(), said.text.lines().collect());
        let same =
            printed.len() == said.len() && printed.iter().zip(&said).all(|(p, s)| is_as_said(p, s));
        assert!(
            same,
            "{page}:\n{}\nprinted:\n{}\nnot:\n{}",
            block.text,
            printed.join("\n"),
            said.join("\n")
        );
    }
    assert!(ran >= 8, "{page} has {ran} blocks of commands");

    let Some(python) = python(name) else { return };
    let script: String = blocks
        .iter()
        .filter(|block| block.kind == "python")
        .map(|block| format!("{}\n", block.text))
        .collect();
    assert!(!script.is_empty(), "{page} shows how to read the result");
    let check = format!("{script}assert list(table['id']) == ['12', '25', '39', '007'], table\n");
    Run::of(&python, folder.path()).typed("-c").arg(check).finish().code(0);
    long_texts_are_read_whole(&python, &script);
}

/// Runs what reads a result on one with texts that no cell holds, under a name that is quoted.
fn long_texts_are_read_whole(python: &Path, script: &str) {
    let folder = tempfile::tempdir().unwrap();
    let long = "긴 글\n".repeat(30_000);
    let page = format!("{}{}", doc("007", "a", "short \u{b}"), doc("8", "b", &long));
    write(folder.path(), "long.html", page);

    let typed = "run long.html -o final.xlsx -o final.jsonl --sheet-name";
    Run::sheaf(folder.path()).typed(typed).arg("it's").finish().code(0);

    let lines = "import json\ntexts = [json.loads(line)['text'] for line in open('final.jsonl')]\n";
    let check = format!("{script}{lines}assert list(table['text']) == texts\n");
    Run::of(python, folder.path()).typed("-c").arg(check).finish().code(0);
}

#[test]
fn commands_in_the_readme_work_as_described() {
    commands_do_what_the_page_says("commands_in_the_readme_work_as_described", "README.md");
}

#[test]
fn commands_in_the_korean_readme_work_as_described() {
    commands_do_what_the_page_says(
        "commands_in_the_korean_readme_work_as_described",
        "README.ko.md",
    );
}

#[tokio::test]
async fn commands_for_many_machines_work_as_printed() {
    let server = server!("commands_for_many_machines_work_as_printed");
    for page in ["README.md", "README.ko.md"] {
        let folder = readers_folder();
        let blocks = blocks(page);
        let block = blocks
            .iter()
            .find(|block| block.text.contains("sheaf-worker --redis redis://HOST"))
            .unwrap();

        // Without what is said behind `#`, with the server of this test and the folder that is
        // there.
        let typed = |program: &str| {
            let line = block.text.lines().find(|line| line.starts_with(program)).unwrap();
            let words = line.split('#').next().unwrap().replace("redis://HOST", &server.url());
            words.split_once(' ').unwrap().1.replace("data/", "wiki/").replace("-p 8", "-p 2")
        };
        let worker = Run::of(&worker_bin(), folder.path()).typed(&typed("sheaf-worker ")).start();
        connected(&worker);
        Run::sheaf(folder.path())
            .typed(&typed("sheaf run "))
            .finish()
            .code(0)
            .says(&["4 rows from 3 files"]);
    }
}
