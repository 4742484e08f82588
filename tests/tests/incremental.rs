//! Runs with `--changed` over inputs that change: the bytes of a fresh run, and only what has changed
//! is read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use sheaf_tests::Run;
use sheaf_tests::corpus::{doc, write};
use sheaf_tests::faults::dice::Dice;
use sheaf_tests::incremental::{Inputs, LITTLE_MEMORY, large_when_unpacked, set_time};

const OUTPUTS: &[&str] = &["a.xlsx", "a.jsonl", "a.csv.gz"];
const FILES: usize = 24;

/// A change of the inputs.
type Change = fn(&Path);

/// What is done, how many files of the run before are reused, the exit code, and how it is done.
const CHANGES: [(&str, u64, i32, Change); 10] = [
    ("nothing", 24, 0, |_| {}),
    ("changed at the front", 23, 0, |folder| {
        write(folder, "in/file_0", doc("0", "", "changed"));
    }),
    ("changed in the middle", 23, 0, |folder| {
        let text = fs::read_to_string(folder.join("in/file_11")).unwrap();
        write(folder, "in/file_11", text.replace("Title 270", "TITLE 270"));
    }),
    ("new at the front", 24, 1, |folder| drop(write(folder, "in/a", b"\0\x01\x02".repeat(999)))),
    ("new among the others", 24, 1, |folder| {
        drop(write(folder, "in/file_10_b", doc("b", "", "new")))
    }),
    ("one that failed, and works now", 25, 0, |folder| {
        drop(write(folder, "in/a", doc("a", "", "works")))
    }),
    ("gone", 25, 0, |folder| fs::remove_file(folder.join("in/file_5")).unwrap()),
    ("renamed", 25, 0, |folder| {
        fs::rename(folder.join("in/file_7"), folder.join("in/zzz")).unwrap()
    }),
    ("touched", 25, 0, |folder| set_time(&folder.join("in/file_9"), SystemTime::now())),
    ("turned", 25, 0, |folder| {
        fs::rename(folder.join("in/file_1"), folder.join("in/x")).unwrap();
        fs::rename(folder.join("in/file_2"), folder.join("in/file_1")).unwrap();
        fs::rename(folder.join("in/x"), folder.join("in/file_2")).unwrap();
    }),
];

#[test]
fn every_change_gives_the_fresh_bytes() {
    let inputs = Inputs::new(FILES, "in -p 2", OUTPUTS);
    inputs.changed().finish().code(0).says(&["kept for the next `--changed`: "]);
    assert_eq!(inputs.reused(), 0);

    for (what, reused, code, change) in CHANGES {
        change(inputs.folder());
        let run = inputs.changed().finish().code(code);
        run.says(&[" files reused from the earlier run"]);
        assert_eq!(inputs.reused(), reused, "{what}");
        inputs.are_as_fresh(what, code);
    }
}

#[test]
fn rows_that_show_paths_follow_their_files() {
    let inputs = Inputs::new(10, "in -p 2 --source-column", OUTPUTS);
    inputs.changed().finish().code(0);

    for (what, reused, change) in [("renamed", 9, CHANGES[7].3), ("turned", 8, CHANGES[9].3)] {
        change(inputs.folder());
        inputs.changed().finish().code(0);
        assert_eq!(inputs.reused(), reused, "{what}");
        inputs.are_as_fresh(what, 0);
    }
}

#[test]
fn own_workbooks_are_written_from_reused_rows() {
    let inputs = Inputs::new(10, "in -p 2 --per-file PLACE.each", &["a.xlsx"]);
    inputs.changed().finish().code(0);
    write(inputs.folder(), "in/file_3", doc("3", "", "changed"));
    fs::remove_dir_all(inputs.folder().join("out.each")).unwrap();

    inputs.changed().finish().code(0);
    assert_eq!(inputs.reused(), 9);
    inputs.are_as_fresh("own workbooks", 0);
    for file in 0..10 {
        let read = |place| {
            fs::read(inputs.folder().join(place).join(format!("file_{file}.xlsx"))).unwrap()
        };
        assert!(read("out.each") == read("fresh.each"), "other bytes for file {file}");
    }
}

