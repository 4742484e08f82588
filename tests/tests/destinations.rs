//! Where outputs go: standard output, links, named pipes, files that stand there already.

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::stat::Mode;
use sheaf_tests::corpus::{column, doc, rows, write, write_many};
use sheaf_tests::{Run, sheaf_bin};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn rows_go_to_stdout_and_messages_to_stderr() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in", doc("1", "t\tq", "x \"y\"\nz"));
    fs::create_dir(folder.path().join("tmp")).unwrap();
    let json = "{\"id\":\"1\",\"title\":\"t\\tq\",\"text\":\"x \\\"y\\\"\\nz\"}\n";
    let csv = "id,title,text\r\n1,t\tq,\"x \"\"y\"\"\nz\"\r\n";
    let tsv = "id\ttitle\ttext\n1\t\"t\tq\"\t\"x \"\"y\"\"\nz\"\n";
    for (output, wanted) in
        [("-", json), ("-.jsonl", json), ("-.ndjson", json), ("-.csv", csv), ("-.tsv", tsv)]
    {
        let run = Run::sheaf(folder.path())
            .typed("run in -o")
            .arg(output)
            .env("TMPDIR", folder.path().join("tmp"));
        let done = run.finish().code(0).says(&["standard output", "1 row from 1 file"]);
        assert_eq!(done.stdout(), wanted, "{output}");
    }
    assert_eq!(names(folder.path()), ["in", "tmp"], "nothing stands beside the input");
    assert!(
        names(&folder.path().join("tmp")).is_empty(),
        "nothing is left in the temporary folder"
    );

    Run::sheaf(folder.path()).typed("run in -o -.xlsx -o out.xlsx -q").finish().code(0);
    let done = Run::sheaf(folder.path()).typed("run in -o -.xlsx -q").finish().code(0);
    assert!(
        done.stdout == fs::read(folder.path().join("out.xlsx")).unwrap(),
        "a workbook goes through a pipe too"
    );
    assert_eq!(done.stderr(), "");
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    write_many(&folder.path().join("in"), 10, 30, None);
    write(folder.path(), "in/broken.gz", "no gzip");
    // 300 rows are more than a pipe holds, and standard output is the first of the outputs.
    for (inputs, code) in [("in/file_0", 0), ("in", 1)] {
        let mut command = Command::new(sheaf_bin());
        command
            .args(["run", inputs, "-o", "-", "-o", "all.jsonl", "-q"])
            .current_dir(folder.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{said}");
        assert!(!said.to_lowercase().contains("pipe"), "{said}");
        let ids = rows(fs::read(folder.path().join("all.jsonl")).unwrap()).len();
        assert_eq!(ids, if code == 0 { 30 } else { 300 }, "the other output is whole");
    }
}

#[test]
fn a_link_is_followed_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir_all(path("data/elsewhere")).unwrap();
    symlink("data/elsewhere/real.jsonl", path("out.jsonl")).unwrap();
    for (number, text) in [("1", "made"), ("2", "replaced")] {
        write(folder.path(), "data/in", doc(number, "t", text));
        Run::sheaf(folder.path()).typed("run data -o out.jsonl").finish().code(0);
        assert!(path("out.jsonl").is_symlink());
        let got = rows(fs::read(path("data/elsewhere/real.jsonl")).unwrap());
        // The output of the run before is no input.
        assert_eq!(column(&got, "text"), [text]);
    }
    assert_eq!(names(&path("data/elsewhere")), ["real.jsonl"]);
    let run = Run::sheaf(folder.path())
        .typed("run data/in -o out.jsonl -o data/elsewhere/real.jsonl")
        .finish();
    run.code(2).says(&["two outputs are"]);
}

#[test]
fn a_named_pipe_is_written_to() {
    let folder = tempfile::tempdir().unwrap();
    write_many(&folder.path().join("in"), 10, 30, None);
    let pipe = folder.path().join("pipe.csv");
    nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let run = Run::sheaf(folder.path()).typed("run in -o pipe.csv -o file.csv").start();
    let mut piped = Vec::new();
    File::open(&pipe).unwrap().read_to_end(&mut piped).unwrap();
    run.finish().code(0);
    assert!(piped == fs::read(folder.path().join("file.csv")).unwrap());
    assert_eq!(
        names(folder.path()),
        ["file.csv", "in", "pipe.csv"],
        "the pipe is still one, and nothing stands beside it"
    );
}

#[test]
fn a_file_that_is_replaced_gives_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in", doc("1", "t", "x"));
    for (name, mode) in [("out.xlsx", 0o600), ("out.csv", 0o664), ("each/in.xlsx", 0o640)] {
        let path = write(folder.path(), name, "old");
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    Run::sheaf(folder.path())
        .typed("run in -o out.xlsx -o out.csv --per-file each")
        .finish()
        .code(0);
    for (name, mode) in [("out.xlsx", 0o600), ("out.csv", 0o664), ("each/in.xlsx", 0o640)] {
        let metadata = fs::metadata(folder.path().join(name)).unwrap();
        assert_eq!(
            (metadata.permissions().mode() & 0o7777, metadata.len() > 3),
            (mode, true),
            "{name}"
        );
    }
}
