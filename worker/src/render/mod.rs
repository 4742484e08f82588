//! Rows and their place → segments: the final, already compressed bytes of that part of every
//! output.
//!
//! * [`workbook`]: rows → the row XML of sheets; [`xml`]: one row of it; [`look`]: the room that
//!   the first ones need.
//! * [`text`]: CSV, tab-separated text and JSON lines.
//! * [`deflate`]: compression to streams that can be joined; [`blocks`]: finds what must be opened
//!   up for it.

pub mod blocks;
pub mod deflate;
mod look;
pub mod text;
pub mod workbook;
pub mod xml;

use std::collections::HashMap;

use sheaf_common::job::{Compression, JobSpec, Packing, Rendering};
use sheaf_common::outcome::{Look, RenderedUnit, Segment, Stream};
use sheaf_common::row::Block;
use sheaf_common::row::{DamagedRows, Rows};
use sheaf_common::task::{Piece, Render, RenderUnit, RowsKey};

use deflate::Deflater;
use text::{CsvWriter, JsonLines};
use workbook::WorkbookRows;

/// Why units cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// Rows that the task names are not at hand: they must be extracted again.
    #[error("{} blocks of rows are missing", .0.len())]
    RowsLost(Vec<RowsKey>),
    #[error("the rows of file {sequence} cannot be read")]
    Damaged { sequence: u64, source: DamagedRows },
}

/// Renders units; keeps the compressor's tables between them.
pub struct Renderer {
    compression: Compression,
    deflater: Deflater,
}

impl Renderer {
    pub fn new(compression: Compression) -> Self {
        Renderer { compression, deflater: Deflater::new(compression) }
    }

    /// Renders units in every form that their job asks for. `blocks` holds the rows that they name.
    ///
    /// # Errors
    /// [`RenderError`]; no segment is made then.
    pub fn render(
        &mut self,
        render: &Render,
        blocks: &HashMap<RowsKey, Block>,
    ) -> Result<Vec<RenderedUnit>, RenderError> {
        let mut lost = render.rows();
        lost.retain(|key| !blocks.contains_key(key));
        if !lost.is_empty() {
            return Err(RenderError::RowsLost(lost));
        }

        if self.compression != render.spec.compression {
            *self = Renderer::new(render.spec.compression);
        }

        let units = render.units.iter().map(|unit| {
            let segments = self.unit(&UnitRows { spec: &render.spec, unit, blocks })?;
            Ok(RenderedUnit { number: unit.number, segments })
        });
        units.collect()
    }

    fn unit(&mut self, rows: &UnitRows<'_>) -> Result<Vec<Segment>, RenderError> {
        let mut segments = Vec::new();
        for (index, rendering) in rows.spec.renderings.iter().enumerate() {
            match rendering {
                Rendering::Xlsx => self.workbook(rows, &mut segments)?,
                Rendering::Csv(packing) | Rendering::Tsv(packing) => {
                    let mut csv = Vec::new();
                    let writer = CsvWriter::new(&rows.spec.csv, *rendering);
                    rows.each(|_, cells| {
                        writer.row(&mut csv, cells.iter().map(|cell| cell.unwrap_or_default()))
                    })?;
                    segments.push(self.text(index, *packing, csv));
                }
                Rendering::JsonLines(packing) => {
                    let mut json = Vec::new();
                    let writer = JsonLines::new(rows.spec.columns());
                    rows.each(|_, cells| writer.row(&mut json, cells))?;
                    segments.push(self.text(index, *packing, json));
                }
            }
        }

        if rows.spec.per_file {
            self.workbooks_per_file(rows, &mut segments)?;
        }
        Ok(segments)
    }

    fn workbook(
        &mut self,
        rows: &UnitRows<'_>,
        segments: &mut Vec<Segment>,
    ) -> Result<(), RenderError> {
        let mut workbook =
            WorkbookRows::new(rows.spec, rows.unit.first_row, rows.unit.first_overflow);
        rows.each(|_, cells| workbook.row(cells))?;

        for (sheet, xml, look) in workbook.finish() {
            segments.push(self.joinable(Stream::Sheet(sheet), &xml, look));
        }
        Ok(())
    }

    fn workbooks_per_file(
        &mut self,
        rows: &UnitRows<'_>,
        segments: &mut Vec<Segment>,
    ) -> Result<(), RenderError> {
        for file in rows.unit.pieces.chunk_by(|a, b| a.sequence == b.sequence) {
            let sequence = file[0].sequence;
            let mut workbook =
                WorkbookRows::new(rows.spec, file[0].first_row, file[0].first_overflow);

            for piece in file {
                rows.each_of(piece, |_, cells| workbook.row(cells))?;
            }

            for (sheet, xml, look) in workbook.finish() {
                segments.push(self.joinable(Stream::FileSheet { sequence, sheet }, &xml, look));
            }
        }
        Ok(())
    }

    fn text(&mut self, rendering: usize, packing: Packing, content: Vec<u8>) -> Segment {
        let stream = Stream::Text { rendering: rendering as u16 };

        match packing {
            Packing::Gzip => self.joinable(stream, &content, None),
            Packing::Zstd => {
                let bytes = zstd_frame(&content, self.compression);
                Segment { stream, bytes, crc32: 0, length: content.len() as u64, look: None }
            }
            Packing::Plain => Segment {
                stream,
                crc32: 0,
                length: content.len() as u64,
                bytes: content,
                look: None,
            },
        }
    }

