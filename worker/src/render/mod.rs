//! Rows and their place → segments: the final, compressed bytes of that part of every output. The
//! formats decide on the bytes (`sheaf_format`).

use std::collections::HashMap;

use sheaf_common::job::{Compression, JobSpec};
use sheaf_common::numbers::FileIndex;
use sheaf_common::outcome::{RenderedUnit, Segment, Target};
use sheaf_common::row::{Block, DamagedRows, Rows};
use sheaf_common::rows::RowsKey;
use sheaf_common::task::{Piece, Render, RenderUnit};
use sheaf_format::{Form, Packer, Place, UnknownFormat, per_file};

/// Why units cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// Blocks that the task names are missing: their files must be extracted again.
    #[error("{} blocks of rows are missing", .0.len())]
    RowsLost(Vec<RowsKey>),
    #[error("the rows of file {sequence} cannot be read")]
    Damaged { sequence: FileIndex, source: DamagedRows },
    /// A slice does not fit into its block, or has another number of rows.
    #[error("the rows of file {sequence} are not those that were reported")]
    OtherRows { sequence: FileIndex },
    #[error(transparent)]
    UnknownFormat(#[from] UnknownFormat),
}

/// Renders units. Reuses the compressor's tables from one to the next.
pub struct Renderer {
    packer: Packer,
}

impl Renderer {
    pub fn new(compression: Compression) -> Self {
        Renderer { packer: Packer::new(compression) }
    }

    /// Renders units in every form that their job asks for. `blocks` must hold the rows that they
    /// name.
    ///
    /// # Errors
    /// [`RenderError`]; then there are no segments at all.
    pub fn render(
        &mut self,
        render: &Render,
        blocks: &HashMap<RowsKey, Block>,
    ) -> Result<Vec<RenderedUnit>, RenderError> {
        let forms = render.spec.renderings.iter().map(Form::of);
        let forms = forms.collect::<Result<Vec<Form>, UnknownFormat>>()?;

        let mut lost = render.rows();
        lost.retain(|key| !blocks.contains_key(key));
        if !lost.is_empty() {
            return Err(RenderError::RowsLost(lost));
        }

        // Jobs may differ in this, and the tables of the compressor depend on it.
        if self.packer.compression() != render.spec.compression {
            *self = Renderer::new(render.spec.compression);
        }

        let units = render.units.iter().map(|unit| {
            let segments = self.unit(&forms, &UnitRows { spec: &render.spec, unit, blocks })?;
            Ok(RenderedUnit { number: unit.number, segments })
        });
        units.collect()
    }

    fn unit(&mut self, forms: &[Form], rows: &UnitRows<'_>) -> Result<Vec<Segment>, RenderError> {
        let unit = rows.unit;
        let place = Place { first_row: unit.first_row, first_overflow: unit.first_overflow };

        let mut segments = Vec::new();
        for (index, form) in forms.iter().enumerate() {
            let target = Target::rendering(index);
            segments.extend(self.form(*form, target, place, rows, &unit.pieces)?);
        }

        // A file's own workbook has its own rows alone, numbered from its own first one.
        if rows.spec.per_file {
            for file in unit.pieces.chunk_by(|a, b| a.sequence == b.sequence) {
                let target = Target::File(file[0].sequence);
                let Piece { first_row, first_overflow, .. } = file[0];
                let place = Place { first_row, first_overflow };
                segments.extend(self.form(per_file(), target, place, rows, file)?);
            }
        }

        Ok(segments)
    }

    /// Renders pieces of a unit in one form. The first row of the pieces is at `place`.
    fn form(
        &mut self,
        form: Form,
        target: Target,
        place: Place,
        rows: &UnitRows<'_>,
        pieces: &[Piece],
    ) -> Result<impl Iterator<Item = Segment> + use<>, RenderError> {
        let mut writer = form.unit_writer(rows.spec, place);
        for piece in pieces {
            rows.each_of(piece, |cells| writer.row(cells))?;
        }

        let segments = writer.finish(&mut self.packer);
        Ok(segments.into_iter().map(move |segment| segment.of(target)))
    }
}

/// The rows of a unit.
struct UnitRows<'a> {
    spec: &'a JobSpec,
    unit: &'a RenderUnit,
    blocks: &'a HashMap<RowsKey, Block>,
}

