//! This machine's worker: the loop of `sheaf-worker`, inside the coordinator's process.

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
    /// Starts a worker with this many slots. Their child processes run `child`.
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

    /// Waits until the worker stops by itself, and says why: then nothing does the tasks of a queue
    /// in memory. May be dropped and called again; after its return, the worker must be dropped.
    pub async fn failed(&mut self) -> WorkerError {
        let stopped = (&mut self.running).await.expect("the worker does not panic");
        stopped.expect_err("a worker without an order to stop ends only by an error")
    }

    /// What it has done so far.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Stops the worker: what it holds goes back to the queue. Returns its tally.
    ///
    /// # Errors
    /// Why the worker had stopped by itself.
    pub async fn stop(self) -> Result<Arc<Tally>, WorkerError> {
        self.order.send_replace(Order::Stop);

        // A thread of a slot may be busy for longer: it ends with this process.
        match tokio::time::timeout(run::STOPPING, self.running).await {
            Ok(stopped) => stopped.expect("the worker does not panic")?,
            Err(_) => tracing::warn!("the slots of this process are still at work"),
        }

        Ok(self.tally)
    }

    /// Does `work` while the worker runs, then stops the worker and drops its tasks. Returns the
    /// result of `work`, and the worker's tally.
    ///
    /// # Errors
    /// Why the worker stopped by itself. `work` is dropped then, as it would wait for ever.
    pub async fn beside<T>(
        mut self,
        work: impl Future<Output = T>,
    ) -> Result<(T, Arc<Tally>), WorkerError> {
        // A worker that stops by itself has failed, and nothing would do its tasks.
        let done = tokio::select! {
            done = work => done,
            error = self.failed() => return Err(error),
        };

        Ok((done, self.stop().await?))
    }
}
