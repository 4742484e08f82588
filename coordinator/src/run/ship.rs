//! Puts tasks on the queue, beside the loop: reads the files that are to be shipped, and waits
//! where the queue has no room.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sheaf_common::problem::{FileProblem, TooLarge};
use sheaf_common::queue::{QueueError, Supply};
use sheaf_common::task::{Content, SourceFile, SourcePath, Task, Work};
use sheaf_worker::extract;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tracing::warn;

use super::driver::{Event, PAUSE};

/// The largest file that is shipped: a value in Redis holds 512 MiB at most.
const LARGEST: u64 = 500 << 20;

/// How workers get the bytes of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shipping {
    /// They are threads of this process, and open the paths themselves.
    None,
    /// They open the paths themselves, wherever they are.
    ByPath,
    /// The bytes go with the tasks, compressed from `pack_from` slots on.
    Content { pack_from: usize },
}

impl Shipping {
    /// Whether files are compressed when there are this many slots.
    fn packs(self, slots: usize) -> bool {
        matches!(self, Shipping::Content { pack_from } if slots >= pack_from)
    }
}

/// The way to the queue for tasks; dropping it drops those that are not on the queue yet.
pub struct Shipper {
    tasks: UnboundedSender<Task>,
    slots: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    running: JoinHandle<()>,
}

impl Shipper {
    /// Tells `events` of the tasks that are on the queue, and if none can be brought there any
    /// more.
    pub fn start<S: Supply>(queue: S, shipping: Shipping, events: UnboundedSender<Event>) -> Self {
        let (tasks, waiting) = unbounded_channel();
        let slots = Arc::new(AtomicUsize::new(0));
        let stopping = Arc::new(AtomicBool::new(false));

        let way = Way {
            queue,
            shipping,
            slots: Arc::clone(&slots),
            stopping: Arc::clone(&stopping),
            events: events.clone(),
        };

        let running = tokio::spawn(async move {
            if let Err(error) = ship(way, waiting).await {
                let _ = events.send(Event::ShippingFailed(error)); // Else the run is over.
            }
        });

        Shipper { tasks, slots, stopping, running }
    }

    /// Takes note of how many slots there are now.
    pub fn fit(&self, slots: usize) {
        self.slots.store(slots, Ordering::Relaxed);
    }

    /// Sends a task on its way.
    pub fn send(&self, task: Task) {
        let _ = self.tasks.send(task); // Fails only after an error, which was told.
    }

    /// Stops. What is just being sent is sent to its end, so that it does not arrive after the job
    /// was removed.
    pub async fn stop(mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.tasks = unbounded_channel().0; // Nothing comes any more.

        let _ = tokio::time::timeout(STOPPING, &mut self.running).await;
    }
}

impl Drop for Shipper {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// How long what is just being sent may take when the run stops: a server that is gone gets nothing
/// more.
const STOPPING: Duration = Duration::from_secs(3);

/// The most tasks of one call, as far as they are small.
const BATCH: usize = 64;
/// The most bytes of one call, unless one task has more.
const BATCH_BYTES: u64 = 8 << 20;
/// How many batches are made ready at once, so that files are read while others are sent; those
/// that are compressed take a core each.
const READY: usize = 2;
const READY_PACKED: usize = 8;

/// How tasks go, and where.
struct Way<S> {
    queue: S,
    shipping: Shipping,
    slots: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    events: UnboundedSender<Event>,
}

async fn ship<S: Supply>(
    way: Way<S>,
    mut waiting: UnboundedReceiver<Task>,
) -> Result<(), QueueError> {
    let Way { queue, shipping, slots, stopping, events } = way;
    let mut batches: VecDeque<JoinHandle<Vec<Task>>> = VecDeque::new();

    loop {
        let packs = shipping.packs(slots.load(Ordering::Relaxed));
        let ready = if packs { READY_PACKED } else { READY };

        // Waits for tasks only if there is nothing to send meanwhile.
        while batches.len() < ready
            && let Some(batch) = next_batch(&mut waiting, batches.is_empty()).await
        {
            batches
                .push_back(tokio::task::spawn_blocking(move || made_ready(batch, shipping, packs)));
        }

        // In their order: the first files are wanted first.
        let Some(next) = batches.pop_front() else { return Ok(()) };
        let batch = next.await.expect("reading does not panic");

        loop {
            // The job is removed next: nothing may arrive after that.
            if stopping.load(Ordering::Relaxed) {
                return Ok(());
            }

            match queue.push(&batch).await {
                Ok(()) => break,
                Err(error @ QueueError::Unusable { .. }) => return Err(error),
                Err(error) => {
                    warn!(%error, "the queue did not take tasks, trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }

        let shipped = batch.iter().map(|task| task.id).collect();
        let _ = events.send(Event::Shipped(shipped)); // Fails only when the run is over.
    }
}

/// The tasks that come next, waiting for the first if `wait` says so; `None`: there are none.
async fn next_batch(waiting: &mut UnboundedReceiver<Task>, wait: bool) -> Option<Vec<Task>> {
    let first = if wait { waiting.recv().await } else { waiting.try_recv().ok() };
    let mut batch = vec![first?];

    while batch.len() < BATCH && size(&batch) < BATCH_BYTES {
        let Ok(next) = waiting.try_recv() else { break };
        batch.push(next);
    }

    Some(batch)
}

/// The bytes of all files of some tasks.
fn size(tasks: &[Task]) -> u64 {
    let files = |task: &Task| match &task.work {
        Work::Extract(extract) => extract.files.iter().map(|file| file.size).sum(),
        Work::Render(_) | Work::Nap(_) => 0,
    };

    tasks.iter().map(files).sum()
}

/// The tasks as they go onto the queue.
fn made_ready(batch: Vec<Task>, shipping: Shipping, packs: bool) -> Vec<Task> {
    match shipping {
        Shipping::None => batch,
        Shipping::ByPath => batch.into_iter().map(with_absolute_paths).collect(),
        Shipping::Content { .. } => {
            batch.into_iter().map(|task| with_content(task, packs)).collect()
        }
    }
}

/// Says where the files of a task are, whatever folder the worker was started in.
fn with_absolute_paths(mut task: Task) -> Task {
    if let Work::Extract(extract) = &mut task.work {
        for file in &mut extract.files {
            if let Ok(path) = std::path::absolute(file.path.as_path()) {
                file.content = Content::At(SourcePath::from(path.as_path()));
            }
        }
    }

    task
}

/// Reads the files of a task.
fn with_content(mut task: Task, packs: bool) -> Task {
    if let Work::Extract(extract) = &mut task.work {
        let memory = extract.spec.limits.memory;
        extract.files.iter_mut().for_each(|file| file.content = content(file, memory, packs));
    }

    task
}

fn content(file: &SourceFile, memory: u64, packs: bool) -> Content {
    if file.size > LARGEST {
        return Content::Unreadable(FileProblem::TooLarge(TooLarge::ToShip { size: file.size }));
    }

    match extract::read(file, memory) {
        Ok(bytes) if packs => extract::pack(bytes.into_owned()),
        Ok(bytes) => Content::Here(bytes.into_owned()),
        Err(problem) => Content::Unreadable(problem),
    }
}
