//! What people see: the bar on a terminal, the status from another one, the summary for programs,
//! the preview.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;
use sheaf_tests::corpus::{doc, gzip, slow_html, write};
use sheaf_tests::job::LONG;
use sheaf_tests::place::drain;
use sheaf_tests::process::wait_for;
use sheaf_tests::{Run, Running, server, sheaf_bin, skip, worker_bin};
use tempfile::TempDir;

/// So many attributes take a child hours: no run of these inputs ends by itself.
const ENDLESS: usize = 2_000_000;
const COMMAND: &str = "run in -p 1 --time-limit 10h -o out.jsonl";

fn endless() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..9 {
        write(folder.path(), &format!("in/{index}"), doc(&index.to_string(), "", "text"));
    }
    write(folder.path(), "in/slow", slow_html("slow", ENDLESS));
    folder
}

/// Runs a command on a terminal of so many columns, stops it by SIGTERM once it has drawn a bar,
/// and prints what it drew.
const ON_A_TERMINAL: &str = r#"
import fcntl, os, pty, signal, struct, sys, termios
columns, command = int(sys.argv[1]), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.environ["TERM"] = "xterm"
    os.execv(command[0], command)
seen, told = b"", False
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    seen += piece
    if not told and b" files" in seen and seen.count(b"\r") > 3:
        told = True
        os.kill(child, signal.SIGTERM)
os.waitpid(child, 0)
sys.stdout.buffer.write(seen)
"#;

/// The lines that were drawn, one after another, without colours and movements.
fn drawn(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\x1b' => drop(rest.by_ref().find(|c| c.is_ascii_alphabetic())),
            c => plain.push(c),
        }
    }
    plain
        .split(['\r', '\n'])
        .map(|line| line.trim_end().to_string())
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn the_bar_fits_the_terminal_without_cutting_numbers() {
    if Command::new("python3").arg("--version").output().is_err() {
        return skip(
            "the_bar_fits_the_terminal_without_cutting_numbers",
            "no python3 on this machine",
        );
    }
    for columns in [30, 48, 100] {
        let folder = endless();
        let python = Run::of(Path::new("python3"), folder.path()).arg("-c").arg(ON_A_TERMINAL);
        let run = python.arg(columns.to_string()).arg(sheaf_bin()).typed(COMMAND).finish().code(0);
        let lines = drawn(&run.stdout);
        let bars: Vec<&String> = lines.iter().filter(|line| line.contains("%  ")).collect();
        assert!(!bars.is_empty(), "{lines:?}");
        for bar in bars {
            assert!(bar.chars().count() <= columns, "{columns}: {bar}");
            let (_, facts) = bar.split_once("%  ").expect("just looked");
            for fact in facts.split(" · ") {
                let units = [
                    "files", "failed", "left", "far", "B", "kB", "MB", "GB", "MB/s", "row", "rows",
                ];
                assert!(
                    units.contains(&fact.rsplit(' ').next().unwrap()),
                    "{columns}: `{fact}` in {bar}"
                );
            }
            assert_eq!(columns == 100, facts.contains("so far"), "{columns}: {bar}");
        }
    }
}

#[test]
fn status_shows_a_runs_progress_from_another_terminal() {
    let folder = endless();
    let status =
        |json: &str| Run::sheaf(folder.path()).typed("status out.jsonl").typed(json).finish();
    status("").code(1).says(&["no run of `out.jsonl` is under way"]);

    let run = Run::sheaf(folder.path()).typed(COMMAND).start();
    let json = |finished: sheaf_tests::Finished| {
        serde_json::from_str::<Value>(&finished.code(0).stdout()).unwrap()
    };
    wait_for("the status to be noted", LONG, || {
        folder.path().join("out.jsonl.sheaf/status").exists().then_some(())
    });
    let seen = json(status("--json"));
    assert_eq!((&seen["version"], &seen["running"]), (&1.into(), &true.into()), "{seen}");
    assert_eq!((&seen["files_total"], &seen["pid"]), (&10.into(), &run.pid().into()), "{seen}");
    assert!(seen["bytes_total"].as_u64() > Some(1_000_000) && seen["stopped"].is_null(), "{seen}");
    let told = status("").code(0).stdout();
    assert!(told.contains("/10 files") && told.contains("running, process"), "{told}");

    run.signal(Signal::SIGTERM);
    run.finish().code(4);
    let told = status("").code(0).stdout();
    assert!(told.contains("not running") && told.contains("stopped by SIGTERM"), "{told}");
    let seen = json(status("--json"));
    assert_eq!(seen["running"], false);
    // Both say how far it came, and not how far it was when its status was noted before.
    let done = seen["files"].as_u64().unwrap();
    assert!(told.contains(&format!(": {done} of 10 files are done")), "{told}");
    Run::sheaf(folder.path())
        .typed("status")
        .finish()
        .code(1)
        .says(&["did you mean `sheaf status out.jsonl`?"]);
}

