//! Ships tasks to the queue, beside the loop, and waits while the queue has no room. What goes along
//! with them is prepared in [`super::prepare`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sheaf_common::queue::{QueueError, Supply};
use sheaf_common::row::Block;
use sheaf_common::rows::RowsKey;
use sheaf_common::task::{Task, Work};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tracing::warn;

use super::contents::Contents;
use super::driver::{Event, PAUSE};
use super::prepare::{Prepared, Preparing};
use crate::reuse::Reuser;

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
        reuser: Option<Arc<Reuser>>,
        events: UnboundedSender<Event>,
    ) -> Self {
        let (tasks, waiting) = unbounded_channel();
        let slots = Arc::new(AtomicUsize::new(0));
        let stopping = Arc::new(AtomicBool::new(false));

        let route = Route {
            queue,
            shipping,
            contents: Arc::new(contents),
            reuser,
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
    reuser: Option<Arc<Reuser>>,
    slots: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    events: UnboundedSender<Event>,
}

async fn ship<S: Supply>(
    route: Route<S>,
    mut waiting: UnboundedReceiver<Task>,
) -> Result<(), QueueError> {
    let Route { queue, shipping, contents, reuser, slots, stopping, events } = route;
    let largest = queue.largest_file();
    let mut batches: VecDeque<JoinHandle<Prepared>> = VecDeque::new();

    loop {
        let packs = shipping.packs(slots.load(Ordering::Relaxed));
        let ready = if packs { READY_PACKED } else { READY };

        // Wait for tasks only if no batch is ready to be sent.
        while batches.len() < ready
            && let Some(batch) = next_batch(&mut waiting, &reuser, batches.is_empty()).await
        {
            let (contents, reuser) = (Arc::clone(&contents), reuser.clone());
            let preparing = Preparing { contents, reuser, shipping, packs, largest };

            // Reading and compressing block: each batch is prepared on a thread of its own.
            batches.push_back(tokio::task::spawn_blocking(move || preparing.prepare(batch)));
        }

        // In order: the ledger needs the first files first.
        let Some(next) = batches.pop_front() else { return Ok(()) };
        let Prepared { all, tasks, rows, answers } = next.await.expect("reading does not panic");

        if !bring(&queue, &stopping, &rows, &tasks).await? {
            return Ok(());
        }

        // Fails only when the run is over. The answers come first: until then the tasks are on
        // their way.
        if !answers.is_empty() {
            let _ = events.send(Event::Reused(answers));
        }
        let _ = events.send(Event::Shipped(all));
    }
}

/// Brings tasks to the queue, after the rows that they name; `false`: the shipper must stop.
async fn bring<S: Supply>(
    queue: &S,
    stopping: &AtomicBool,
    rows: &[(RowsKey, Block)],
    tasks: &[Task],
) -> Result<bool, QueueError> {
    loop {
        // The job is removed next: no task may arrive after that.
        if stopping.load(Ordering::Relaxed) {
            return Ok(false);
        }

        let brought = async {
            if !rows.is_empty() {
                queue.put_rows(rows).await?;
            }
            if !tasks.is_empty() {
                queue.push(tasks).await?;
            }
            Ok(())
        };

        match brought.await {
            Ok(()) => return Ok(true),
            Err(error @ QueueError::Unusable { .. }) => return Err(error),
            Err(error) => {
                warn!(%error, "the queue did not take tasks, trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The next batch. `wait`: waits for its first task. `None` if there is none.
async fn next_batch(
    waiting: &mut UnboundedReceiver<Task>,
    reuser: &Option<Arc<Reuser>>,
    wait: bool,
) -> Option<Vec<Task>> {
    let first = if wait { waiting.recv().await } else { waiting.try_recv().ok() };
    let mut batch = vec![first?];
    let mut bytes = size(&batch[0], reuser);

    while batch.len() < BATCH && bytes < BATCH_BYTES {
        let Ok(next) = waiting.try_recv() else { break };
        bytes += size(&next, reuser);
        batch.push(next);
    }

    Some(batch)
}

/// The bytes of all files of a task, or of the rows that may go with it.
fn size(task: &Task, reuser: &Option<Arc<Reuser>>) -> u64 {
    match &task.work {
        Work::Extract(extract) => extract.files.iter().map(|file| file.size).sum(),
        Work::Render(render) => reuser.as_ref().map_or(0, |reuser| reuser.bytes_to_load(render)),
        Work::Nap(_) => 0,
    }
}