impl UnitRows<'_> {
    /// Calls `row` with each row of a piece.
    fn each_of(
        &self,
        piece: &Piece,
        mut row: impl FnMut(&[Option<&str>]),
    ) -> Result<(), RenderError> {
        let sequence = piece.sequence;
        let damaged = |source| RenderError::Damaged { sequence, source };

        let block = &self.blocks[&piece.rows];
        let from = piece.slice.offset as usize;
        let slice = block.get(from..from + piece.slice.length as usize);
        let slice = slice.ok_or(RenderError::OtherRows { sequence })?;

        let mut rows = Rows::new(slice, self.spec.width());
        let mut cells = Vec::with_capacity(self.spec.width());
        let mut count = 0;
        while rows.next_into(&mut cells).map_err(damaged)? {
            row(&cells);
            count += 1;
        }

        // The places of all later rows were computed from the reported number.
        if count == piece.slice.rows { Ok(()) } else { Err(RenderError::OtherRows { sequence }) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;

    use sheaf_common::fit;
    use sheaf_common::job::{Class, JobId, JobSpec, Packing, Rendering, TaskId};
    use sheaf_common::numbers::{BlockNumber, TaskNumber, UnitNumber};
    use sheaf_common::outcome::Stream;
    use sheaf_common::row::write_cell;
    use sheaf_common::rows::Slice;

    use super::*;

    const KEY: RowsKey = RowsKey {
        task: TaskId { job: JobId(1), class: Class::Extract, number: TaskNumber(0) },
        block: BlockNumber(0),
        edition: 0,
    };

    /// Rows `from..to`, each of three cells, and the piece that names them.
    fn rows(from: u64, to: u64, sequence: FileIndex, block: &mut Vec<u8>) -> Piece {
        let offset = fit::count(block.len());
        for row in from..to {
            [Some(row.to_string().as_str()), None, Some("text")]
                .into_iter()
                .for_each(|cell| write_cell(block, cell));
        }

        let (length, rows) = (fit::count(block.len()) - offset, fit::count(fit::size(to - from)));
        let slice =
            Slice { block: BlockNumber(0), offset, length, rows, overflow: 0, long_cells: 0 };
        Piece { rows: KEY, slice, sequence, first_row: 0, first_overflow: 0 }
    }

    fn inflate(segments: &[&Segment]) -> String {
        let mut joined: Vec<u8> =
            segments.iter().flat_map(|segment| segment.bytes.clone()).collect();
        joined.extend([0x03, 0x00]); // The empty block that ends a stream.

        let mut text = String::new();
        flate2::read::DeflateDecoder::new(joined.as_slice()).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn two_units_join_to_one_text() {
        let spec = Arc::new(JobSpec { per_file: true, ..JobSpec::default() });
        let mut block = Vec::new();
        let pieces =
            [rows(0, 50, FileIndex(0), &mut block), rows(50, 90, FileIndex(1), &mut block)];
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
                .render(&Render { spec: Arc::clone(&spec), units, stashed_by: None }, &blocks)
                .unwrap();
            let numbers: Vec<u64> = rendered.iter().map(|unit| unit.number.0).collect();
            (numbers, rendered.into_iter().flat_map(|unit| unit.segments).collect::<Vec<Segment>>())
        };

        let (_, whole) = render(vec![unit(UnitNumber(0), &pieces, 0)]);
        let (numbers, parts) = render(vec![
            unit(UnitNumber(3), &pieces[..1], 0),
            unit(UnitNumber(4), &pieces[1..], 50),
        ]);
        assert_eq!(numbers, [3, 4]);

        let of = |segments: &[Segment], stream| {
            inflate(&segments.iter().filter(|segment| segment.stream == stream).collect::<Vec<_>>())
        };

        let sheet = Stream { target: Target::Rendering(0), part: 0 };
        assert_eq!(of(&whole, sheet), of(&parts, sheet));
        assert!(of(&whole, sheet).ends_with(
            "<row r=\"91\"><c r=\"A91\" t=\"inlineStr\"><is><t>89</t></is></c>\
            <c r=\"C91\" t=\"inlineStr\"><is><t>text</t></is></c></row>"
        ));

        let workbook = Stream { target: Target::File(FileIndex(1)), part: 0 };
        assert!(
            of(&whole, workbook)
                .starts_with("<row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>50</t>")
        );
    }

    /// A task that renders a unit of one piece.
    fn render_of(piece: Piece) -> Render {
        let unit = RenderUnit { pieces: vec![piece], ..RenderUnit::default() };
        Render { spec: Arc::default(), units: vec![unit], stashed_by: None }
    }

    #[test]
    fn rows_that_are_not_as_reported_are_refused() {
        let mut block = Vec::new();
        let piece = rows(0, 3, FileIndex(7), &mut block);
        let blocks = HashMap::from([(KEY, Arc::new(block))]);
        let render = |change: &dyn Fn(&mut Slice)| {
            let mut piece = piece.clone();
            change(&mut piece.slice);
            Renderer::new(Compression::Fast).render(&render_of(piece), &blocks)
        };

        assert!(render(&|_| {}).is_ok());
        let changes: [&dyn Fn(&mut Slice); 4] = [
            &|slice| slice.rows += 1,
            &|slice| slice.length = 0,
            &|slice| slice.length += 1,
            &|slice| slice.offset = u32::MAX,
        ];
        for change in changes {
            let refused = render(change);
            assert!(
                matches!(refused, Err(RenderError::OtherRows { sequence: FileIndex(7) })),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn an_unknown_format_is_named() {
        let rendering = Rendering { format: "pdf".into(), packing: Packing::Plain };
        let spec = Arc::new(JobSpec { renderings: vec![rendering], ..JobSpec::default() });
        let render = Render { spec, units: Vec::new(), stashed_by: None };
        let refused = Renderer::new(Compression::Fast).render(&render, &HashMap::new());
        assert_eq!(refused.unwrap_err().to_string(), "there is no format `pdf`");
    }

    #[test]
    fn missing_rows_are_named() {
        let piece = rows(0, 1, FileIndex(0), &mut Vec::new());
        let lost = Renderer::new(Compression::Fast).render(&render_of(piece), &HashMap::new());
        assert!(matches!(lost, Err(RenderError::RowsLost(keys)) if keys == [KEY]));
    }
}
