//! The parts of a workbook, unpacked from its archive.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use rawzip::{CompressionMethod, ZipArchive};

/// The text of each part, by name.
pub fn parts(workbook: &Path) -> BTreeMap<String, String> {
    let bytes =
        std::fs::read(workbook).unwrap_or_else(|error| panic!("{}: {error}", workbook.display()));
    let archive = ZipArchive::from_slice(&bytes).expect("an archive");
    let mut entries = archive.entries();
    let mut parts = BTreeMap::new();
    while let Some(entry) = entries.next_entry().expect("a whole directory") {
        assert_eq!(entry.compression_method(), CompressionMethod::DEFLATE);
        let name = String::from_utf8(entry.file_path().as_ref().to_vec()).expect("an ASCII name");
        let packed = archive.get_entry(entry.wayfinder()).expect("the part is there");
        let mut text = String::new();
        flate2::read::DeflateDecoder::new(packed.data()).read_to_string(&mut text).expect("UTF-8");
        parts.insert(name, text);
    }

    parts
}
