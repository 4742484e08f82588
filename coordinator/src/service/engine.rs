//! The queue of all jobs, and the worker of this machine.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sheaf_common::queue::{MemoryQueue, QueueError, RedisQueue, WorkerSeen};
use sheaf_worker::pool::Program;
use sheaf_worker::run::Tally;
use tokio::sync::watch;
use tracing::{error, warn};

use crate::config::RedisRun;
use crate::errors::Failure;
use crate::local::LocalWorker;
use crate::run::{Finished, Run, Share};

/// The pause before this machine's worker is started again after it failed.
const PAUSE: Duration = Duration::from_secs(10);

/// Runs all jobs on one queue.
pub struct Engine {
    queue: AnyQueue,
    share: Share,
    slots: Option<NonZeroUsize>,
    child: Program,
    own: Mutex<Own>,
}

enum AnyQueue {
    Memory(MemoryQueue),
    Redis(Box<RedisQueue>),
}

/// This machine's worker.
#[derive(Default)]
struct Own {
    tally: Option<Arc<Tally>>,
    /// Why it does not work.
    trouble: Option<String>,
}

impl Engine {
    /// Without Redis, this machine does all the work with `slots`, at least one.
    pub fn in_memory(slots: NonZeroUsize, child: Program) -> Self {
        Engine {
            queue: AnyQueue::Memory(MemoryQueue::default()),
            share: Share::of_memory(slots),
            slots: Some(slots),
            child,
            own: Mutex::default(),
        }
    }

    /// Through Redis; this machine works too if it has slots. Connects with the first call.
    pub fn over_redis(settings: &RedisRun, slots: Option<NonZeroUsize>, child: Program) -> Self {
        let queue = RedisQueue::lazy(settings.server.clone());

        Engine {
            queue: AnyQueue::Redis(Box::new(queue)),
            share: Share::of_redis(settings, slots.map_or(0, NonZeroUsize::get)),
            slots,
            child,
            own: Mutex::default(),
        }
    }

    /// Runs a job to its end.
    ///
    /// # Errors
    /// Those of [`Run::execute_on`].
    pub async fn execute(&self, run: Run) -> Result<Finished, Failure> {
        match &self.queue {
            AnyQueue::Memory(queue) => run.execute_on(queue, &self.share).await,
            AnyQueue::Redis(queue) => run.execute_on(queue.as_ref(), &self.share).await,
        }
    }

    /// The program of the slots' children.
    pub fn child(&self) -> Program {
        self.child.clone()
    }

    /// How many files this machine reads at once.
    pub fn own_slots(&self) -> usize {
        self.slots.map_or(0, NonZeroUsize::get)
    }

    /// The tally of this machine's worker; `None`: it does not work.
    pub fn own_tally(&self) -> Option<Arc<Tally>> {
        self.own.lock().expect("no holder of this lock panics").tally.clone()
    }

    /// Why this machine's worker does not work.
    pub fn own_trouble(&self) -> Option<String> {
        self.own.lock().expect("no holder of this lock panics").trouble.clone()
    }

    /// The address of Redis, without a password; `None`: the queue is in this process.
    pub fn redis(&self) -> Option<&str> {
        match &self.queue {
            AnyQueue::Memory(_) => None,
            AnyQueue::Redis(queue) => Some(queue.address()),
        }
    }

    /// Whether the queue can be used.
    ///
    /// # Errors
    /// Why it cannot.
    pub async fn check(&self) -> Result<(), QueueError> {
        match &self.queue {
            AnyQueue::Memory(_) => Ok(()),
            AnyQueue::Redis(queue) => queue.check().await,
        }
    }

    /// The workers elsewhere.
    ///
    /// # Errors
    /// Those of the queue.
    pub async fn workers(&self) -> Result<Vec<WorkerSeen>, QueueError> {
        match &self.queue {
            AnyQueue::Memory(_) => Ok(Vec::new()),
            AnyQueue::Redis(queue) => queue.workers().await,
        }
    }

    /// Runs this machine's worker until `stop` is true. One that fails is started again.
    pub async fn work(&self, mut stop: watch::Receiver<bool>) {
        let Some(slots) = self.slots else { return };

        while !*stop.borrow() {
            let mut worker = match &self.queue {
                AnyQueue::Memory(queue) => LocalWorker::start(queue, slots, self.child()),
                AnyQueue::Redis(queue) => LocalWorker::start(queue.as_ref(), slots, self.child()),
            };
            self.set_own(Own { tally: Some(Arc::clone(worker.tally())), trouble: None });

            let failed = tokio::select! {
                failed = worker.failed() => failed,
                () = stopped(&mut stop) => {
                    if let Err(error) = worker.stop().await {
                        warn!(%error, "this machine's worker did not stop cleanly");
                    }
                    break;
                }
            };

            // Its tasks go to others, or to its successor, when their leases end.
            error!(error = %failed, "this machine's worker failed, starting it again");
            self.set_own(Own { tally: None, trouble: Some(failed.to_string()) });
            let _ = tokio::time::timeout(PAUSE, stopped(&mut stop)).await;
        }

        self.set_own(Own::default());
    }

    fn set_own(&self, own: Own) {
        *self.own.lock().expect("no holder of this lock panics") = own;
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Whoever could say it is gone: that is a stop, too.
    let _ = stop.wait_for(|stop| *stop).await;
}