#[test]
fn files_with_young_times_are_looked_into() {
    let inputs = Inputs::new(4, "in -p 2", &["a.jsonl"]);
    let path = write(inputs.folder(), "in/file_1", doc("1", "", "before"));
    let time = SystemTime::now();
    set_time(&path, time);
    inputs.changed().finish().code(0);

    // Of the same size and time.
    write(inputs.folder(), "in/file_1", doc("1", "", "behind"));
    set_time(&path, time);
    inputs.changed().finish().code(0);
    assert_eq!(inputs.reused(), 3);
    inputs.are_as_fresh("changed within the same moment", 0);
}

#[test]
fn another_recipe_reuses_nothing_and_says_so() {
    let inputs = Inputs::new(6, "in -p 2", &["a.jsonl"]);
    inputs.changed().finish().code(0);

    let run = inputs.changed().typed("--column id=::attr(id)").finish().code(0);
    run.says(&["nothing of the earlier run can be reused: the columns were `"]);
    assert_eq!(inputs.reused(), 0);

    // Limits and outputs decide no rows.
    let run = inputs.changed().typed("--column id=::attr(id) --time-limit 59s -o out/b.csv");
    run.finish().code(0);
    assert_eq!(inputs.reused(), 6);
    let other = inputs.run_into("fresh").typed("--column id=::attr(id) -o fresh/b.csv");
    other.finish().code(0);
    inputs.have_same_bytes("other outputs");
    let read = |place: &str| fs::read(inputs.folder().join(place).join("b.csv")).unwrap();
    assert!(read("out") == read("fresh"), "other bytes in b.csv");
}

#[test]
fn another_version_reuses_nothing_and_says_so() {
    let inputs = Inputs::new(6, "in -p 2", &["a.jsonl"]);
    inputs.changed().finish().code(0);

    let job = inputs.folder().join("out/a.jsonl.sheaf/job");
    let mut bytes = fs::read(&job).unwrap();
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    let at = bytes.windows(version.len()).position(|bytes| bytes == version).unwrap();
    bytes[at] = b'7';
    fs::write(&job, bytes).unwrap();

    inputs
        .changed()
        .finish()
        .code(0)
        .says(&["nothing of the earlier run can be reused: it was begun"]);
    assert_eq!(inputs.reused(), 0);
    inputs.are_as_fresh("another version", 0);
}