/// A single file, which takes for ever behind some text that is soon read.
fn large() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = doc("1", "", &"wheat ".repeat(1_500_000));
    write(folder.path(), "in", text + &slow_html("slow", ENDLESS));
    folder
}

/// Waits until a part of the only file counts as done.
fn moves(folder: &TempDir, run: &mut Running) {
    let status = folder.path().join("out.jsonl.sheaf/status");
    let seen = wait_for("progress within the file", LONG, || {
        assert!(!run.has_ended(), "{}", run.stderr());
        let seen: Value = serde_json::from_slice(&fs::read(&status).ok()?).ok()?;
        (seen["bytes"].as_u64()? > 0).then_some(seen)
    });
    let [bytes, total] = ["bytes", "bytes_total"].map(|name| seen[name].as_u64().unwrap());
    assert!(bytes < total / 2 && seen["files"] == 0, "{seen}");
}

#[test]
fn a_single_large_file_moves_the_bar() {
    let folder = large();
    let mut run = Run::sheaf(folder.path()).typed(COMMAND).start();
    moves(&folder, &mut run);
    run.signal(Signal::SIGTERM);
    run.finish().code(4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_moves_the_bar_over_redis() {
    let server = server!("a_large_file_moves_the_bar_over_redis");
    let folder = large();
    let worker = Run::of(&worker_bin(), folder.path())
        .typed("-p 1 --grace 1s --redis")
        .arg(server.url())
        .start();
    let typed = "run in --time-limit 10h -o out.jsonl --redis";
    let mut run = Run::sheaf(folder.path()).typed(typed).arg(server.url()).start();
    moves(&folder, &mut run);
    run.signal(Signal::SIGTERM);
    run.finish().code(4);
    drain(worker);
}

#[test]
fn the_json_summary_says_what_the_terminal_says() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in/1", doc("1", "", "one"));
    write(folder.path(), "in/2.gz", gzip(&doc("2", "", &"packed ".repeat(100_000)).into_bytes()));
    write(folder.path(), "in/3.gz", "not packed");
    write(folder.path(), "in/4", "no record");
    let command = "run in -o a.xlsx -o a.jsonl --summary run.json --joblog log.tsv";
    Run::sheaf(folder.path()).typed(command).finish().code(1);
    let said: Value =
        serde_json::from_slice(&fs::read(folder.path().join("run.json")).unwrap()).unwrap();
    let expected = serde_json::json!({
        "summary_version": 1, "end": "finished", "exit_code": 1, "rows": 2, "joblog": "log.tsv", "per_file": null
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&said[name], value, "{name} in {said}");
    }
    let files = &said["files"];
    let counts =
        ["total", "done", "failed", "without_record"].map(|name| files[name].as_u64().unwrap());
    assert_eq!(counts, [4, 3, 1, 1], "{said}");
    assert_eq!(files["first_failed"][0]["path"], "in/3.gz");
    assert_eq!(files["first_failed"][0]["kind"], "misnamed");
    assert_eq!(files["failed_by_kind"], serde_json::json!({ "misnamed": 1 }));
    // What stands on the terminal as notes, `-q` or not.
    let notes: Vec<&str> =
        said["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect();
    assert!(notes.iter().any(|note| note.starts_with("1 long cell: carried on in")), "{said}");
    assert!(notes.contains(&"1 file without a record: `in/4`"), "{said}");
    assert!(
        files["first_failed"][0]["reason"].as_str().unwrap().contains("not gzip data"),
        "{said}"
    );
    assert_eq!(said["outputs"][1]["path"], "a.jsonl");
    assert_eq!(
        said["outputs"][1]["bytes"],
        fs::metadata(folder.path().join("a.jsonl")).unwrap().len()
    );
    // What was packed counts as what it was unpacked to.
    assert!(said["bytes_read"].as_u64() > Some(700_000), "{said}");
    // It is left out when the folder is read, and cannot take the place of another file.
    Run::sheaf(folder.path())
        .typed("run in -o a.jsonl --summary a.jsonl")
        .finish()
        .code(2)
        .says(&["a.jsonl"]);
}

#[test]
fn a_limit_reads_the_first_files() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["1", "2", "10"] {
        write(folder.path(), &format!("in/{name}"), doc(name, "", ""));
    }
    Run::sheaf(folder.path())
        .typed("run in -j 2 -o a.jsonl --limit 2")
        .finish()
        .code(0)
        .says(&["2 files"]);
    let rows = sheaf_tests::corpus::rows_of(&folder.path().join("a.jsonl"));
    assert_eq!(sheaf_tests::corpus::column(&rows, "id"), ["1", "2"]);
}

#[test]
fn preview_names_elements_when_no_record_is_found() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "page", "<ul><li>a<li>b<li>c</ul>");
    let run = Run::sheaf(folder.path()).typed("preview page --record .item").finish().code(0);
    let expected = "no record in this file; most elements are `li` ×3, `ul` ×1";
    assert!(run.stdout().contains(expected), "{run}");
}

