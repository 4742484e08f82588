//! Ships tasks to the queue, beside the loop: reads files, and waits while the queue has no room.

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

use super::contents::Contents;
use super::driver::{Event, PAUSE};

/// How workers get the bytes of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shipping {
    /// They are threads of this process and open the files themselves.
    None,
    /// They open the files themselves, on whatever machine they are.
    ByPath,
    /// Tasks carry the bytes, compressed from `pack_from` slots on.
    Content { pack_from: usize },
}

impl Shipping {
    /// Whether files are compressed with this many slots.
    fn packs(self, slots: usize) -> bool {
        matches!(self, Shipping::Content { pack_from } if slots >= pack_from)
    }
}

/// Ships tasks to the queue. Dropping it drops those that are not there yet.
pub struct Shipper {
    tasks: UnboundedSender<Task>,
    slots: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    running: JoinHandle<()>,
}

impl Shipper {
    /// Starts shipping. `events` hears which tasks are on the queue, and when the shipper gives up.
    pub fn start<S: Supply>(
        queue: S,
        shipping: Shipping,
        contents: Contents,
        events: UnboundedSender<Event>,
    ) -> Self {
        let (tasks, waiting) = unbounded_channel();
        let slots = Arc::new(AtomicUsize::new(0));
        let stopping = Arc::new(AtomicBool::new(false));

        let route = Route {
            queue,
            shipping,
            contents: Arc::new(contents),
            slots: Arc::clone(&slots),
            stopping: Arc::clone(&stopping),
            events: events.clone(),
        };

        let running = tokio::spawn(async move {
            if let Err(error) = ship(route, waiting).await {
                let _ = events.send(Event::ShippingFailed(error)); // Else the run is over.
            }
        });

        Shipper { tasks, slots, stopping, running }
    }

    /// Sets the number of slots.
    pub fn fit(&self, slots: usize) {
        self.slots.store(slots, Ordering::Relaxed);
    }

    /// Ships a task.
    pub fn send(&self, task: Task) {
        let _ = self.tasks.send(task); // Fails only after an error, which was reported.
    }

    /// Stops. Waits for the call in flight, so that no task arrives after the job is removed.
    pub async fn stop(mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.tasks = unbounded_channel().0; // Dropping the sender ends the loop.

        let _ = tokio::time::timeout(STOPPING, &mut self.running).await;
    }
}

impl Drop for Shipper {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// How long the call in flight may take when the run stops. A server that is gone gets nothing
/// more.
const STOPPING: Duration = Duration::from_secs(3);

/// The most tasks of one call.
const BATCH: usize = 64;
/// The bytes at which a call is full.
const BATCH_BYTES: u64 = 8 << 20;
/// How many batches are prepared at once, so that files are read while others are sent. With
/// compression each takes a core.
const READY: usize = 2;
const READY_PACKED: usize = 8;

/// What the loop of the shipper works with.
struct Route<S> {
    queue: S,
    shipping: Shipping,
    contents: Arc<Contents>,
    slots: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    events: UnboundedSender<Event>,
}

async fn ship<S: Supply>(
    route: Route<S>,
    mut waiting: UnboundedReceiver<Task>,
) -> Result<(), QueueError> {
    let Route { queue, shipping, contents, slots, stopping, events } = route;
    let largest = queue.largest_file();
    let mut batches: VecDeque<JoinHandle<Vec<Task>>> = VecDeque::new();

    loop {
        let packs = shipping.packs(slots.load(Ordering::Relaxed));
        let ready = if packs { READY_PACKED } else { READY };

        // Wait for tasks only if no batch is ready to be sent.
        while batches.len() < ready
            && let Some(batch) = next_batch(&mut waiting, batches.is_empty()).await
        {
            // Reading and compressing block: each batch is prepared on a thread of its own.
            let contents = Arc::clone(&contents);
            let prepare = move || prepared(batch, &contents, shipping, packs, largest);
            batches.push_back(tokio::task::spawn_blocking(prepare));
        }

        // In order: the ledger needs the first files first.
        let Some(next) = batches.pop_front() else { return Ok(()) };
        let batch = next.await.expect("reading does not panic");

        loop {
            // The job is removed next: no task may arrive after that.
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

/// The next batch. `wait`: waits for its first task. `None` if there is none.
async fn next_batch(waiting: &mut UnboundedReceiver<Task>, wait: bool) -> Option<Vec<Task>> {
    let first = if wait { waiting.recv().await } else { waiting.try_recv().ok() };
    let mut batch = vec![first?];

    while batch.len() < BATCH && size(&batch) < BATCH_BYTES {
        let Ok(next) = waiting.try_recv() else { break };
        batch.push(next);
    }

    Some(batch)
}

/// The bytes of all files of these tasks.
fn size(tasks: &[Task]) -> u64 {
    let files = |task: &Task| match &task.work {
        Work::Extract(extract) => extract.files.iter().map(|file| file.size).sum(),
        Work::Render(_) | Work::Nap(_) => 0,
    };

    tasks.iter().map(files).sum()
}

/// Prepares tasks for the queue. Every task comes by here, those that are pushed again included.
fn prepared(
    batch: Vec<Task>,
    contents: &Contents,
    shipping: Shipping,
    packs: bool,
    largest: Option<u64>,
) -> Vec<Task> {
    let located = batch.into_iter().map(|task| contents.locate(task));

    match shipping {
        Shipping::None => located.collect(),
        Shipping::ByPath => located.map(with_absolute_paths).collect(),
        Shipping::Content { .. } => {
            located.map(|task| with_content(task, packs, largest)).collect()
        }
    }
}

/// Makes the paths of a task absolute, as workers may run in other folders.
fn with_absolute_paths(mut task: Task) -> Task {
    if let Work::Extract(extract) = &mut task.work {
        for file in &mut extract.files {
            // It fails only without a current folder: then the path goes as it is.
            if file.content == Content::AtPath
                && let Ok(path) = std::path::absolute(file.path.as_path())
            {
                file.content = Content::At(SourcePath::from(path.as_path()));
            }
        }
    }

    task
}

/// Reads the files of a task into it.
fn with_content(mut task: Task, packs: bool, largest: Option<u64>) -> Task {
    if let Work::Extract(extract) = &mut task.work {
        let memory = extract.spec.limits.memory;
        for file in &mut extract.files {
            file.content = content(file, memory, packs, largest);
        }
    }

    task
}

fn content(file: &SourceFile, memory: u64, packs: bool, largest: Option<u64>) -> Content {
    let is_refused = matches!(file.content, Content::Unreadable(_));
    if !is_refused && largest.is_some_and(|largest| file.size > largest) {
        return Content::Unreadable(FileProblem::TooLarge(TooLarge::ToShip { size: file.size }));
    }

    match extract::read(file, memory) {
        Ok(bytes) if packs => extract::pack(bytes.into_owned()),
        Ok(bytes) => Content::Here(bytes.into_owned()),
        // The worker reports the problem, as if it had read the file itself.
        Err(problem) => Content::Unreadable(problem),
    }
}