/// Breaks a file: cuts it, changes a byte in it, empties or removes it.
fn damage(path: &Path, how: usize) {
    let mut bytes = fs::read(path).unwrap();
    match how {
        0 => bytes.truncate(bytes.len() * 2 / 3),
        1 => {
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 0x55;
            }
        }
        2 => bytes.clear(),
        _ => return fs::remove_file(path).unwrap(),
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn damage_of_kept_files_changes_no_byte() {
    let inputs = Inputs::new(12, "in -p 2", &["a.xlsx", "a.jsonl"]);
    inputs.changed().finish().code(0);
    inputs.are_as_fresh("undamaged", 0);

    let kept = inputs.folder().join("out/a.xlsx.sheaf");
    let streams = fs::read_dir(kept.join("streams")).unwrap();
    let streams = streams.map(|entry| format!("streams/{}", entry.unwrap().file_name().display()));
    let mut names: Vec<String> = streams.collect();
    names.extend(["job", "sources", "journal", "kept", "rows"].map(String::from));

    for name in names {
        for how in 0..4 {
            damage(&kept.join(&name), how);
            inputs.changed().finish().code(0);
            inputs.have_same_bytes(&format!("{name}, damage {how}"));
        }
    }
}

#[test]
fn damaged_rows_are_read_again_alone() {
    let inputs = Inputs::new(12, "in -p 2", &["a.jsonl"]);
    inputs.changed().finish().code(0);
    let kept = inputs.folder().join("out/a.jsonl.sheaf");
    damage(&kept.join("rows"), 1);
    inputs.changed().finish().code(0);
    let reused = inputs.reused();
    assert!((1..12).contains(&reused), "{reused}");
    inputs.are_as_fresh("damaged rows", 0);

    inputs.changed().finish().code(0);
    assert_eq!(inputs.reused(), 12, "they are kept again");
}

#[test]
fn files_that_failed_are_tried_again() {
    let inputs = Inputs::new(4, "in -p 2 --retries 0", &["a.jsonl"]);
    write(inputs.folder(), "in/large.gz", large_when_unpacked());
    inputs.settle();
    inputs.changed().typed(LITTLE_MEMORY).finish().code(1);
    inputs.changed().finish().code(0);
    assert_eq!(inputs.reused(), 4);
    inputs.are_as_fresh("with more memory", 0);
}

#[test]
fn a_plain_run_keeps_and_leaves_nothing() {
    let inputs = Inputs::new(4, "in -p 2", &["a.jsonl"]);
    inputs.changed().finish().code(0);
    let kept = inputs.folder().join("out/a.jsonl.sheaf");
    assert!(kept.is_dir());
    Run::sheaf(inputs.folder())
        .typed("status out/a.jsonl")
        .finish()
        .code(1)
        .says(&["no run of `out/a.jsonl` is under way"]);

    inputs.run_into("out").finish().code(0);
    assert!(!kept.exists());
    assert_eq!(inputs.reused(), 0);
    inputs.are_as_fresh("plain", 0);
}

#[test]
fn kept_folders_among_inputs_are_not_read() {
    let inputs = Inputs::new(4, "in -p 2", &[]);
    for reused in [0, 4] {
        let run = inputs.changed().typed("-o in/out.jsonl").finish().code(0);
        run.says(&["from 4 files"]);
        assert_eq!(inputs.reused(), reused);
    }
}

/// What the files of the folder hold, by path.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder.join("in")).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    entries.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

/// Changes, adds, removes, renames, touches or swaps files.
fn change_at_random(folder: &Path, round: u64, dice: &mut Dice) {
    let path = |name: &str| folder.join("in").join(name);
    let names: Vec<String> = contents(folder).into_keys().collect();
    let one = names[dice.index(names.len())].clone();
    let other = names[dice.index(names.len())].clone();
    let new = format!("file_{}_{round}_{}", dice.between(0, 30), dice.roll() % 100);

    match dice.between(0, 6) {
        0 | 1 => {
            let mut text = fs::read(path(&one)).unwrap();
            text.extend(doc(&new, "added", &"more ".repeat(dice.index(400))).into_bytes());
            fs::write(path(&one), text).unwrap();
        }
        2 => drop(write(
            folder,
            &format!("in/{new}"),
            doc(&new, "", &"new ".repeat(dice.index(9_999))),
        )),
        3 if names.len() > 5 => fs::remove_file(path(&one)).unwrap(),
        4 => fs::rename(path(&one), path(&new)).unwrap(),
        5 => set_time(&path(&one), SystemTime::now()),
        _ => {
            fs::rename(path(&one), path("x")).unwrap();
            if one != other {
                fs::rename(path(&other), path(&one)).unwrap();
            }
            fs::rename(path("x"), path(&other)).unwrap();
        }
    }
}

#[test]
fn random_changes_read_what_is_new() {
    let inputs = Inputs::new(16, "in -p 2", &["a.xlsx", "a.jsonl"]);
    let mut dice = Dice::new(15);
    inputs.changed().finish().code(0);

    for round in 0..15 {
        let before: BTreeSet<Vec<u8>> = contents(inputs.folder()).into_values().collect();
        for _ in 0..dice.between(0, 5) {
            change_at_random(inputs.folder(), round, &mut dice);
        }

        let after = contents(inputs.folder());
        let known = after.values().filter(|content| before.contains(*content)).count();
        inputs.changed().finish().code(0);
        assert_eq!(inputs.reused(), known as u64, "round {round}");
        inputs.are_as_fresh(&format!("round {round}"), 0);
    }
}
