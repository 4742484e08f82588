//! This machine's worker: the same loop as that of `sheaf-worker`, within the coordinator's
//! process.

use std::num::NonZeroUsize;
use std::sync::Arc;

use sheaf_common::job::WorkerId;
use sheaf_common::queue::Queue;
use sheaf_worker::host::host;
use sheaf_worker::pool::Program;
use sheaf_worker::run::{self, Config, Order, Paths, Tally, WorkerError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A worker that runs beside the coordinator.
pub struct LocalWorker {
    order: watch::Sender<Order>,
    running: JoinHandle<Result<(), WorkerError>>,
    tally: Arc<Tally>,
}

impl LocalWorker {
    /// Starts a worker with this many slots, whose children are `child`.
    pub fn start<Q: Queue>(queue: &Q, slots: NonZeroUsize, child: Program) -> Self {
        let (order, orders) = watch::channel(Order::Work);

        let tally = Arc::new(Tally::default());
        let config = Config { id: WorkerId::random(&host()), slots, child, paths: Paths::Any };

        let worker = queue.worker(config.id.clone());
        LocalWorker {
            order,
            running: tokio::spawn(run::run(worker, config, orders, Arc::clone(&tally))),
            tally,
        }
    }

    /// Does something beside it, then stops it: what it holds is dropped. Returns what that came
    /// to, and what the worker has done.
    ///
    /// # Errors
    /// Why the worker stopped by itself; what was done beside it is dropped then, as it would wait
    /// for ever.
    pub async fn beside<T>(
        mut self,
        work: impl Future<Output = T>,
    ) -> Result<(T, Arc<Tally>), WorkerError> {
        let done = tokio::select! {
            done = work => done,
            stopped = &mut self.running => {
                stopped.expect("the worker does not panic")?;
                unreachable!("a worker that was not told to stop goes on until it cannot");
            }
        };

        self.order.send_replace(Order::Stop);

        // The threads of its slots may be in the middle of something: they end with this process.
        match tokio::time::timeout(run::STOPPING, self.running).await {
            Ok(stopped) => stopped.expect("the worker does not panic")?,
            Err(_) => tracing::warn!("the slots of this run are still at work"),
        }

        Ok((done, self.tally))
    }
}
