//! Nothing silent: what is hardly ever meant is said, once and with the file; what is refused is
//! named; and `-q` silences no problem.

use std::fs;

use nix::sys::signal::Signal;
use sheaf_tests::corpus::{column, doc, rows_of, slow_html, write, write_many};
use sheaf_tests::job::{LONG, size};
use sheaf_tests::place::{connected, drain, says};
use sheaf_tests::process::wait_for;
use sheaf_tests::{Finished, Run, server, worker_bin};
use tempfile::TempDir;

/// A folder with these files in its folder `in`.
fn with(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        write(folder.path(), &format!("in/{name}"), content);
    }
    folder
}

fn run(folder: &TempDir, typed: &str) -> Finished {
    Run::sheaf(folder.path()).typed("run in -o out.jsonl").typed(typed).finish()
}

/// The lines of standard error that are notes.
fn notes(run: &Finished) -> Vec<String> {
    run.stderr().lines().filter_map(|line| line.strip_prefix("note: ")).map(String::from).collect()
}

/// Checks that there is one note, which speaks of `words`.
#[track_caller]
fn notes_once(run: Finished, words: &[&str]) {
    let notes = notes(&run);
    assert_eq!(notes.len(), 1, "{run}");
    for word in words {
        assert!(notes[0].contains(word), "no `{word}` in {}", notes[0]);
    }
}

fn euc_kr(text: &str) -> Vec<u8> {
    // What the tests need of the encoding, so that they need no encoder.
    let of = |c| match c {
        '서' => vec![0xbc, 0xad],
        '울' => vec![0xbf, 0xef],
        '은' => vec![0xc0, 0xba],
        '도' => vec![0xb5, 0xb5],
        '시' => vec![0xbd, 0xc3],
        '다' => vec![0xb4, 0xd9],
        other => vec![u8::try_from(other).expect("ASCII")],
    };
    text.chars().flat_map(of).collect()
}

/// A document whose encoding must be guessed.
fn undeclared() -> Vec<u8> {
    euc_kr(&format!("<doc id=1 title=t>{}</doc>", "서울은 도시다. ".repeat(30)))
}

