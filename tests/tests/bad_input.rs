//! Files that are not what they should be: each gets a clear answer, and the files around it are
//! unharmed.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::Value;
use sheaf_tests::corpus::{column, doc, gzip, gzip_of_repeats, rows_of, slow_html, write};
use sheaf_tests::joblog::column_of_log;
use sheaf_tests::{Finished, Run};
use tempfile::TempDir;

/// A run over `bad` between two good files.
struct Around {
    folder: TempDir,
    run: Finished,
}

fn around(name: &str, bad: impl AsRef<[u8]>, args: &str) -> Around {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "in/1", doc("first", "good", "한국어"));
    write(folder.path(), &format!("in/2/{name}"), bad);
    write(folder.path(), "in/3", doc("last", "good", "русский"));
    let command = format!("run in/1 in/2 in/3 -o out.jsonl -o out.xlsx --joblog log.tsv {args}");
    let run = Run::sheaf(folder.path()).typed(&command).finish();
    Around { folder, run }
}

impl Around {
    fn rows(&self) -> Vec<Value> {
        rows_of(&self.folder.path().join("out.jsonl"))
    }

    fn ids(&self) -> Vec<String> {
        column(&self.rows(), "id").into_iter().map(String::from).collect()
    }

    /// Checks that the bad file has a problem of one of these kinds (parted by `|`) in the job log,
    /// is named with a reason that speaks of `words` on stderr and in the job log, and that the
    /// others are in the sheet.
    #[track_caller]
    fn fails(self, name: &str, kinds: &str, words: &[&str]) {
        assert_eq!(self.ids(), ["first", "last"], "the other files are unharmed: {}", self.run);
        assert!(self.folder.path().join("out.xlsx").exists());
        let log = fs::read_to_string(self.folder.path().join("log.tsv")).expect("the job log");
        let line = log
            .lines()
            .find(|line| line.contains(name))
            .unwrap_or_else(|| panic!("no {name} in:\n{log}"));
        let found = column_of_log(&log, "kind");
        let is_expected = |kind: &String| kinds.split('|').any(|one| one == kind);
        assert!(
            found[0].is_empty() && is_expected(&found[1]) && found[2].is_empty(),
            "expected {kinds}:\n{log}"
        );
        for word in words {
            assert!(
                word.split('|').any(|word| line.contains(word)),
                "no word of `{word}` in the job log: {line}"
            );
        }
        self.run.code(1).says(&[name]).says(words);
    }

    /// Checks that nothing failed.
    #[track_caller]
    fn gives(self, ids: &[&str]) -> Finished {
        assert_eq!(self.ids(), ids, "{}", self.run);
        self.run.code(0)
    }
}

/// Bytes that look random; the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[4]
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn a_binary_file_is_not_text() {
    around("noise.bin", noise(100_000), "").fails("noise.bin", "not-text", &["not text"]);
    let image = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &noise(5_000)].concat();
    around("picture.html", image, "").fails("picture.html", "foreign", &["not text", "PNG"]);
}

#[test]
fn files_without_records_are_named_without_failing() {
    around("empty.html", "", "")
        .gives(&["first", "last"])
        .says(&["empty.html", "no record|without a record"]);
    around("none.html", "<p>none here", "")
        .gives(&["first", "last"])
        .says(&["none.html", "no record|without a record"]);
}

#[test]
fn truncated_compression_is_recognised() {
    let whole = gzip(noise(50_000).as_slice());
    around("cut.gz", &whole[..whole.len() / 2], "").fails("cut.gz", "damaged", &["truncated"]);
    around("tail.gz", &whole[..whole.len() - 3], "").fails("tail.gz", "damaged", &["truncated"]);
    around("nothing.gz", "", "").fails("nothing.gz", "damaged", &["truncated"]);
}

#[test]
fn lying_compression_is_recognised() {
    around("plain.gz", doc("1", "", ""), "").fails("plain.gz", "misnamed", &["not gzip"]);
    around("plain.xz", doc("1", "", ""), "").fails("plain.xz", "misnamed", &["not xz"]);
    let mut wrong_sum = gzip(doc("1", "", "checked").as_bytes());
    let sum = wrong_sum.len() - 8;
    wrong_sum[sum] ^= 1;
    around("sum.gz", wrong_sum, "").fails("sum.gz", "damaged", &["damaged"]);
    around("hidden.html", gzip(doc("1", "", "").as_bytes()), "").fails(
        "hidden.html",
        "foreign",
        &["gzip"],
    );
}

