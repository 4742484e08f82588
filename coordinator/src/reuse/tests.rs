//! What is kept comes back as it was, or not at all.

use std::fs;

use sheaf_common::numbers::BlockNumber;
use sheaf_common::outcome::{FileReport, FileStatus};
use sheaf_common::problem::FileProblem;
use sheaf_common::rows::Slice;
use sheaf_common::task::SourcePath;

use super::earlier::Earlier;
use super::entry::{ENTRIES, Entry, ROWS};
use super::keeper::Keeper;
use super::*;

fn path(index: u64) -> SourcePath {
    SourcePath::from(Path::new(&format!("in/{index}")))
}

/// An entry whose slices have these rows.
fn entry(index: u64, rows: &[Vec<u8>]) -> Entry {
    let slices = rows.iter().map(|rows| Slice {
        length: u32::try_from(rows.len()).unwrap(),
        rows: 1,
        ..Slice::default()
    });
    let status = match rows {
        [] => FileStatus::Failed(FileProblem::Gone),
        _ => FileStatus::Done { slices: slices.collect(), truncated_cells: 0 },
    };

    Entry {
        path: path(index),
        size: index,
        modified: 5,
        content: Some(Digest::of(&index.to_le_bytes())),
        is_settled: true,
        report: FileReport::new(FileIndex(0), status),
        parts: Vec::new(),
    }
}

/// Three files, one of them without rows.
fn rows(index: u64) -> Vec<Vec<u8>> {
    match index {
        1 => Vec::new(),
        _ => vec![format!("rows {index} ").repeat(40).into_bytes(), vec![b'x'; 3]],
    }
}

fn keep(folder: &Path, files: std::ops::Range<u64>) {
    let mut keeper = Keeper::open(folder).unwrap();
    for index in files {
        let rows = rows(index);
        let slices: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
        keeper.keep(FileIndex(index), entry(index, &rows), &slices).unwrap();
        assert!(keeper.has(FileIndex(index)));
    }
}

/// The rows of a file, if all of them are whole.
fn kept_rows(earlier: &Earlier, index: u64) -> Option<Vec<Vec<u8>>> {
    let entry = earlier.entry(earlier.with_path(&path(index))?)?;
    assert_eq!(Entry { parts: Vec::new(), ..entry.clone() }, self::entry(index, &rows(index)));

    let unpack = |part: &entry::Part| {
        zstd::bulk::decompress(&earlier.packed(part)?, part.length as usize).ok()
    };
    entry.parts.iter().map(unpack).collect()
}

#[test]
fn kept_files_come_back_by_path_and_content() {
    let folder = tempfile::tempdir().unwrap();
    keep(folder.path(), 0..2);
    keep(folder.path(), 2..3);

    let earlier = Earlier::open(folder.path(), false, false).unwrap();
    for index in 0..3 {
        assert_eq!(kept_rows(&earlier, index), Some(rows(index)));
        let content = Digest::of(&index.to_le_bytes());
        let decides = Digest::of_rows(content, "elsewhere".as_ref(), false);
        assert_eq!(earlier.with_rows(&decides), earlier.with_path(&path(index)));
    }
    assert_eq!(earlier.with_path(&path(3)), None);
    assert!(earlier.has_size(2) && !earlier.has_size(3));
}

#[test]
fn damage_loses_files_and_changes_none() {
    let folder = tempfile::tempdir().unwrap();
    keep(folder.path(), 0..3);

    for name in [ENTRIES, ROWS] {
        let whole = fs::read(folder.path().join(name)).unwrap();
        let mut damaged: Vec<Vec<u8>> = (0..whole.len()).map(|end| whole[..end].to_vec()).collect();
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x11;
            damaged.push(flipped);
        }

        for bytes in damaged {
            fs::write(folder.path().join(name), bytes).unwrap();
            let earlier = Earlier::open(folder.path(), false, false).unwrap();
            for index in 0..3 {
                let found = kept_rows(&earlier, index);
                assert!(found.is_none_or(|found| found == rows(index)));
            }
        }
        fs::write(folder.path().join(name), whole).unwrap();
    }
}

#[test]
fn a_broken_end_is_cut_and_written_over() {
    let folder = tempfile::tempdir().unwrap();
    keep(folder.path(), 0..3);
    let entries = fs::read(folder.path().join(ENTRIES)).unwrap();
    let rest = fs::read(folder.path().join(ROWS)).unwrap();
    fs::write(folder.path().join(ENTRIES), &entries[..entries.len() - 1]).unwrap();

    keep(folder.path(), 2..3);
    assert_eq!(fs::read(folder.path().join(ENTRIES)).unwrap(), entries);
    assert_eq!(fs::read(folder.path().join(ROWS)).unwrap(), rest);
}

#[test]
fn failures_do_not_hide_rows() {
    let folder = tempfile::tempdir().unwrap();
    keep(folder.path(), 0..1);
    let mut keeper = Keeper::open(folder.path()).unwrap();
    keeper.keep(FileIndex(0), Entry { path: path(7), ..entry(0, &[]) }, &[]).unwrap();

    let earlier = Earlier::open(folder.path(), false, false).unwrap();
    let decides = Digest::of_rows(Digest::of(&0_u64.to_le_bytes()), "x".as_ref(), false);
    assert_eq!(earlier.with_rows(&decides), earlier.with_path(&path(0)));
}

#[test]
fn blocks_are_numbered_without_gaps() {
    let mut layout = answers::Layout::default();
    let mut dice = fastrand::Rng::with_seed(3);
    let mut last = (BlockNumber(0), 0);

    for _ in 0..2000 {
        let length = [dice.u32(1..2000), dice.u32(1..1 << 21)][usize::from(dice.u8(0..9) == 0)];
        let part = entry::Part { at: 0, packed: 0, crc32: 0, length };
        let (block, offset) = layout.add(0, part);

        // It follows the slice before, or begins the next block.
        let begins = offset == 0 && (block == last.0.next() || last.1 == 0);
        assert!(begins || (block, offset) == last, "{block} {offset} after {last:?}");
        last = (block, offset + length);
    }
}
