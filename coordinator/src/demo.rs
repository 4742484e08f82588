//! `sheaf demo`: some tasks that only sleep, through the queue and the pool of real runs.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use sheaf_common::fit;
use sheaf_common::job::{Class, JobId, TaskId};
use sheaf_common::numbers::TaskNumber;
use sheaf_common::outcome::{Outcome, Reading, TaskResult};
use sheaf_common::queue::{JobQueue, Outlook, QueueError, Supply};
use sheaf_common::task::{Nap, Task, Work};
use tokio::time::Instant;

use crate::config::DemoConfig;

/// The most tasks of one push, and the most outcomes of one collect.
const BATCH: usize = 1000;
/// After this time without an outcome, the queue is asked for lost tasks.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a demo failed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("could not print")]
    Print(#[from] io::Error),
    #[error("a nap failed: {0}")]
    Nap(String),
}

/// Pushes naps, prints `Start item1` and `End item1` as they begin and end, and at last the total
/// time.
///
/// Workers must be busy on the queue meanwhile; if there are none, `err` gets a line.
///
/// # Errors
/// When the queue, `out` or `err` fails, or a worker cannot do a nap.
pub async fn demo(
    queue: &mut impl JobQueue,
    job: JobId,
    config: &DemoConfig,
    out: &mut impl Write,
    err: &mut impl Write,
) -> Result<(), DemoError> {
    let began = Instant::now();
    let supply = queue.supply();
    let outlook = queue.outlook();

    let mut open: BTreeMap<TaskId, Task> = naps(job, config).map(|task| (task.id, task)).collect();
    push(&supply, open.values()).await?;
    while !open.is_empty() {
        let news = queue.collect(BATCH, PATIENCE).await?;
        if news.is_empty() {
            if let Some(reason) = outlook.why_idle(true).await? {
                writeln!(err, "waiting: {reason}")?;
            }

            // The queue may have lost tasks: they are pushed again.
            let missing = queue.missing(open.keys().copied().collect()).await?;
            push(&supply, missing.iter().map(|id| &open[id])).await?;
        }

        for outcome in news {
            report(outcome, &mut open, out)?;
        }

        // Lines must appear when things happen, through a pipe, too.
        out.flush()?;
    }

    writeln!(out, "Total time: {:.1} s", began.elapsed().as_secs_f64())?;
    Ok(queue.close().await?)
}

/// Prints what an outcome says of its nap; takes naps that are over out of `open`.
fn report(
    outcome: Outcome,
    open: &mut BTreeMap<TaskId, Task>,
    out: &mut impl Write,
) -> Result<(), DemoError> {
    match outcome.result {
        TaskResult::Reading(Reading { parsed: 0, .. }) => {
            // News of a beginning may come after the end, if the nap was leased twice.
            if let Some(nap) = open.get(&outcome.task).and_then(name) {
                writeln!(out, "Start {nap}")?;
            }
        }
        TaskResult::Reading(Reading { parsed, of, .. }) if parsed < of => {}
        // The end comes twice, as news and as the outcome: the first is printed.
        TaskResult::Reading(_) | TaskResult::NapEnded { .. } => {
            if let Some(nap) = open.remove(&outcome.task).as_ref().and_then(name) {
                writeln!(out, "End {nap}")?;
            }
        }
        TaskResult::Failed { reason } => return Err(DemoError::Nap(reason)),
        // A nap has no such results.
        TaskResult::ReadAlone { .. }
        | TaskResult::Extracted(_)
        | TaskResult::Rendered(_)
        | TaskResult::TaskLost
        | TaskResult::RowsLost(_) => {}
    }

    Ok(())
}

/// The name of a nap; `None` for other work.
fn name(task: &Task) -> Option<&str> {
    match &task.work {
        Work::Nap(nap) => Some(&nap.name),
        Work::Extract(_) | Work::Render(_) => None,
    }
}