#[test]
fn quiet_silences_only_good_news() {
    let good = with(&[("a", b"<doc id=1 title=t>x</doc>")]);
    assert_eq!(run(&good, "-q").code(0).stderr(), "");

    let failing = with(&[("a.pdf", b"%PDF-1.7"), ("b", b"<doc id=1>x</doc>")]);
    let failed = run(&failing, "-q").code(1).says(&["1 file failed:", "in/a.pdf", "PDF"]);
    assert!(!failed.stderr().contains("row") && !failed.stderr().contains("note:"), "{failed}");

    let none = with(&[("a", b"<p>x")]);
    let first = run(&none, "-q").code(1).says(&["error: no record in any file", "`p` ×1"]);
    assert!(!first.stderr().contains("the earlier"), "{first}");
    run(&none, "-q").code(1).says(&["note: the earlier", "this one has no row"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_says_that_a_run_waits() {
    let server = server!("quiet_says_that_a_run_waits");
    let folder = with(&[("a", b"<doc>x</doc>")]);
    let run = Run::sheaf(folder.path())
        .typed("run in -q -o out.jsonl --redis")
        .arg(server.url())
        .within(LONG)
        .start();
    says(&run, "waiting: ");
    run.signal(Signal::SIGINT);
    run.finish().code(4);
}

#[test]
fn a_run_without_records_fails_and_names_elements() {
    let lists =
        with(&[("a.html", b"<ul><li>1</li><li>2</li></ul>"), ("b.html", b"<ul><li>3</li></ul>")]);
    let failed = run(&lists, "").code(1).says(&[
        "no record in any file",
        "`doc`",
        "`li` ×3, `ul` ×2",
        "--record li",
    ]);
    assert!(!failed.stderr().contains("without a record"), "said twice: {failed}");
    assert_eq!(rows_of(&lists.path().join("out.jsonl")).len(), 0);

    let text = with(&[("a", b"plain text")]);
    run(&text, "").code(1).says(&["no record in any file", "no element"]);

    // One record is enough; the others are named.
    let some = with(&[("a", b"<doc id=1 title=t>x</doc>"), ("b", b"<p>")]);
    notes_once(run(&some, "").code(0), &["1 file without a record: `in/b`"]);
}

#[test]
fn an_always_empty_column_is_named() {
    let shop = "<div class=p><h2>a</h2><b class=price>1</b></div><div class=p><h2>b</h2></div>";
    let shops = with(&[("a", shop.as_bytes()), ("b", b"<div class=p><h2>c</h2></div>")]);
    let columns = "--record .p --column t=h2::text --column price=.pirce::text";
    notes_once(run(&shops, columns).code(0), &["`price` (`.pirce::text`)", "empty in all 3 rows"]);

    // A single cell, in whatever file, is enough.
    let columns = "--record .p --column t=h2::text --column price=.price::text";
    assert_eq!(notes(&run(&shops, columns).code(0)), [""; 0]);
}

#[test]
fn nested_records_are_noted_once_for_all_files() {
    let nested = b"<doc id=1 title=a>x<doc id=2 title=b>y<doc id=3 title=c>z";
    let one = with(&[("wiki_00", nested), ("wiki_01", b"<doc id=4 title=d>x</doc>")]);
    notes_once(
        run(&one, "").code(0),
        &["records inside records: 2 of 3 `doc`", "in 1 file", "`in/wiki_00`"],
    );

    let names: Vec<String> = (0..30).map(|number| format!("wiki_{number:02}")).collect();
    let all: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &nested[..])).collect();
    notes_once(run(&with(&all), "").code(0), &["60 of 90 `doc` in 30 files", "first `in/wiki_00`"]);
}

#[test]
fn tags_that_gave_no_record_are_said() {
    let style =
        "<doc id=1 title=a>a</doc><doc id=2 title=b>b<style>c</doc><doc id=3 title=c>d</doc>";
    let quote = "<doc id=1 title=\"a>x</doc><doc id=2 title=\"b\">y</doc>";
    for (text, lost) in [(style, "1 of 3"), (quote, "1 of 2")] {
        let wiki = with(&[("wiki_00", text.as_bytes())]);
        notes_once(run(&wiki, "").code(0), &[&format!("{lost} `<doc`"), "`in/wiki_00`"]);
    }
    // Names that go on are others.
    let others = with(&[("a", b"<doc id=1 title=t>a<docs>b</docs></doc>")]);
    assert_eq!(notes(&run(&others, "").code(0)), [""; 0]);
}

#[test]
fn an_output_far_larger_than_input_is_noted() {
    // Each of 300 records holds the text of all that follow it.
    let page = format!("<main>{}", "<div title=t id=1>some words that stand here ".repeat(300));
    let pages = with(&[("a.html", page.as_bytes())]);
    let grown = run(&pages, "--record [id] --column text=::text").code(0);
    let notes = notes(&grown);
    assert!(
        notes.iter().any(|note| note.contains("of rows from") && note.contains("`in/a.html`")),
        "{grown}"
    );
}

#[test]
fn xml_that_is_read_as_html_is_said() {
    let xml = b"<?xml version='1.0'?><all><doc id='1' title='t'>x<br/></doc></all>";
    notes_once(
        run(&with(&[("a.xml", xml)]), "").code(0),
        &["`<?xml`", "HTML", "`<x/>`", "`in/a.xml`"],
    );
}

#[test]
fn guessed_and_doubtful_encodings_are_noted() {
    let guessed = with(&[
        ("a", &undeclared()),
        ("b", &undeclared()),
        ("c", b"<doc id=1 title=t>ascii</doc>"),
    ]);
    let words = ["2 files", "guess is EUC-KR", "first `in/a`", "`--encoding"];
    notes_once(run(&guessed, "").code(0), &words);
    assert_eq!(
        notes(&run(&guessed, "--encoding euc-kr").code(0)),
        [""; 0],
        "what is said is not guessed"
    );

    let doubtful = "<meta charset=latin1><doc id=1 title=t>caf\u{e9}</doc>";
    let doubtful = with(&[("a", doubtful.as_bytes())]);
    notes_once(
        run(&doubtful, "").code(0),
        &["declared windows-1252", "valid UTF-8", "`in/a`", "`--encoding utf-8`"],
    );

    let declared = [b"<meta charset=euc-kr>", undeclared().as_slice()].concat();
    assert_eq!(notes(&run(&with(&[("a", &declared)]), "").code(0)), [""; 0]);
    // Three syllables that are UTF-8 as well, by chance, and a text that is nothing else.
    let page = |text: &[u8]| [b"<meta charset=euc-kr><doc id=1 title=t>", text, b"</doc>"].concat();
    assert_eq!(
        notes(&run(&with(&[("a", &page(b"\xc2\xb1\xc8\xa3 \xc5\xb0"))]), "").code(0)),
        [""; 0]
    );
    // Some of its characters cannot be read as declared, which is said too.
    let doubtful = run(&with(&[("a", &page("위키백과는 모두".as_bytes()))]), "").code(0);
    let said = notes(&doubtful);
    assert!(
        said.iter().any(|note| note.contains("declared EUC-KR") && note.contains("valid UTF-8")),
        "{doubtful}"
    );
}

#[test]
fn an_output_that_is_replaced_is_said() {
    let folder = with(&[("a", b"<doc id=1 title=t>x</doc>")]);
    let first = Run::sheaf(folder.path()).typed("run in").finish().code(0);
    assert!(!first.stderr().contains("replaces"), "{first}");
    Run::sheaf(folder.path())
        .typed("run in")
        .finish()
        .code(0)
        .says(&["final.xlsx", "replaces an earlier file"]);
}

#[test]
fn foreign_formats_are_refused_by_name() {
    let wide = |order: fn(u32) -> [u8; 4], text: &str| {
        text.chars().flat_map(|c| order(c as u32)).collect::<Vec<u8>>()
    };
    let cases: [(&str, Vec<u8>, &str); 12] = [
        ("a.warc", b"WARC/1.0\r\nWARC-Type: response\r\n\r\n<doc>x</doc>".to_vec(), "WARC"),
        (
            "a.mhtml",
            b"From: <Saved by Blink>\r\nMIME-Version: 1.0\r\n\r\n<doc>x</doc>".to_vec(),
            "MHTML",
        ),
        (
            "wiki_00",
            b"{\"id\": \"1\", \"text\": \"<doc>x</doc>\"}\n{\"id\": \"2\"}\n".to_vec(),
            "WikiExtractor's --json?",
        ),
        ("a.json", b"[\n {\"text\": \"<doc>x</doc>\"}\n]\n".to_vec(), "JSON"),
        ("le", wide(u32::to_le_bytes, "<doc>x</doc>"), "UTF-32"),
        ("be", wide(u32::to_be_bytes, "<doc>x</doc>"), "UTF-32"),
        ("le-mark", wide(u32::to_le_bytes, "\u{feff}<doc>"), "UTF-32"),
        ("be-mark", wide(u32::to_be_bytes, "\u{feff}<doc>"), "UTF-32"),
        ("a.db", b"SQLite format 3\0<doc>x</doc>".to_vec(), "SQLite"),
        ("a.parquet", b"PAR1\x15\x04<doc>x</doc>PAR1".to_vec(), "Parquet"),
        ("a.avro", b"Obj\x01<doc>x</doc>".to_vec(), "Avro"),
        ("a.rtf", b"{\\rtf1 <doc>x</doc>}".to_vec(), "RTF"),
    ];
    let files: Vec<(&str, &[u8])> =
        cases.iter().map(|(name, content, _)| (*name, content.as_slice())).collect();
    let folder = with(&files);
    write(folder.path(), "in/good", doc("good", "t", "x"));
    let log = run(&folder, "--joblog log.tsv").code(1);
    assert_eq!(column(&rows_of(&folder.path().join("out.jsonl")), "id"), ["good"], "{log}");
    let log = fs::read_to_string(folder.path().join("log.tsv")).unwrap();
    for (name, _, what) in &cases {
        let line = log
            .lines()
            .find(|line| line.contains(&format!("in/{name}\t")))
            .expect("every file has its line");
        assert!(line.contains(what), "no `{what}` in {line}");
    }
}

#[test]
fn padding_between_packed_parts_is_no_end() {
    let part = |id: &str| sheaf_tests::corpus::gzip(doc(id, "t", "x").as_bytes());
    let xz = |id: &str| sheaf_tests::corpus::filtered("xz", &["-c"], doc(id, "t", "x").as_bytes());
    let padded = |one: Vec<u8>, two: Vec<u8>| [one, vec![0; 8], two, vec![0; 4]].concat();
    let folder =
        with(&[("a.gz", &padded(part("1"), part("2"))), ("b.xz", &padded(xz("3"), xz("4")))]);
    run(&folder, "").code(0);
    assert_eq!(column(&rows_of(&folder.path().join("out.jsonl")), "id"), ["1", "2", "3", "4"]);
}

#[test]
fn hidden_files_are_skipped_and_counted_once() {
    let record: &[u8] = b"<doc id=1 title=t>x</doc>";
    let names = [
        "a.html",
        ".git/HEAD",
        ".ipynb_checkpoints/a.html",
        ".DS_Store",
        "__MACOSX/._a.html",
        "sub/Thumbs.db",
    ];
    let folder = with(&names.map(|name| (name, record)));
    notes_once(run(&folder, "").code(0), &["5 hidden files or folders left out", "`--hidden`"]);
    assert_eq!(rows_of(&folder.path().join("out.jsonl")).len(), 1);

    assert_eq!(notes(&run(&folder, "--hidden").code(0)), [""; 0]);
    assert_eq!(rows_of(&folder.path().join("out.jsonl")).len(), 6);

    let named =
        Run::sheaf(folder.path()).typed("run in/.git in/.DS_Store -o out.jsonl").finish().code(0);
    assert_eq!(notes(&named), [""; 0]);
    assert_eq!(rows_of(&folder.path().join("out.jsonl")).len(), 2);

    let all_hidden = with(&[(".a.html", record)]);
    run(&all_hidden, "").code(2).says(&["no file to read", "1 hidden file", "--hidden"]);
}

#[test]
fn globs_do_not_mind_capitals() {
    let record: &[u8] = b"<doc id=1 title=t>x</doc>";
    let folder = with(&["A.HTML", "b.html", "c.txt", "Old/d.Html"].map(|name| (name, record)));
    let count = |typed: &str| {
        run(&folder, typed).code(0);
        rows_of(&folder.path().join("out.jsonl")).len()
    };
    assert_eq!(
        [
            count("--include *.html"),
            count("--include *.HTML"),
            count("--exclude *.html --exclude old")
        ],
        [3, 3, 1]
    );
}

#[test]
fn a_repeated_run_skips_its_earlier_outputs() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.html", doc("1", "t", "x"));
    write(folder.path(), "b.html", doc("2", "t", "y"));
    let twice = |typed: &str| {
        Run::sheaf(folder.path()).typed(typed).finish().code(0);
        let again = Run::sheaf(folder.path()).typed(typed).finish().code(0);
        assert_eq!(column(&rows_of(&folder.path().join("out.jsonl")), "id"), ["1", "2"], "{again}");
        again
    };
    // The workbooks stand beside the inputs; the job log and the output are known by their names.
    notes_once(
        twice("run . -o out.jsonl --joblog log.tsv --per-file ."),
        &["2 files left out", "itself writes"],
    );

    // As a shell names them for `*`.
    let all = "run a.html a.html.xlsx b.html b.html.xlsx log.tsv -o out.jsonl --joblog log.tsv --per-file .";
    notes_once(twice(all), &["3 files left out"]);

    // What is in the folder and is no workbook is read.
    for name in ["a.html.xlsx", "b.html.xlsx"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    fs::create_dir(folder.path().join("each")).unwrap();
    fs::rename(folder.path().join("b.html"), folder.path().join("each/b.html")).unwrap();
    notes_once(twice("run . -o out.jsonl --joblog log.tsv --per-file each"), &["2 files left out"]);
}

#[test]
fn a_job_log_never_overwrites_an_input() {
    let folder = with(&[("a", b"<doc id=1>x</doc>"), ("list.txt", b"<doc id=2>y</doc>")]);
    let typed = "run in/a in/list.txt -o out.jsonl --joblog in/list.txt";
    Run::sheaf(folder.path()).typed(typed).finish().code(2).says(&[
        "in/list.txt",
        "an input and the job log",
        "hint:",
    ]);
    assert_eq!(fs::read(folder.path().join("in/list.txt")).unwrap(), b"<doc id=2>y</doc>");
}

#[test]
fn xpath_is_told_the_css_for_it() {
    let folder = with(&[("a", b"<a href=x>y</a>")]);
    let refused = |typed: &str, css: &str| {
        let refused = run(&folder, typed).code(2).says(&["XPath"]);
        let hint = refused
            .stderr()
            .lines()
            .find(|line| line.starts_with("hint:"))
            .unwrap_or_default()
            .to_string();
        assert!(hint.contains(&format!("`{css}`")), "no `{css}` in: {hint}");
    };
    refused("--record body --column l=//a/@href", "a::attr(href)");
    refused("--record body --column l=.//h2/text()", "h2::text");
    refused("--record //div[@class='x']/p", "div.x > p");
    refused("--record body --column l=//div[@id='m']::text", "div#m");
    run(&folder, "--record a[contains(text(),'y')]")
        .code(2)
        .says(&["XPath", "not what its text is"]);
}

#[test]
fn a_hint_for_an_attribute_can_be_typed() {
    let folder = with(&[("a", b"<a href=x>y</a>")]);
    for typed in
        ["l=::attribute(href)", "l=::attr[href]", "l=::attrs(href)", "l=@href", "l=./@href"]
    {
        run(&folder, &format!("--record a --column {typed}"))
            .code(2)
            .says(&["hint:", "`::attr(href)`"]);
    }
}

#[test]
fn selectors_that_depend_on_no_user_match() {
    let page = "<div lang=ko><a href=x>link</a><a>none</a></div><input type=checkbox checked disabled><li class=n>1<li>2<li class=n>3";
    let folder = with(&[("a", page.as_bytes())]);
    let cases = [
        ("a:link", 1),
        (":any-link", 1),
        ("a:lang(ko)", 2),
        (":checked", 1),
        ("input:disabled", 1),
        ("li:nth-child(2 of .n)", 1),
    ];
    for (selector, rows) in cases {
        let done = Run::sheaf(folder.path())
            .typed("run in -o out.jsonl --column x=::text --record")
            .arg(selector)
            .finish()
            .code(0);
        assert_eq!(rows_of(&folder.path().join("out.jsonl")).len(), rows, "{selector}: {done}");
    }
    run(&folder, "--record a:hover").code(2).says(&["`:hover` depends on what a user does"]);
}

/// Files that show nearly everything.
fn notable() -> TempDir {
    let nested = "<doc id=1 title=a>x<doc id=2 title=b>y";
    let xml = "<?xml version='1.0'?><doc id=3 title=c>z</doc>";
    with(&[
        ("a", &undeclared()),
        ("b", nested.as_bytes()),
        ("c.xml", xml.as_bytes()),
        ("d", b"<p>none"),
        (".e", b""),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_is_said_over_redis() {
    let server = server!("the_same_is_said_over_redis");
    let folder = notable();
    let local = notes(&run(&folder, "").code(0));
    assert!(local.len() >= 5, "{local:?}");

    let worker =
        Run::of(&worker_bin(), folder.path()).typed("-p 1 --redis").arg(server.url()).start();
    connected(&worker);
    let typed = "run in -o far.jsonl --redis";
    let far =
        Run::sheaf(folder.path()).typed(typed).arg(server.url()).within(LONG).finish().code(0);
    assert_eq!(notes(&far), local);
    drain(worker);
}

#[test]
fn a_resumed_run_repeats_earlier_notes() {
    // The first files fill a unit; the last takes so long that the run is interrupted before its
    // end.
    let folder = notable();
    write_many(&folder.path().join("in/many"), 8, 24, Some(4));
    for attributes in [40_000, 80_000, 160_000, 320_000] {
        write(folder.path(), "in/zz", slow_html("slow", attributes));
        let typed = "run in -p 2 --time-limit 10m -o part.jsonl";
        let mut first = Run::sheaf(folder.path()).typed(typed).within(2 * LONG).start();
        let streams = folder.path().join("part.jsonl.sheaf/streams");
        wait_for("the first unit to be stored", LONG, || {
            (size(&streams) > 0 || first.has_ended()).then_some(())
        });
        first.signal(Signal::SIGINT);
        if first.finish().status.code() != Some(4) {
            continue; // A fast machine: with a slower file it is still at work.
        }
        let resumed = Run::sheaf(folder.path())
            .typed(typed)
            .within(2 * LONG)
            .finish()
            .code(0)
            .says(&["going on after"]);
        let whole = "run in -p 2 --time-limit 10m -o whole.jsonl";
        let whole = Run::sheaf(folder.path()).typed(whole).within(2 * LONG).finish().code(0);
        assert!(notes(&whole).len() >= 5, "{whole}");
        assert_eq!(notes(&resumed), notes(&whole));
        return;
    }
    panic!("no run was interrupted before its end");
}
