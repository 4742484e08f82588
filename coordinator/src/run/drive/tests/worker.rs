//! A worker of the memory queue that does no real work, and fails in its own way.

use sheaf_common::job::WorkerId;
use sheaf_common::numbers::BlockNumber;
use sheaf_common::outcome::{Extracted, RenderedUnit, Segment, Stream, Target, TaskResult};
use sheaf_common::queue::{Completed, Completion, Leased, MemoryWorker};
use sheaf_common::rows::Slice;
use sheaf_common::task::{Extract, Render, Work};
use sheaf_common::wire;

use super::*;

/// How a worker fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    Reliable,
    /// It does its third task only after others took that over.
    FallsAsleep,
    /// It never answers after two tasks.
    Dies,
    /// The rows of its second extract task are lost before they are needed.
    LosesRows,
}

/// A worker that leases one task at a time and takes [`WORK`] for each.
pub struct Worker {
    queue: MemoryWorker,
    name: String,
    /// The queue that loses rows.
    job: MemoryJob,
    habit: Habit,
    done: u32,
    extracted: u32,
}

impl Worker {
    pub fn start(queue: &MemoryQueue, name: &str, habit: Habit) {
        let worker = Worker {
            queue: queue.worker(WorkerId(name.into())),
            name: name.into(),
            job: queue.job(JOB, JobOwner::default()),
            habit,
            done: 0,
            extracted: 0,
        };
        tokio::spawn(worker.work());
    }

    async fn work(mut self) {
        loop {
            self.queue.listen(Duration::from_secs(3600)).await.unwrap();
            for leased in self.queue.lease(1).await.unwrap() {
                match (self.habit, self.done) {
                    (Habit::Dies, 2) => std::future::pending::<()>().await,
                    (Habit::FallsAsleep, 2) => tokio::time::sleep(Duration::from_secs(45)).await,
                    _ => tokio::time::sleep(WORK).await,
                }

                self.done += 1;
                self.finish(leased).await;
            }
        }
    }

    async fn finish(&mut self, leased: Leased) {
        let Leased { lease, task, .. } = leased;
        let mut rows = Vec::new();
        let result = match &task.work {
            Work::Extract(extract) => {
                let (reports, blocks) = extracted(extract);
                rows = blocks;
                let edition = lease.edition();
                TaskResult::Extracted(Extracted { reports, edition, stashed: None })
            }
            Work::Render(render) => self.render(render).await,
            Work::Nap(_) => unreachable!("no run pushes naps"),
        };

        let lost: Vec<RowsKey> = rows.iter().map(|(block, _)| lease.rows_key(*block)).collect();
        self.extracted += u32::from(!lost.is_empty());

        let outcome = Outcome { task: task.id, slot: self.name.clone(), result };
        let completion = Completion { lease, outcome, rows, has_past: false };
        let answers = self.queue.complete_if_held(&[completion]).await.unwrap();

        if self.habit == Habit::FallsAsleep && self.done == 3 {
            assert_eq!(answers, [Completed::Stale], "others have the task that it slept over");
        }
        if self.habit == Habit::LosesRows && self.extracted == 2 && !lost.is_empty() {
            self.job.forget(lost).await.unwrap();
        }
    }

    async fn render(&self, render: &Render) -> TaskResult {
        let keys = render.rows();
        let found = self.queue.rows(keys.clone()).await.unwrap();
        let missing = keys.into_iter().zip(found).filter(|(_, block)| block.is_none());
        let lost: Vec<RowsKey> = missing.map(|(key, _)| key).collect();
        if !lost.is_empty() {
            return TaskResult::RowsLost(lost);
        }

        let units = render.units.iter().map(|unit| {
            let place = |piece: &sheaf_common::task::Piece| (piece.sequence.0, piece.first_row);
            let pieces: Vec<(u64, u64)> = unit.pieces.iter().map(place).collect();
            let bytes = wire::encode(&(unit.first_row, pieces));
            RenderedUnit { number: unit.number, segments: vec![segment(bytes)] }
        });

        TaskResult::Rendered(units.collect())
    }
}

fn segment(bytes: Vec<u8>) -> Segment {
    let stream = Stream { target: Target::Rendering(0), part: 0 };
    Segment { stream, bytes, crc32: 0, length: 0, meta: Vec::new() }
}

/// The reports of a worker: each file has one block of rows.
fn extracted(extract: &Extract) -> (Vec<FileReport>, Vec<(BlockNumber, sheaf_common::row::Block)>) {
    let mut reports = Vec::new();
    let mut blocks = Vec::new();

    for (file, block) in extract.files.iter().zip((0..).map(BlockNumber)) {
        let (length, rows) = (ROWS, 10 + u32::try_from(file.sequence.0).unwrap());
        let slice = Slice { block, offset: 0, length, rows, overflow: 0, long_cells: 0 };
        let status = FileStatus::Done { slices: vec![slice], truncated_cells: 0 };
        reports.push(FileReport::new(file.sequence, status));
        blocks.push((block, Arc::new(vec![0; length as usize])));
    }

    (reports, blocks)
}
