//! The headers, field by field, and an archive of long parts read back.

use std::io::Read;

use rawzip::ZipArchive;
use sheaf_common::job::Compression;

use super::*;
use crate::Content;
use crate::packing::{Deflater, END};

const GIB: u64 = 1 << 30;

fn entry(packed: u64, length: u64) -> Entry<'static> {
    Entry { name: "a.xml", crc32: 0x0403_0201, packed, length }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

#[test]
fn local_headers_hold_lengths_without_a_data_descriptor() {
    let header = local_header(&entry(7, 9), 0);
    assert_eq!(&header[..4], b"PK\x03\x04");
    assert_eq!(
        (u16_at(&header, 4), u16_at(&header, 6), u16_at(&header, 8)),
        (20, 0, 8),
        "version, flags, method"
    );
    assert_eq!((u16_at(&header, 10), u16_at(&header, 12)), (0, 0x0021), "1980-01-01 00:00");
    assert_eq!(
        (u32_at(&header, 14), u32_at(&header, 18), u32_at(&header, 22)),
        (0x0403_0201, 7, 9)
    );

    assert_eq!((u16_at(&header, 26), u16_at(&header, 28), &header[30..]), (5, 0, &b"a.xml"[..]));
}

#[test]
fn lengths_past_4_gib_use_zip64_extra_fields() {
    for (packed, length) in
        [(7, 5 * GIB), (5 * GIB, 6 * GIB), (1, u64::from(u32::MAX)), (u64::from(u32::MAX), 1)]
    {
        let local = local_header(&entry(packed, length), 0);
        assert_eq!((u16_at(&local, 4), u16_at(&local, 6)), (45, 0), "version, flags");
        assert_eq!(
            (u32_at(&local, 14), u32_at(&local, 18), u32_at(&local, 22)),
            (0x0403_0201, u32::MAX, u32::MAX)
        );
        assert_eq!((u16_at(&local, 28), u16_at(&local, 35), u16_at(&local, 37)), (20, 1, 16));
        assert_eq!((u64_at(&local, 39), u64_at(&local, 47), local.len()), (length, packed, 55));

        let central = central_header(&entry(packed, length), 3);
        assert_eq!((u16_at(&central, 4), u16_at(&central, 6), u16_at(&central, 8)), (45, 45, 0));
        assert_eq!(central[16..28], local[14..26], "both headers say the same");
        assert_eq!((u32_at(&central, 42), u16_at(&central, 30), u16_at(&central, 53)), (3, 20, 16));
        assert_eq!(
            (u64_at(&central, 55), u64_at(&central, 63), central.len()),
            (length, packed, 71)
        );
    }

    let just_below = u64::from(u32::MAX) - 1;
    assert_eq!(u16_at(&local_header(&entry(just_below, just_below), just_below), 4), 20);
}

#[test]
fn offsets_past_4_gib_use_zip64_directory_fields() {
    let (local, central) =
        (local_header(&entry(7, 9), 5 * GIB), central_header(&entry(7, 9), 5 * GIB));
    assert_eq!((u16_at(&local, 4), u16_at(&local, 28), u32_at(&local, 18)), (45, 0, 7));
    assert_eq!((u16_at(&central, 6), u32_at(&central, 20), u32_at(&central, 24)), (45, 7, 9));
    assert_eq!(
        (u32_at(&central, 42), u16_at(&central, 30), u16_at(&central, 53)),
        (u32::MAX, 12, 8)
    );
    assert_eq!(u64_at(&central, 55), 5 * GIB);

    let end = end_of_directory(2, 100, 5 * GIB);
    assert_eq!((&end[..4], u64_at(&end, 4)), (&b"PK\x06\x06"[..], 44));
    assert_eq!(
        (u64_at(&end, 24), u64_at(&end, 32), u64_at(&end, 40), u64_at(&end, 48)),
        (2, 2, 100, 5 * GIB)
    );
    assert_eq!((&end[56..60], u64_at(&end, 64)), (&b"PK\x06\x07"[..], 5 * GIB + 100));
    assert_eq!((&end[76..80], u32_at(&end, 92), end.len()), (&b"PK\x05\x06"[..], u32::MAX, 98));
    assert_eq!(end_of_directory(2, 100, 200).len(), 22);
}

#[test]
fn a_part_of_the_wrong_length_is_refused() {
    for said in [2, 4] {
        let error = Archive::new(Vec::new())
            .entry(&entry(said, 9), |out| out.write_all(b"abc"))
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}

/// 5 GiB of zeros in 5 MB of archive, read back.
#[test]
fn parts_behind_a_5_gib_part_are_found() {
    const BLOCK: usize = 16 << 20;
    const BLOCKS: usize = 320;
    let (zeros, mut deflater) = (vec![0; BLOCK], Deflater::new(Compression::Fast));
    let (segment, crc32) = (deflater.joinable(&zeros), crc32fast::hash(&zeros));
    let mut content = Content::default();
    (0..BLOCKS).for_each(|_| content.add(segment.len() as u64, BLOCK as u64, crc32, &[]));
    content.packed += END.len() as u64;

    let mut archive = Archive::new(Vec::new());
    let long = Entry {
        name: "long",
        crc32: content.crc.clone().finalize(),
        packed: content.packed,
        length: content.length,
    };

    let blocks = |out: &mut Counted<Vec<u8>>| (0..BLOCKS).try_for_each(|_| out.write_all(&segment));
    archive.entry(&long, |out| blocks(out).and_then(|()| out.write_all(&END))).unwrap();
    let packed = deflater.whole(b"behind");
    let behind = Entry {
        name: "behind",
        crc32: crc32fast::hash(b"behind"),
        packed: packed.len() as u64,
        length: 6,
    };

    archive.entry(&behind, |out| out.write_all(&packed)).unwrap();
    let bytes = archive.finish().unwrap();

    let read = ZipArchive::from_slice(&bytes).unwrap();
    let mut entries = read.entries();
    let first = entries.next_entry().unwrap().unwrap();
    assert_eq!(first.uncompressed_size_hint(), 5 * GIB);
    let second = entries.next_entry().unwrap().unwrap();
    let mut text = String::new();
    let data = read.get_entry(second.wayfinder()).unwrap();
    flate2::read::DeflateDecoder::new(data.data()).read_to_string(&mut text).unwrap();
    assert_eq!(text, "behind");

    // As a stream is read: header, part, header, with nothing between.
    let next = 30 + "long".len() + 20 + usize::try_from(content.packed).unwrap();
    assert_eq!(&bytes[next..next + 4], b"PK\x03\x04");
}
