//! A text with a tail, and every way of packing, read back.

use std::io::Read;

use sheaf_common::job::Compression;
use sheaf_common::outcome::Target;

use super::*;

/// One JSON list of the first cells: it has a head and a tail, and what joins rows is not in the
/// first of them.
struct List;

impl TextFormat for List {
    fn name(&self) -> &'static str {
        "list"
    }

    fn title(&self) -> &'static str {
        "list"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[".list"]
    }

    fn media_type(&self) -> &'static str {
        "text/plain"
    }

    fn head(&self, _spec: &JobSpec) -> Vec<u8> {
        b"[".to_vec()
    }

    fn rows(&self, _spec: &JobSpec, first_row: u64) -> Box<WriteRow> {
        let mut row = first_row;
        Box::new(move |text, cells| {
            text.extend_from_slice(if row > 0 { b"," } else { b"" });
            text.extend_from_slice(cells[0].unwrap_or("null").as_bytes());
            row += 1;
        })
    }

    fn tail(&self, _spec: &JobSpec) -> Vec<u8> {
        b"]".to_vec()
    }
}

/// An output of two units of these rows each.
fn written(format: &dyn Format, packing: Packing, units: &[&[&str]]) -> Vec<u8> {
    let spec = JobSpec { compression: Compression::Fast, ..JobSpec::default() };
    let mut packer = Packer::new(spec.compression);

    let mut content = Content::default();
    let mut bytes = Vec::new();
    let mut first_row = 0;
    for rows in units {
        let mut unit = format.unit_writer(&spec, packing, Place { first_row, first_overflow: 0 });
        rows.iter().for_each(|cell| unit.row(&[Some(*cell), None, None]));
        first_row += rows.len() as u64;

        for segment in unit.finish(&mut packer) {
            let segment = segment.of(Target::Rendering(0));
            content.add_segment(&segment);
            bytes.extend(segment.bytes);
        }
    }

    let mut out = Vec::new();
    let counts = Counts { rows: first_row, overflow: 0 };
    let mut parts = |_| Ok(Joined { content: content.clone(), bytes: Box::new(bytes.as_slice()) });
    format.output_writer(&spec, packing).write(&mut out, counts, &mut parts).unwrap();
    out
}

fn read(packing: Packing, bytes: &[u8]) -> String {
    let mut text = String::new();
    match packing {
        Packing::Plain => text.push_str(std::str::from_utf8(bytes).unwrap()),
        Packing::Gzip => {
            flate2::bufread::GzDecoder::new(bytes).read_to_string(&mut text).map(drop).unwrap();
        }
        Packing::Zstd => {
            zstd::Decoder::new(bytes).unwrap().read_to_string(&mut text).map(drop).unwrap();
        }
    }
    text
}

#[test]
fn head_rows_and_tail_are_one_text() {
    for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
        let text = |units: &[&[&str]]| read(packing, &written(&Text(List), packing, units));
        assert_eq!(text(&[&["1", "2"], &["3"]]), "[1,2,3]", "{packing:?}");
        assert_eq!(text(&[]), "[]", "{packing:?}");
    }
}

#[test]
fn a_text_of_nothing_is_read_as_one() {
    for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
        let bytes = written(&Text(json_lines::JsonLines), packing, &[]);
        assert_eq!(read(packing, &bytes), "", "{packing:?}");
        assert_eq!(bytes.is_empty(), packing == Packing::Plain);
    }
}
