use std::io::Read;

use sheaf_common::fit;
use sheaf_common::numbers::FileIndex;
use sheaf_format::Meta;

use super::*;

const ROWS: Stream = Stream { target: Target::Rendering(0), part: 0 };
/// Metadata of the first segment.
const META: &[u8] = b"of the first";

fn segment(text: &str) -> Segment {
    Segment {
        stream: ROWS,
        bytes: text.as_bytes().to_vec(),
        crc32: crc32fast::hash(text.as_bytes()),
        length: text.len() as u64,
        meta: Vec::new(),
    }
}

fn at(file: u64) -> Position {
    Position { file: FileIndex(file), ..Position::default() }
}

fn content(spool: &Spool) -> String {
    let mut text = String::new();
    if let Some(stream) = spool.stream(ROWS) {
        let mut rows = stream.joined().unwrap();
        rows.bytes.read_to_string(&mut text).unwrap();
        assert_eq!(rows.content.crc.finalize(), crc32fast::hash(text.as_bytes()));
    }

    text
}

/// A folder with two stored units: `one` up to file 1, `two` up to file 2.
fn two_units() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.begin(b"job", b"sources").unwrap();
    spool.append(&[Segment { meta: META.to_vec(), ..segment("one") }]).unwrap();
    spool.confirm(at(1), Vec::new(), b"1".to_vec(), None).unwrap();
    spool.append(&[segment("two")]).unwrap();
    spool.confirm(at(2), Vec::new(), b"2".to_vec(), None).unwrap();
    folder
}

#[test]
fn a_reopened_spool_resumes_where_it_stopped() {
    let folder = two_units();
    let mut spool = Spool::open(folder.path()).unwrap();
    assert_eq!(spool.saved().unwrap(), (b"job".to_vec(), b"sources".to_vec()));
    let resume = spool.resume().unwrap();
    assert_eq!((resume.position, resume.notes.as_slice()), (at(2), b"2".as_slice()));
    spool.append(&[segment("three")]).unwrap();
    spool.confirm(at(3), Vec::new(), Vec::new(), None).unwrap();
    assert_eq!(content(&spool), "onetwothree");
    let joined = spool.stream(ROWS).unwrap().joined().unwrap();
    assert_eq!(
        joined.content.metas,
        [Meta { at: 0, bytes: META.to_vec() }],
        "what the format says of the first unit is kept, though this run did not make it"
    );
}

#[test]
fn only_whole_units_survive_a_crash() {
    for name in ["journal", "streams/rendering-0-0"] {
        let length = fs::metadata(two_units().path().join(name)).unwrap().len();
        for cut in 0..length {
            for damage in [false, true] {
                let folder = two_units();
                let path = folder.path().join(name);
                let mut bytes = fs::read(&path).unwrap();
                if damage {
                    bytes[fit::size(cut)] ^= 1;
                } else {
                    bytes.truncate(fit::size(cut));
                }
                fs::write(&path, bytes).unwrap();
                let mut spool = Spool::open(folder.path()).unwrap();
                let resume = spool.resume().unwrap();
                assert_eq!(
                    content(&spool),
                    ["", "one", "onetwo"][resume.position.file.index()],
                    "{name} at {cut}"
                );

                assert!(
                    resume.position.file < FileIndex(2),
                    "{name} at {cut}: the last unit cannot be whole"
                );
            }
        }
    }
}

#[test]
fn a_second_run_on_a_spool_is_refused() {
    let folder = two_units();
    let _first = Spool::open(folder.path()).unwrap();
    assert!(matches!(Spool::open(folder.path()), Err(SpoolError::InUse(_))));
}

#[test]
fn beginning_anew_leaves_nothing_behind() {
    let folder = two_units();
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.begin(b"other", b"").unwrap();
    assert_eq!(spool.resume().unwrap().position, Position::default());
    assert_eq!(content(&spool), "");
    spool.remove().unwrap();
    assert!(!folder.path().exists());
}

#[test]
fn streams_of_a_written_workbook_are_removed() {
    let folder = two_units();
    let stream = Stream { target: Target::File(FileIndex(7)), part: 0 };
    let mut spool = Spool::open(folder.path()).unwrap();
    spool.resume().unwrap();
    spool.append(&[Segment { stream, ..segment("part") }]).unwrap();
    spool.confirm(at(2), Vec::new(), Vec::new(), None).unwrap();
    assert!(spool.stream(stream).is_some());
    spool.confirm(at(8), vec![FileIndex(7)], Vec::new(), None).unwrap();
    assert!(spool.stream(stream).is_none());
    drop(spool);
    let mut spool = Spool::open(folder.path()).unwrap();
    assert_eq!(spool.resume().unwrap().position, at(8));
}

#[test]
fn a_crash_while_moving_loses_nothing() {
    let names = ["finished", "job", "sources", "journal", "streams", "kept", "rows", "moves"];
    for moved in 0..=names.len() + 1 {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::create_dir_all(folder.join("streams")).unwrap();
        fs::create_dir_all(folder.join("earlier")).unwrap();
        fs::write(folder.join("earlier/old"), "").unwrap();
        for name in names.iter().filter(|name| **name != "streams") {
            fs::write(folder.join(name), *name).unwrap();
        }

        // What a run has done that was killed after so many steps.
        fs::create_dir(folder.join("earlier.new")).unwrap();
        for name in names.iter().take(moved) {
            fs::rename(folder.join(name), folder.join("earlier.new").join(name)).unwrap();
        }
        if moved > names.len() {
            fs::remove_dir_all(folder.join("earlier")).unwrap();
            fs::rename(folder.join("earlier.new"), folder.join("earlier")).unwrap();
        }

        let mut spool = Spool::open(folder).unwrap();
        spool.finish_moving().unwrap();
        let earlier = spool.earlier().unwrap();
        for name in names {
            assert!(earlier.join(name).exists(), "{name} after {moved} steps");
        }
        assert!(!earlier.join("old").exists() && !spool.is_finished(), "after {moved} steps");
        assert_eq!(fs::read(earlier.join("journal")).unwrap(), b"journal");
        assert_eq!(spool.saved(), None);

        // The run that begins has its own.
        spool.begin(b"job", b"sources").unwrap();
        spool.append(&[segment("new")]).unwrap();
        spool.confirm(at(1), Vec::new(), Vec::new(), None).unwrap();
        assert_eq!(fs::read(earlier.join("journal")).unwrap(), b"journal");
    }
}
