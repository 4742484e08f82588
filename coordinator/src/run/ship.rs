//! Puts tasks on the queue, beside the loop: reads the files that are to be shipped, and waits where the queue has no room.

use std::collections::HashSet;

use sheaf_common::job::TaskId;
use sheaf_common::queue::{Queue, QueueError};
use sheaf_common::task::{Content, SourceFile, SourcePath, Task, Work};
use sheaf_worker::extract;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, JoinSet};

use super::drive::pause;

/// The largest file that is shipped: a value of Redis holds 512 MiB.
const LARGEST: u64 = 500 << 20;

/// How the workers get at the bytes of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shipping {
    /// They are threads of this process, and open the paths themselves.
    None,
    /// They open the paths themselves, wherever they are.
    ByPath,
    /// The bytes go with the tasks.
    Content,
}

/// The way to the queue for tasks; dropping it drops those that are not on the queue yet.
pub struct Shipper {
    tasks: UnboundedSender<Task>,
    shipped: UnboundedReceiver<TaskId>,
    under_way: HashSet<TaskId>,
    running: JoinHandle<Result<(), QueueError>>,
}

impl Shipper {
    pub fn start<Q: Queue>(queue: Q, shipping: Shipping) -> Self {
        let (tasks, waiting) = unbounded_channel();
        let (shipped_in, shipped) = unbounded_channel();
        let running = tokio::spawn(ship(queue, shipping, waiting, shipped_in));
        Shipper { tasks, shipped, under_way: HashSet::new(), running }
    }

    /// Sends a task on its way.
    pub fn send(&mut self, task: Task) {
        self.under_way.insert(task.id);
        let _ = self.tasks.send(task); // Fails only after an error, which `check` tells.
    }

    /// Those of `tasks` that must be on the queue by now.
    pub fn arrived(&mut self, tasks: Vec<TaskId>) -> Vec<TaskId> {
        while let Ok(task) = self.shipped.try_recv() {
            self.under_way.remove(&task);
        }
        tasks.into_iter().filter(|task| !self.under_way.contains(task)).collect()
    }

    /// # Errors
    /// Why no task can be sent any more.
    pub async fn check(&mut self) -> Result<(), QueueError> {
        if self.running.is_finished() { (&mut self.running).await.expect("the shipper does not panic") } else { Ok(()) }
    }
}

impl Drop for Shipper {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// The most tasks of one call, as far as they are small.
const BATCH: usize = 64;
/// The most bytes of one call, unless one task has more.
const BATCH_BYTES: u64 = 1 << 20;
/// How many calls are under way at once, so that more than one core reads and sends.
const CALLS: usize = 4;

async fn ship<Q: Queue>(
    queue: Q,
    shipping: Shipping,
    mut waiting: UnboundedReceiver<Task>,
    shipped: UnboundedSender<TaskId>,
) -> Result<(), QueueError> {
    let mut calls = JoinSet::new();
    while let Some(first) = waiting.recv().await {
        while calls.len() >= CALLS
            && let Some(call) = calls.join_next().await
        {
            call.expect("a call does not panic")?;
        }
        let mut batch = vec![first];
        while batch.len() < BATCH && size(&batch) < BATCH_BYTES {
            let Ok(next) = waiting.try_recv() else { break };
            batch.push(next);
        }
        calls.spawn(push(queue.clone(), shipping, batch, shipped.clone()));
    }
    while let Some(call) = calls.join_next().await {
        call.expect("a call does not panic")?;
    }
    Ok(())
}

/// The bytes of all files of some tasks.
fn size(tasks: &[Task]) -> u64 {
    let files = |task: &Task| match &task.work {
        Work::Extract(extract) => extract.files.iter().map(|file| file.size).sum(),
        Work::Render(_) | Work::Nap(_) => 0,
    };
    tasks.iter().map(files).sum()
}

/// Makes tasks ready for the queue and puts them on it; tries again until they are.
async fn push<Q: Queue>(
    queue: Q,
    shipping: Shipping,
    batch: Vec<Task>,
    shipped: UnboundedSender<TaskId>,
) -> Result<(), QueueError> {
    let batch = match shipping {
        Shipping::None => batch,
        Shipping::ByPath => batch.into_iter().map(with_absolute_paths).collect(),
        Shipping::Content => {
            let read = move || batch.into_iter().map(with_content).collect::<Vec<_>>();
            tokio::task::spawn_blocking(read).await.expect("reading does not panic")
        }
    };
    let ids: Vec<TaskId> = batch.iter().map(|task| task.id).collect();
    while let Err(error) = queue.push(&batch).await {
        pause(error).await?;
    }
    for id in ids {
        let _ = shipped.send(id); // Fails only when the loop has ended, and this with it.
    }
    Ok(())
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
fn with_content(mut task: Task) -> Task {
    if let Work::Extract(extract) = &mut task.work {
        let memory = extract.spec.limits.memory;
        extract.files.iter_mut().for_each(|file| file.content = content(file, memory));
    }
    task
}

fn content(file: &SourceFile, memory: u64) -> Content {
    if file.size > LARGEST {
        let reason = format!("too large to be shipped through Redis ({} MiB): see --by-path", file.size >> 20);
        return Content::Unreadable { reason };
    }
    match extract::read(file, memory) {
        Ok(bytes) => Content::Here(bytes.into_owned()),
        Err(reason) => Content::Unreadable { reason },
    }
}
