//! Joined segments → CSV, tab-separated text and JSON lines, plain or packed.

use std::io::{self, Write};

use sheaf_common::job::{JobSpec, Packing, Rendering};
use sheaf_worker::render::deflate::{Deflater, END};
use sheaf_worker::render::text::CsvWriter;
use sheaf_worker::render::zstd_frame;

use super::Rows;

/// The header of a gzip file (RFC 1952): deflate, no name, no time, system unknown; so it is the
/// same every time.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Writes a text output: what goes before the rows, and their joined segments.
pub fn write_text(
    out: &mut impl Write,
    spec: &JobSpec,
    rendering: Rendering,
    mut rows: Rows<'_>,
) -> io::Result<()> {
    let (packing, head) = match rendering {
        Rendering::Csv(packing) | Rendering::Tsv(packing) => {
            let columns: Vec<&str> = spec.columns().collect();
            (packing, CsvWriter::new(&spec.csv, rendering).head(columns.into_iter()))
        }
        Rendering::JsonLines(packing) => (packing, Vec::new()),
        Rendering::Xlsx => unreachable!("a workbook is no text"),
    };

    match packing {
        Packing::Plain => {
            out.write_all(&head)?;
            rows.copy_to(out)?;
        }
        Packing::Zstd => {
            // An empty output is a frame too: no bytes at all are no Zstandard file.
            if !head.is_empty() || rows.content.packed == 0 {
                out.write_all(&zstd_frame(&head, spec.compression))?;
            }

            rows.copy_to(out)?;
        }
        Packing::Gzip => {
            let mut content = crate::spool::Content::default();
            content.add(0, head.len() as u64, crc32fast::hash(&head));
            content.join(&rows.content);

            out.write_all(&GZIP_HEADER)?;
            out.write_all(&Deflater::new(spec.compression).joinable(&head))?;
            rows.copy_to(out)?;
            out.write_all(&END)?;

            // The length is modulo 2^32, as the format has it.
            out.write_all(&content.crc.finalize().to_le_bytes())?;
            out.write_all(&(content.length as u32).to_le_bytes())?;
        }
    }

    Ok(())
}
