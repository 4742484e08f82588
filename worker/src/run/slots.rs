//! The worker threads: each has a slot of the process pool for extracting, and a renderer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock, mpsc};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use sheaf_common::fit;
use sheaf_common::job::Compression;
use sheaf_common::numbers::{BlockNumber, FileIndex};
use sheaf_common::outcome::{Extracted, Outcome, Reading, TaskResult};
use sheaf_common::queue::{Completion, Leased, Stashing, WorkQueue};
use sheaf_common::row::Block;
use sheaf_common::rows::{RowsKey, Stashed};
use sheaf_common::task::{Nap, Task, Work};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::fitness::{Failures, Fitness};
use super::origin::Origin;
use super::reader::{Done, Reader};
use super::stash::{Stash, fill_units};
use super::tally::TaskEnd;
use super::{Config, Paths, Tally};
use crate::pool::{Interrupted, Read, Slot, Unfit};
use crate::render::{RenderError, Renderer};

/// The most tasks that are leased for each slot: one at work, one ready, and two in transit from or
/// to the queue.
const TASKS_PER_SLOT: usize = 4;

/// A task for a slot, with everything that it needs.
pub struct Job<W> {
    pub leased: Leased,
    /// The queue that it came from, which gets its outcome.
    pub origin: Origin<W>,
    /// The rows of a render task.
    pub rows: HashMap<RowsKey, Block>,
}

/// The state that all slots of a worker share.
pub struct Shared {
    pub stash: Arc<Stash>,
    pub stop: Arc<AtomicBool>,
    pub tally: Arc<Tally>,
    pub fitness: Arc<Fitness>,
}

/// A handle of the slot threads. They end when all its clones are dropped and all tasks are done.
#[derive(Clone)]
pub struct Slots<W> {
    jobs: mpsc::Sender<Job<W>>,
    room: Arc<Semaphore>,
    refill: u32,
}

impl<W: WorkQueue> Slots<W> {
    /// Starts the threads. An outcome goes to the queue of its task; an abandoned task has none.
    ///
    /// # Errors
    /// [`Unfit`], when the system refuses a thread.
    pub fn start(config: &Config, shared: Shared) -> Result<Self, Unfit> {
        let (jobs, waiting) = mpsc::channel::<Job<W>>();
        let waiting = Arc::new(Mutex::new(waiting));

        let most = config.slots.get() * TASKS_PER_SLOT;
        let room = Arc::new(Semaphore::new(most));
        let alone = Arc::new(RwLock::new(()));

        for index in 0..config.slots.get() {
            let name = format!("{}/{index}", config.id.0);
            let mut worker = SlotThread {
                stash: Arc::clone(&shared.stash),
                paths: config.paths.clone(),
                reader: Reader {
                    worker: config.id.clone(),
                    name: name.clone(),
                    slot: Slot::new(config.child.clone(), Arc::clone(&shared.stop)),
                    runtime: Handle::current(),
                    stop: Arc::clone(&shared.stop),
                    alone: Arc::clone(&alone),
                },
                renderer: Renderer::new(Compression::Balanced),
                tally: Arc::clone(&shared.tally),
                fitness: Arc::clone(&shared.fitness),
                failures: Failures::default(),
                room: Arc::clone(&room),
                name,
            };

            let waiting = Arc::clone(&waiting);
            let tally = Arc::clone(&shared.tally);
            let body = move || {
                loop {
                    let lap = tally.steps.waiting.lap();
                    // One idle thread waits for a task, the others for the lock.
                    let job = waiting.lock().expect("no holder of this lock panics").recv();
                    drop(lap);
                    let Ok(job) = job else { return };
                    worker.handle(job);
                }
            };

            let thread = std::thread::Builder::new().name(format!("slot-{index}"));
            thread.spawn(body).map_err(|error| Unfit::refused(&error))?;
        }

        Ok(Slots { jobs, room, refill: fit::count(most) / 2 })
    }

    /// The least room for which a queue leases: half of all. So a call brings several tasks.
    pub fn refill(&self) -> u32 {
        self.refill
    }

    /// Counts the tasks that may still be leased.
    pub fn room(&self) -> Arc<Semaphore> {
        Arc::clone(&self.room)
    }

    /// Passes a task to the next free slot.
    pub fn hand(&self, job: Job<W>) {
        let _ = self.jobs.send(job); // Cannot fail: the threads live as long as this handle.
    }
}

struct SlotThread {
    name: String,
    stash: Arc<Stash>,
    paths: Paths,
    reader: Reader,
    renderer: Renderer,
    tally: Arc<Tally>,
    fitness: Arc<Fitness>,
    failures: Failures,
    room: Arc<Semaphore>,
}