async fn push<'a>(
    supply: &impl Supply,
    tasks: impl Iterator<Item = &'a Task>,
) -> Result<(), QueueError> {
    let tasks: Vec<Task> = tasks.cloned().collect();
    for batch in tasks.chunks(BATCH) {
        supply.push(batch).await?;
    }

    Ok(())
}

fn naps(job: JobId, config: &DemoConfig) -> impl Iterator<Item = Task> {
    let shortest = fit::millis(*config.length.start());
    let longest = fit::millis(*config.length.end());

    let mut random = SplitMix(config.seed);
    (1..=config.items.get() as u64).map(TaskNumber).map(move |number| {
        let length = Duration::from_millis(shortest + random.below(longest - shortest + 1));
        let id = TaskId { job, class: Class::Extract, number };
        Task { id, work: Work::Nap(Nap { name: format!("item{number}"), length }) }
    })
}

/// The generator splitmix64 (Steele, Lea, Flood 2014). It is small, and a seed gives the same
/// numbers in every version.
struct SplitMix(u64);

impl SplitMix {
    /// A number below `end`, which must not be 0.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);

        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);

        (mixed ^ (mixed >> 31)) % end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sheaf_common::job::WorkerId;
    use sheaf_common::numbers::FileIndex;
    use sheaf_common::outcome::Outcome;
    use sheaf_common::queue::{Completion, JobOwner, MemoryQueue, Queue, WorkQueue};
    use std::num::NonZeroUsize;

    fn config(items: usize) -> DemoConfig {
        let length = Duration::from_secs(1)..=Duration::from_secs(9);
        DemoConfig {
            items: NonZeroUsize::new(items).unwrap(),
            processes: None,
            redis: None,
            length,
            seed: 1,
        }
    }

    /// Ends every nap at once, by news and by its outcome.
    async fn work(queue: MemoryQueue) {
        let queue = queue.worker(WorkerId("test".into()));
        loop {
            queue.listen(Duration::from_secs(60)).await.unwrap();
            for leased in queue.lease(3).await.unwrap() {
                let Work::Nap(nap) = leased.task.work else { panic!("not a nap") };
                let news = |result| Outcome { task: leased.task.id, slot: "test/0".into(), result };
                let reading = |parsed| {
                    TaskResult::Reading(Reading {
                        sequence: FileIndex::of_nap(leased.task.id.number),
                        parsed,
                        of: 1,
                    })
                };
                queue.notify(news(reading(0))).await.unwrap();
                queue.notify(news(reading(1))).await.unwrap();

                let seconds = nap.length.as_secs_f64();
                let ended = news(TaskResult::NapEnded { name: nap.name, seconds });
                let completion = Completion {
                    lease: leased.lease,
                    outcome: ended,
                    rows: Vec::new(),
                    has_past: false,
                };

                queue.complete_if_held(&[completion]).await.unwrap();
            }
        }
    }

    #[tokio::test]
    async fn every_item_starts_and_ends_once() {
        let (queue, config, mut out) = (MemoryQueue::default(), config(10), Vec::new());
        let mut nowhere = std::io::sink();
        let mut job = queue.job(JobId(1), JobOwner::default());
        tokio::select! {
            done = demo(&mut job, JobId(1), &config, &mut out, &mut nowhere) => done.unwrap(),
            () = work(queue.clone()) => unreachable!(),
        }

        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 21, "{text}");
        for item in 1..=10 {
            let at =
                |word| lines.iter().position(|line| *line == format!("{word} item{item}")).unwrap();
            assert!(at("Start") < at("End"));
        }

        assert!(lines[20].starts_with("Total time: ") && lines[20].ends_with(" s"));
    }

    #[test]
    fn equal_seeds_draw_equal_lengths_within_the_range() {
        let lengths = |seed| -> Vec<Work> {
            naps(JobId(1), &DemoConfig { seed, ..config(1000) }).map(|task| task.work).collect()
        };

        assert!(lengths(1) == lengths(1) && lengths(1) != lengths(2));
        for work in lengths(3) {
            let Work::Nap(nap) = work else { panic!("not a nap") };
            assert!(config(1).length.contains(&nap.length));
        }
    }
}