#[test]
fn preview_reads_a_folders_first_file_or_stdin() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in/file_10", doc("10", "", "last"));
    write(folder.path(), "in/file_2", doc("2", "", "\n\n   first"));
    let run = Run::sheaf(folder.path()).typed("preview in").finish().code(0);
    let shown = run.stdout();
    assert!(shown.contains("in/file_2 · 1 row") && !shown.contains("last"), "{shown}");
    let row = shown.lines().find(|line| line.starts_with("2 ")).unwrap();
    assert!(row.ends_with("  first"), "white space in front is left out: {shown}");

    let shown = Run::sheaf(folder.path())
        .typed("preview -")
        .stdin(doc("7", "t", "piped"))
        .finish()
        .code(0)
        .stdout();
    assert!(shown.contains("piped") && shown.contains("1 row"), "{shown}");
}

#[test]
fn many_columns_are_shown_one_below_the_other() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "page", "<p>a text that is long enough</p>");
    let columns: Vec<String> =
        (0..20).map(|index| format!("--column=name_{index}=::text")).collect();
    let run = |view: &str| {
        let run = Run::sheaf(folder.path()).typed("preview page --record p").typed(view);
        columns.iter().fold(run, |run, column| run.arg(column)).finish().code(0).stdout()
    };
    let shown = run("");
    assert!(
        shown.contains("\nname_19  a text that is long enough\n")
            && !shown.contains("without room"),
        "{shown}"
    );
    assert!(run("--view table").contains("without room"));
}

#[test]
fn help_completions_and_manual_pages_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let run = |typed: &str| Run::sheaf(folder.path()).typed(typed).finish().code(0).stdout();
    assert!(run("help").contains("sheaf run data/"));
    assert!(run("help run").contains("--changed"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&format!("completions {shell}")).contains("wait-for-workers"), "{shell}");
    }
    run("man pages");
    for (page, word) in
        [("sheaf.1", "preview"), ("sheaf-run.1", "changed"), ("sheaf\\-worker.1", "grace")]
    {
        let path = folder.path().join("pages").join(page.replace('\\', ""));
        assert!(fs::read_to_string(&path).unwrap_or_default().contains(word), "{page}");
    }
}

#[test]
fn both_programs_are_of_the_same_build() {
    let folder = tempfile::tempdir().unwrap();
    let version = |program: &Path| {
        let said = Run::of(program, folder.path()).arg("--version").finish().code(0).stdout();
        said.split_whitespace().nth(1).unwrap().to_string()
    };
    assert_eq!(version(&sheaf_bin()), sheaf_common::VERSION);
    assert_eq!(version(&worker_bin()), sheaf_common::VERSION);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in", doc("1", "", "x"));
    let run = Run::sheaf(folder.path())
        .typed("run in -o a.jsonl")
        .env("SHEAF_LEASE", "")
        .env("SHEAF_PACK", "");
    run.env("SHEAF_REDIS", "")
        .env("SHEAF_REDIS_BUDGET", "")
        .env("SHEAF_TLS_CERT", "")
        .finish()
        .code(0);
    let worker = Run::of(&worker_bin(), folder.path())
        .env("SHEAF_PROCESSES", "")
        .env("SHEAF_LOG_FORMAT", "");
    worker
        .env("SHEAF_LEASE", "")
        .env("SHEAF_REDIS", "")
        .finish()
        .code(2)
        .says(&["no Redis is named"]);
    // Both sides read the same times.
    let worker = Run::of(&worker_bin(), folder.path())
        .env("SHEAF_LEASE", "1m30s")
        .typed("--redis redis://h --grace 0s");
    worker.finish().code(2).says(&["`0s` for `--grace`: expected a time"]);
    let run = Run::sheaf(folder.path()).typed("run in -o a.jsonl --redis redis://h --lease 0s");
    run.finish().code(2).says(&["`0s` for `--lease`: expected a time"]);
}