impl SlotThread {
    /// Does a task and makes sure that it is not lost: either its outcome is handed in, or the task
    /// is handed back.
    fn handle<W: WorkQueue>(&mut self, job: Job<W>) {
        self.tally.busy.fetch_add(1, Ordering::Relaxed);
        let began = thread_cpu_us();
        let origin = job.origin.clone();
        let lease = job.leased.lease.clone();

        let tally = Arc::clone(&self.tally);
        let lap = match &job.leased.task.work {
            Work::Extract(_) => Some(tally.steps.extracting.lap()),
            Work::Render(_) => Some(tally.steps.rendering.lap()),
            Work::Nap(_) => None,
        };
        let done = self.work(job);
        drop(lap);
        tally.stashed.store(self.stash.bytes(), Ordering::Relaxed);
        self.tally.slot_cpu_us.fetch_add(thread_cpu_us() - began, Ordering::Relaxed);
        self.tally.busy.fetch_sub(1, Ordering::Relaxed);

        match done {
            Ok(Some(completion)) => {
                self.tally.count(&completion);
                origin.finish(completion);
            }
            // Given back already: no finisher will free the room.
            Ok(None) => {
                self.tally.tasks.count(lease.task.class, TaskEnd::GivenBack);
                origin.held.remove(&lease);
                self.room.add_permits(1);
            }
            // All held leases are handed back together, when the slots have stopped.
            Err(Interrupted::Stopped) => {}
            Err(Interrupted::Unfit(unfit)) => {
                self.tally.tasks.count(lease.task.class, TaskEnd::GivenBack);
                self.reader.runtime.block_on(origin.let_go(lease));
                if let Some(pause) = self.fitness.failed(&mut self.failures, unfit, &self.tally) {
                    self.rest(pause);
                }
                // After the pause, or another task would be leased at once and fail the same way.
                self.room.add_permits(1);
            }
        }
    }

    /// Sleeps for `pause`, or until the worker is ordered to stop.
    fn rest(&self, pause: Duration) {
        let began = Instant::now();
        while let Some(left) = pause.checked_sub(began.elapsed())
            && !self.reader.stop.load(Ordering::Relaxed)
        {
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
    }

    /// Does a task; `None` if it was given back.
    fn work<W: WorkQueue>(&mut self, job: Job<W>) -> Result<Option<Completion>, Interrupted> {
        let Job { leased, origin, rows: blocks } = job;
        if self.reader.stop.load(Ordering::Relaxed) {
            return Err(Interrupted::Stopped);
        }

        let mut rows = Vec::new();
        let result = match &leased.task.work {
            Work::Extract(extract) => {
                let read =
                    self.reader.read(&origin.queue, &leased, &self.paths.confine(extract))?;
                self.fitness.worked(&mut self.failures);
                let Done::Read(Read { reports, blocks }) = read else { return Ok(None) };

                // Stash what the queue allows; the other blocks travel with the outcome.
                let allowed = origin.queue.traits().stashing;
                let stashing = match allowed {
                    // The coordinator wants these rows as well.
                    Stashing::Alone if extract.spec.keep_rows => Stashing::Copies,
                    Stashing::Alone | Stashing::Copies | Stashing::Nothing => allowed,
                };
                let owner = (origin.index, stashing);
                let fills = fill_units(&reports, blocks.len());
                let mut stashed = Vec::new();
                for ((number, block), fills_unit) in (0..).map(BlockNumber).zip(&blocks).zip(fills)
                {
                    let key = leased.lease.rows_key(number);
                    if self.stash.add(owner, key, block, fills_unit) {
                        stashed.push(number);
                    } else {
                        rows.push((number, Block::clone(block)));
                    }
                }

                let by = &self.reader.worker;
                let stashed =
                    (!stashed.is_empty()).then(|| Stashed { by: by.clone(), blocks: stashed });

                TaskResult::Extracted(Extracted {
                    reports,
                    edition: leased.lease.edition(),
                    stashed,
                })
            }
            Work::Render(render) => {
                // Wait while a slot reads files that may end the whole worker.
                let _together = self.reader.alone.read().expect("no holder panics");
                match self.renderer.render(render, &blocks) {
                    Ok(units) => {
                        self.stash.rendered(render);
                        TaskResult::Rendered(units)
                    }
                    // The coordinator has their files extracted again.
                    Err(RenderError::RowsLost(keys)) => TaskResult::RowsLost(keys),
                    Err(
                        error @ (RenderError::Damaged { .. }
                        | RenderError::OtherRows { .. }
                        | RenderError::UnknownFormat(_)),
                    ) => TaskResult::Failed { reason: error.to_string() },
                }
            }
            Work::Nap(nap) => self.nap(&origin.queue, &leased.task, nap)?,
        };

        let outcome = Outcome { task: leased.task.id, slot: self.name.clone(), result };
        Ok(Some(Completion { lease: leased.lease, outcome, rows, has_past: leased.delivery > 1 }))
    }

    fn nap(
        &self,
        queue: &impl WorkQueue,
        task: &Task,
        nap: &Nap,
    ) -> Result<TaskResult, Interrupted> {
        let began = Instant::now();
        let sequence = FileIndex::of_nap(task.id.number);
        let of = fit::millis(nap.length).max(1);
        self.tell(queue, task, Reading { sequence, parsed: 0, of });

        while let Some(left) = nap.length.checked_sub(began.elapsed()) {
            if self.reader.stop.load(Ordering::Relaxed) {
                return Err(Interrupted::Stopped);
            }
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }

        // Sent apart from the outcome, which waits for its batch and could arrive after the start
        // of this slot's next nap.
        self.tell(queue, task, Reading { sequence, parsed: of, of });
        Ok(TaskResult::NapEnded { name: nap.name.clone(), seconds: began.elapsed().as_secs_f64() })
    }

    /// Sends news of a task. Lost news does no harm: the outcome has everything.
    fn tell(&self, queue: &impl WorkQueue, task: &Task, reading: Reading) {
        let result = TaskResult::Reading(reading);
        let news = Outcome { task: task.id, slot: self.name.clone(), result };
        let _ = self.reader.runtime.block_on(queue.notify(news));
    }
}

/// The CPU time of the calling thread, in microseconds.
fn thread_cpu_us() -> u64 {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(0, |time| fit::micros(time.into()))
}