#[test]
fn a_decompression_bomb_does_not_go_off() {
    let bomb = gzip_of_repeats("<doc id=1>", &[b' '; 1 << 20], 300, "</doc>");
    assert!(bomb.len() < 4 << 20);
    around("bomb.gz", bomb, "--memory-limit 256MiB").fails(
        "bomb.gz",
        "too-large",
        &["too large", "--memory-limit"],
    );
}

#[test]
fn an_attribute_of_500_megabytes_is_too_much() {
    let huge = gzip_of_repeats("<doc id=1 title='", &[b'a'; 1 << 20], 500, "'>x</doc>");
    around("huge.gz", huge, "--memory-limit 1GiB").fails(
        "huge.gz",
        "too-large",
        &["too large", "--memory-limit"],
    );
}

#[test]
fn a_file_above_the_memory_limit_is_named() {
    let large = doc("1", "", &"many words ".repeat(6_000_000));
    around("large.html", large, "--memory-limit 64MiB").fails(
        "large.html",
        "too-large",
        &["too large", "--memory-limit"],
    );
}

#[test]
fn nesting_of_a_megabyte_is_read_or_reported() {
    for tag in ["<div>", "<b>", "<doc>"] {
        let deep = format!("<doc id=deep>{}bottom", tag.repeat((1 << 20) / tag.len()));
        // Records within records in their thousands repeat one text: one row for each, as far as
        // the memory lasts.
        let got = around("deep.html", deep, "--time-limit 10s --retries 0 --memory-limit 512MiB");
        if got.run.status.success() {
            let rows = got.rows();
            assert_eq!(
                (&rows[0]["id"], &rows[1]["id"], &rows.last().unwrap()["id"]),
                (&"first".into(), &"deep".into(), &"last".into())
            );
            assert!(
                rows[1..rows.len() - 1].iter().all(|row| row["text"] == "bottom"),
                "the text at the bottom of {tag}"
            );
        } else {
            got.fails(
                "deep.html",
                "time-limit|memory-limit|crashed",
                &["deep|nest|longer than|memory|died"],
            );
        }
    }
}

#[test]
fn nuls_follow_the_html_standard() {
    let html =
        "<doc id=nul title='a\0b'>a\0b</doc>".to_string() + &"<p>text around it</p>".repeat(50);
    let got = around("nul.html", html, "");
    let row = &got.rows()[1];
    assert_eq!((row["text"].as_str(), row["title"].as_str()), (Some("ab"), Some("a\u{fffd}b")));
    got.gives(&["first", "nul", "last"]);
    around("nuls.html", vec![0; 100_000], "").fails("nuls.html", "not-text", &["not text"]);
}

#[test]
fn a_hanging_child_is_stopped_at_the_limit() {
    let hanging = slow_html("slow", 2_000_000);
    around("slow.html", hanging, "--time-limit 1s --retries 1").fails(
        "slow.html",
        "time-limit",
        &["longer than 1", "--time-limit"],
    );
}

#[test]
fn readable_files_beside_odd_entries_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = folder.path().join("in");
    write(&inputs, "good", doc("good", "", ""));
    let odd = Path::new(std::ffi::OsStr::from_bytes(b"odd_\xff_name")).to_path_buf();
    fs::write(inputs.join(odd), doc("odd", "", "")).unwrap();
    std::os::unix::fs::symlink(".", inputs.join("loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", inputs.join("dangling")).unwrap();
    nix::unistd::mkfifo(&inputs.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let run = Run::sheaf(folder.path()).typed("run in -o out.jsonl --source-column").finish();
    let rows = rows_of(&folder.path().join("out.jsonl"));
    let mut ids = column(&rows, "id");
    ids.sort_unstable();
    assert_eq!(ids, ["good", "odd"], "{run}");
    // What cannot be read is reported, and waits for nobody.
    run.code(1).says(&["dangling: the symbolic link leads nowhere"]);
}

#[test]
fn an_input_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "good", doc("1", "", ""));
    let run = Run::sheaf(folder.path()).typed("run good missing -o out.jsonl").finish();
    assert!(matches!(run.status.code(), Some(1..=3)), "{run}");
    run.says(&["missing: no such file or folder"]);
}
