//! Answers tasks in place of workers, with what an earlier run kept.

use std::sync::Arc;

use sheaf_common::fit;
use sheaf_common::job::{TaskId, random_bits};
use sheaf_common::numbers::{BlockNumber, FileIndex};
use sheaf_common::outcome::{Extracted, FileReport, FileStatus, Outcome, RenderedUnit, TaskResult};
use sheaf_common::row::Block;
use sheaf_common::rows::{RowsKey, joins_block};
use sheaf_common::task::{Extract, Render, RenderUnit, SourcePath, Task, Work};
use tracing::warn;

use super::digest::{Digest, Hasher};
use super::entry::{Entry, Part};
use super::{Found, Reuser, State};

/// The slot of outcomes that no worker made, in the job log.
pub const SLOT: &str = "reused";

/// What is left of a task for the queue, and the answer to the rest.
#[derive(Default)]
pub struct Answers {
    /// The task, or the units of it that must be rendered.
    pub task: Option<Task>,
    /// Blocks of rows that the task names, and that are not on the queue yet.
    pub rows: Vec<(RowsKey, Block)>,
    pub outcome: Option<Outcome>,
}

/// An extract task that was answered. Its rows go onto the queue when they are rendered.
pub struct Answered {
    pub first: FileIndex,
    pub last: FileIndex,
    edition: u64,
    reports: Vec<FileReport>,
    /// The slices of each block, each with its place in [`Reuser::earlier`].
    blocks: Vec<Vec<(usize, Part)>>,
}

/// Lays out slices in blocks, as a worker does.
#[derive(Default)]
pub struct Layout {
    blocks: Vec<Vec<(usize, Part)>>,
    /// The length of the last block.
    last: usize,
}

impl Layout {
    /// Adds a slice; returns its block, and where it begins there.
    pub fn add(&mut self, earlier: usize, part: Part) -> (BlockNumber, u32) {
        let length = part.length as usize;
        if self.blocks.is_empty() || !joins_block(self.last, length) {
            self.blocks.push(Vec::new());
            self.last = 0;
        }

        let index = self.blocks.len() - 1;
        let offset = self.last;
        self.blocks[index].push((earlier, part));
        self.last += length;

        (BlockNumber(fit::count(index)), fit::count(offset))
    }
}

impl Reuser {
    /// Answers a task as far as that is possible.
    pub fn answer(&self, task: Task) -> Answers {
        let id = task.id;
        match task.work {
            Work::Extract(extract) => match self.extracted(id, &extract) {
                Some(extracted) => {
                    let result = TaskResult::Extracted(extracted);
                    Answers { outcome: Some(outcome(id, result)), ..Answers::default() }
                }
                None => {
                    let task = Task { id, work: Work::Extract(extract) };
                    Answers { task: Some(task), ..Answers::default() }
                }
            },
            Work::Render(render) => self.rendered(id, render),
            work @ Work::Nap(_) => Answers { task: Some(Task { id, work }), ..Answers::default() },
        }
    }

    /// The outcome of an extract task or its repair, if all its files are reused.
    fn extracted(&self, id: TaskId, extract: &Extract) -> Option<Extracted> {
        let edition = random_bits();

        // A repair: the rows were lost on the queue, and come again from where they came.
        if let Some(answered) = self.state().answered.get_mut(&id.number) {
            answered.edition = edition;
            return Some(Extracted { reports: answered.reports.clone(), edition, stashed: None });
        }

        let mut layout = Layout::default();
        let mut reports = Vec::with_capacity(extract.files.len());
        for file in &extract.files {
            let sequence = file.sequence;
            let found = self.state().found.get(&sequence).copied()?;
            let Some(entry) = self.taken(sequence, found) else {
                // Read anew, with its neighbours.
                warn!(path = %file.path.display(), "what an earlier run kept of it is damaged");
                self.forget(extract.files.iter().map(|file| file.sequence));
                return None;
            };

            reports.push(report(sequence, entry, found.earlier, &mut layout));
        }

        let (first, last) = (extract.files.first()?.sequence, extract.files.last()?.sequence);
        let blocks = layout.blocks;
        let answered = Answered { first, last, edition, reports: reports.clone(), blocks };
        self.state().answered.insert(id.number, answered);

        Some(Extracted { reports, edition, stashed: None })
    }

    /// The entry of a file, whose rows are there, and are kept for the next run; `None` if one of
    /// its rows is damaged.
    fn taken(&self, sequence: FileIndex, found: Found) -> Option<Entry> {
        let earlier = &self.earlier[found.earlier];
        let entry = earlier.entry(found.entry)?;

        let packed = entry.parts.iter().map(|part| earlier.packed(part));
        let packed = packed.collect::<Option<Vec<Vec<u8>>>>()?;
        if !earlier.is_own {
            self.keep_packed(sequence, &entry, &packed);
        }

        Some(entry)
    }

    fn forget(&self, files: impl Iterator<Item = FileIndex>) {
        let mut state = self.state();
        for file in files {
            state.found.remove(&file);
        }
    }

