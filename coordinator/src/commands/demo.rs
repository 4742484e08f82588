//! `sheaf demo`.

use std::hash::{BuildHasher, RandomState};
use std::io;

use sheaf::cli::DemoArgs;
use sheaf::config::DemoConfig;
use sheaf::errors::{Exit, Failure};
use sheaf::local::LocalWorker;
use sheaf::{demo, run};
use sheaf_common::job::JobId;
use sheaf_common::queue::{JobQueue, MemoryQueue, Queue, RedisQueue};
use sheaf_worker::pool::Program;

use super::SLOT;
use crate::process::block_on;

/// Runs some sleeping tasks through a queue.
pub fn demo(args: &DemoArgs) -> Result<Exit, Failure> {
    // Each `RandomState` has its own random keys: a seed without another dependency.
    let config = DemoConfig::resolve(args, RandomState::new().hash_one(0))?;

    block_on(async {
        match config.redis.clone() {
            None => demo_on(&MemoryQueue::default(), &config).await,
            Some(server) => {
                let queue = RedisQueue::connect(server).await.map_err(run::queue_failed)?;
                demo_on(&queue, &config).await
            }
        }
    })?;

    Ok(Exit::Done)
}

async fn demo_on<Q: Queue>(queue: &Q, config: &DemoConfig) -> Result<(), Failure> {
    let job = JobId::random();
    let mut job_queue = queue.job(job, run::owner("(demo)"));
    job_queue.open().await.map_err(run::queue_failed)?;

    let worker =
        config.processes.map(|slots| LocalWorker::start(queue, slots, Program::this(SLOT)));

    let mut out = io::stdout();
    let mut err = io::stderr();
    let demo = demo::demo(&mut job_queue, job, config, &mut out, &mut err);

    // The worker stops when the demo ends; without one, others do the naps.
    let done = match worker {
        Some(worker) => worker.beside(demo).await.map_err(run::worker_failed)?.0,
        None => demo.await,
    };

    done.map_err(|error| Failure::new(Exit::CouldNotRun, error))
}
