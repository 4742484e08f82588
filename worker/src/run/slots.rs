//! The threads that work: each has a slot of the process pool for extracting, and a renderer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Instant;

use nix::time::{ClockId, clock_gettime};
use sheaf_common::job::{Compression, WorkerId};
use sheaf_common::outcome::{self, Extracted, Outcome, TaskResult};
use sheaf_common::queue::{Block, Completion, Leased, Queue};
use sheaf_common::task::{Nap, RowsKey, Task, Work};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::kept::{Kept, fill_units};
use super::origin::Origin;
use super::{Config, Paths, Tally};
use crate::pool::{Slot, Stopped};
use crate::render::{RenderError, Renderer};

/// How many tasks are leased for each slot: one to work on, one that lies ready, and two on their way here or back.
const TASKS_PER_SLOT: usize = 4;

/// A task for a slot, with all that it needs.
pub struct Job<Q> {
    pub leased: Leased,
    /// Where it came from, and what it comes to goes.
    pub origin: Origin<Q>,
    /// The rows of a render task.
    pub rows: HashMap<RowsKey, Block>,
}

/// The way to the slot threads; they end when all clones of this are dropped and what was handed out is done.
pub struct Slots<Q> {
    jobs: mpsc::Sender<Job<Q>>,
    room: Arc<Semaphore>,
    refill: u32,
}

impl<Q> Clone for Slots<Q> {
    fn clone(&self) -> Self {
        Slots { jobs: self.jobs.clone(), room: Arc::clone(&self.room), refill: self.refill }
    }
}

impl<Q: Queue> Slots<Q> {
    /// Starts the threads. What they come to goes where the task came from; a task that was called off goes nowhere.
    pub fn start(config: &Config, kept: Arc<Kept>, stop: Arc<AtomicBool>, tally: Arc<Tally>) -> Self {
        let (jobs, waiting) = mpsc::channel::<Job<Q>>();
        let waiting = Arc::new(Mutex::new(waiting));
        for index in 0..config.slots.get() {
            let mut worker = SlotThread {
                worker: config.id.clone(),
                name: format!("{}/{index}", config.id.0),
                kept: Arc::clone(&kept),
                paths: config.paths.clone(),
                runtime: Handle::current(),
                slot: Slot::new(config.child.clone(), Arc::clone(&stop)),
                renderer: Renderer::new(Compression::Balanced),
                stop: Arc::clone(&stop),
            };
            let (waiting, tally) = (Arc::clone(&waiting), Arc::clone(&tally));
            let body = move || {
                loop {
                    let job = waiting.lock().expect("no holder of this lock panics").recv();
                    let Ok(job) = job else { return };
                    tally.busy.fetch_add(1, Ordering::Relaxed);
                    let began = thread_cpu_us();
                    let origin = job.origin.clone();
                    let done = worker.work(job);
                    tally.slot_cpu_us.fetch_add(thread_cpu_us() - began, Ordering::Relaxed);
                    tally.busy.fetch_sub(1, Ordering::Relaxed);
                    if let Ok(completion) = done {
                        tally.count(&completion);
                        origin.finish(completion);
                    }
                }
            };
            std::thread::Builder::new().name(format!("slot-{index}")).spawn(body).expect("the system has threads");
        }
        let most = config.slots.get() * TASKS_PER_SLOT;
        Slots { jobs, room: Arc::new(Semaphore::new(most)), refill: most as u32 / 2 }
    }

    /// How many tasks are leased in one call at least, so that the server is asked half as often as there are tasks.
    pub fn refill(&self) -> u32 {
        self.refill
    }

    /// Counts the tasks that may still be leased.
    pub fn room(&self) -> Arc<Semaphore> {
        Arc::clone(&self.room)
    }

    /// Gives a task to the next slot that is free.
    pub fn hand(&self, job: Job<Q>) {
        let _ = self.jobs.send(job); // The slot threads live as long as this.
    }
}

struct SlotThread {
    worker: WorkerId,
    name: String,
    kept: Arc<Kept>,
    paths: Paths,
    runtime: Handle,
    slot: Slot,
    renderer: Renderer,
    stop: Arc<AtomicBool>,
}

impl SlotThread {
    fn work<Q: Queue>(&mut self, job: Job<Q>) -> Result<Completion, Stopped> {
        let Job { leased, origin, rows: blocks } = job;
        if self.stop.load(Ordering::Relaxed) {
            return Err(Stopped);
        }
        let mut rows = Vec::new();
        let result = match &leased.task.work {
            Work::Extract(extract) => {
                let (reports, blocks) = self.slot.extract(&self.paths.confine(extract))?;
                let mut kept = Vec::new();
                for ((number, block), fills) in (0..).zip(&blocks).zip(fill_units(&reports, blocks.len())) {
                    match fills && self.kept.keep(origin.index, leased.lease.rows_key(number), block) {
                        true => kept.push(number),
                        false => rows.push((number, Block::clone(block))),
                    }
                }
                let kept = (!kept.is_empty()).then(|| outcome::Kept { by: self.worker.clone(), blocks: kept });
                TaskResult::Extracted(Extracted { reports, edition: leased.lease.edition(), kept })
            }
            Work::Render(render) => match self.renderer.render(render, &blocks) {
                Ok(units) => {
                    self.kept.drop_all(render.rows());
                    TaskResult::Rendered(units)
                }
                Err(RenderError::RowsLost(keys)) => TaskResult::RowsLost(keys),
                Err(error @ RenderError::Damaged { .. }) => TaskResult::Failed { reason: error.to_string() },
            },
            Work::Nap(nap) => self.nap(&origin.queue, &leased.task, nap)?,
        };
        let outcome = Outcome { task: leased.task.id, slot: self.name.clone(), result };
        Ok(Completion { lease: leased.lease, outcome, rows })
    }

    fn nap(&self, queue: &impl Queue, task: &Task, nap: &Nap) -> Result<TaskResult, Stopped> {
        let began = Instant::now();
        self.tell(queue, task, TaskResult::NapStarted { name: nap.name.clone() });
        while let Some(left) = nap.length.checked_sub(began.elapsed()) {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Stopped);
            }
            std::thread::sleep(left.min(std::time::Duration::from_millis(50)));
        }
        let ended = TaskResult::NapEnded { name: nap.name.clone(), seconds: began.elapsed().as_secs_f64() };
        // Told at once: what is handed in goes with others, and could come after the start of this slot's next nap.
        self.tell(queue, task, ended.clone());
        Ok(ended)
    }

    /// Sends news of a task. News that do not arrive are no loss: the end tells all.
    fn tell(&self, queue: &impl Queue, task: &Task, result: TaskResult) {
        let news = Outcome { task: task.id, slot: self.name.clone(), result };
        let _ = self.runtime.block_on(queue.notify(news));
    }
}

/// The CPU time of the calling thread, in microseconds.
fn thread_cpu_us() -> u64 {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .map_or(0, |time| time.tv_sec() as u64 * 1_000_000 + time.tv_nsec() as u64 / 1_000)
}