    fn joinable(&mut self, stream: Stream, content: &[u8], look: Option<Look>) -> Segment {
        let bytes = self.deflater.joinable(content);
        Segment {
            stream,
            bytes,
            crc32: crc32fast::hash(content),
            length: content.len() as u64,
            look,
        }
    }
}

/// Compresses to a frame of its own: frames concatenate (RFC 8878, 3).
pub fn zstd_frame(content: &[u8], compression: Compression) -> Vec<u8> {
    let level = match compression {
        Compression::Fast => 1,
        Compression::Balanced => 3,
        Compression::Small => 12,
    };

    zstd::bulk::compress(content, level).expect("compressing in memory does not fail")
}

/// The rows of a unit.
struct UnitRows<'a> {
    spec: &'a JobSpec,
    unit: &'a RenderUnit,
    blocks: &'a HashMap<RowsKey, Block>,
}

impl UnitRows<'_> {
    fn each(&self, mut row: impl FnMut(&Piece, &[Option<&str>])) -> Result<(), RenderError> {
        self.unit.pieces.iter().try_for_each(|piece| self.each_of(piece, &mut row))
    }

    fn each_of(
        &self,
        piece: &Piece,
        mut row: impl FnMut(&Piece, &[Option<&str>]),
    ) -> Result<(), RenderError> {
        let damaged = |source| RenderError::Damaged { sequence: piece.sequence, source };
        let block = &self.blocks[&piece.rows];
        let from = piece.slice.offset as usize;
        let to = (piece.slice.offset + piece.slice.length) as usize;
        let mut rows = Rows::new(block.get(from..to).unwrap_or_default(), self.spec.width());
        let mut cells = Vec::with_capacity(self.spec.width());

        while rows.next_into(&mut cells).map_err(damaged)? {
            row(piece, &cells);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;

    use sheaf_common::job::{Class, JobId, JobSpec, TaskId};
    use sheaf_common::outcome::{Sheet, Slice};
    use sheaf_common::row::write_cell;

    use super::*;

    const KEY: RowsKey = RowsKey {
        task: TaskId { job: JobId(1), class: Class::Extract, number: 0 },
        block: 0,
        edition: 0,
    };

    /// Rows `from..to`, each of three cells, and the piece that names them.
    fn rows(from: u64, to: u64, sequence: u64, block: &mut Vec<u8>) -> Piece {
        let offset = block.len() as u32;
        for row in from..to {
            [Some(row.to_string().as_str()), None, Some("text")]
                .into_iter()
                .for_each(|cell| write_cell(block, cell));
        }

        let (length, rows) = (block.len() as u32 - offset, (to - from) as u32);
        let slice = Slice { block: 0, offset, length, rows, overflow: 0, long_cells: 0 };
        Piece { rows: KEY, slice, sequence, first_row: 0, first_overflow: 0 }
    }

    fn inflate(segments: &[&Segment]) -> String {
        let mut joined: Vec<u8> =
            segments.iter().flat_map(|segment| segment.bytes.clone()).collect();
        joined.extend(deflate::END);

        let mut text = String::new();
        flate2::read::DeflateDecoder::new(joined.as_slice()).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn two_units_join_to_what_one_would_be() {
        let spec = Arc::new(JobSpec { per_file: true, ..JobSpec::default() });
        let mut block = Vec::new();
        let pieces = [rows(0, 50, 0, &mut block), rows(50, 90, 1, &mut block)];
        let blocks = HashMap::from([(KEY, Arc::new(block))]);
        let mut renderer = Renderer::new(Compression::Fast);

        let unit = |number, pieces: &[Piece], first_row| RenderUnit {
            number,
            first_row,
            first_overflow: 0,
            pieces: pieces.to_vec(),
        };

        let mut render = |units| {
            let rendered = renderer
                .render(&Render { spec: Arc::clone(&spec), units, keeper: None }, &blocks)
                .unwrap();
            let numbers: Vec<u64> = rendered.iter().map(|unit| unit.number).collect();
            (numbers, rendered.into_iter().flat_map(|unit| unit.segments).collect::<Vec<Segment>>())
        };

        let (_, whole) = render(vec![unit(0, &pieces, 0)]);
        let (numbers, parts) = render(vec![unit(3, &pieces[..1], 0), unit(4, &pieces[1..], 50)]);
        assert_eq!(numbers, [3, 4]);

        let of = |segments: &[Segment], stream| {
            inflate(&segments.iter().filter(|segment| segment.stream == stream).collect::<Vec<_>>())
        };

        let sheet = Stream::Sheet(Sheet::Rows(0));
        assert_eq!(of(&whole, sheet), of(&parts, sheet));
        assert!(of(&whole, sheet).ends_with(
            "<row r=\"91\"><c r=\"A91\" t=\"inlineStr\"><is><t>89</t></is></c>\
            <c r=\"C91\" t=\"inlineStr\"><is><t>text</t></is></c></row>"
        ));

        let own = Stream::FileSheet { sequence: 1, sheet: Sheet::Rows(0) };
        assert!(
            of(&whole, own).starts_with("<row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>50</t>")
        );
    }

    #[test]
    fn rows_that_are_not_at_hand_are_named() {
        let piece = rows(0, 1, 0, &mut Vec::new());
        let unit = RenderUnit { number: 0, first_row: 0, first_overflow: 0, pieces: vec![piece] };
        let render = Render { spec: Arc::default(), units: vec![unit], keeper: None };
        let lost = Renderer::new(Compression::Fast).render(&render, &HashMap::new());
        assert!(matches!(lost, Err(RenderError::RowsLost(keys)) if keys == [KEY]));
    }
}