    /// The units of a render task that an earlier run has, and what is left of the task.
    fn rendered(&self, id: TaskId, render: Render) -> Answers {
        let Render { spec, units, stashed_by } = render;
        let mut reused = Vec::new();
        let mut left: Vec<RenderUnit> = Vec::new();

        for unit in units {
            let number = unit.number;
            match self.segments_of(&unit) {
                Some(segments) => reused.push(RenderedUnit { number, segments }),
                None => left.push(unit),
            }
        }

        let outcome = (!reused.is_empty()).then(|| outcome(id, TaskResult::Rendered(reused)));
        if left.is_empty() {
            return Answers { outcome, ..Answers::default() };
        }

        let render = Render { spec, units: left, stashed_by };
        let rows = self.rows_of(&render);
        let task = Some(Task { id, work: Work::Render(render) });
        Answers { task, rows, outcome }
    }

    /// The segments that an earlier run has of a unit. Notes what decides them, for the journal.
    fn segments_of(&self, unit: &RenderUnit) -> Option<Vec<sheaf_common::outcome::Segment>> {
        if self.spec.per_file {
            return None;
        }

        let decides = {
            let mut state = self.state();
            let decides = self.decides_unit(&state, unit)?;
            state.units.insert(unit.number, decides);
            decides
        };

        self.segments.iter().find_map(|segments| segments.get(&decides))
    }

    /// The digest of all that decides the segments of a unit, within one set of outputs.
    fn decides_unit(&self, state: &State, unit: &RenderUnit) -> Option<Digest> {
        let mut hasher = Hasher::default();
        if self.depends_on_place {
            hasher.number(unit.first_row);
            hasher.number(unit.first_overflow);
        }

        for piece in &unit.pieces {
            let decides = self.decides_rows(state, piece.sequence)?;
            hasher.bytes(&decides.0);

            // The slice within the file.
            hasher.number(piece.first_row);
            hasher.number(piece.slice.rows.into());
            hasher.number(piece.slice.length.into());
        }

        Some(hasher.finish())
    }

    /// The blocks of a render task that no worker extracted. One that is damaged is missing: then
    /// its files are read.
    fn rows_of(&self, render: &Render) -> Vec<(RowsKey, Block)> {
        let mut keys = render.rows();
        keys.sort_unstable();
        keys.dedup();

        let block = |key: RowsKey| {
            let parts = {
                let state = self.state();
                let answered = state.answered.get(&key.task.number)?;
                let is_current = answered.edition == key.edition;
                is_current.then(|| answered.blocks.get(key.block.index()).cloned())??
            };

            let block = self.block(&parts);
            if block.is_none() {
                warn!(task = %key.task, "rows that an earlier run kept are damaged");
                self.give_up(key);
            }
            Some((key, block?))
        };

        keys.into_iter().filter_map(block).collect()
    }

    fn block(&self, parts: &[(usize, Part)]) -> Option<Block> {
        let mut block = Vec::new();
        for (earlier, part) in parts {
            let packed = self.earlier[*earlier].packed(part)?;
            let length = part.length as usize;
            let rows = zstd::bulk::decompress(&packed, length).ok()?;
            if rows.len() != length {
                return None;
            }

            block.extend_from_slice(&rows);
        }

        Some(Arc::new(block))
    }

    /// Leaves a task to the workers.
    fn give_up(&self, key: RowsKey) {
        let mut state = self.state();
        if let Some(answered) = state.answered.remove(&key.task.number) {
            for report in &answered.reports {
                state.found.remove(&report.sequence);
            }
        }
    }

    /// How many bytes of rows may be read from disk for a render task, at most.
    pub fn bytes_to_load(&self, render: &Render) -> u64 {
        if !self.has_earlier() {
            return 0;
        }

        let pieces = render.units.iter().flat_map(|unit| &unit.pieces);
        pieces.map(|piece| u64::from(piece.slice.length)).sum()
    }

    fn keep_packed(&self, sequence: FileIndex, entry: &Entry, packed: &[Vec<u8>]) {
        let content = self.state().contents.get(&sequence).copied().or(entry.content);
        let source = self.sources.get(sequence.index());
        let entry = Entry {
            path: SourcePath::from(source.path.as_path()),
            size: source.size,
            modified: source.modified_ns,
            content,
            is_settled: self.is_settled(source.modified_ns),
            ..entry.clone()
        };

        self.kept(|keeper| keeper.keep_packed(sequence, entry, packed));
    }
}

fn outcome(task: TaskId, result: TaskResult) -> Outcome {
    Outcome { task, slot: SLOT.into(), result }
}

/// The report of a file that is reused, with its slices laid out anew.
fn report(sequence: FileIndex, entry: Entry, earlier: usize, layout: &mut Layout) -> FileReport {
    let Entry { mut report, parts, .. } = entry;
    report.sequence = sequence;

    if let FileStatus::Done { slices, .. } = &mut report.status {
        for (slice, part) in slices.iter_mut().zip(parts) {
            (slice.block, slice.offset) = layout.add(earlier, part);
        }
    }

    report
}
