//! `sheaf workers` and `sheaf queue`: what is in Redis.

use sheaf::cli::{QueueArgs, WorkersArgs};
use sheaf::config::{QueueConfig, QueueTask, WorkersConfig};
use sheaf::errors::{Exit, Failure};
use sheaf::jobs::{self, Purged};
use sheaf::{run, workers};
use sheaf_common::queue::RedisQueue;

use super::print_failed;
use crate::process::{block_on, stdout};

/// Lists the workers of a queue.
pub fn workers(args: &WorkersArgs) -> Result<Exit, Failure> {
    let config = WorkersConfig::resolve(args)?;

    block_on(async {
        let queue = RedisQueue::connect(config.server.clone()).await.map_err(run::queue_failed)?;
        let workers = queue.workers().await.map_err(run::queue_failed)?;

        let print = if config.json { workers::print_json } else { workers::print_table };
        print(&workers, &mut stdout()).map_err(print_failed)?;
        workers::check(&workers, config.expect)
    })
}

/// Lists the jobs of a queue, or removes some.
pub fn queue(args: &QueueArgs) -> Result<Exit, Failure> {
    let config = QueueConfig::resolve(args)?;

    block_on(async {
        let queue = RedisQueue::connect(config.server.clone()).await.map_err(run::queue_failed)?;
        let job = match config.task {
            QueueTask::List { json } => {
                let jobs = queue.jobs().await.map_err(run::queue_failed)?;
                let print = if json { jobs::print_json } else { jobs::print_table };
                return print(&jobs, &mut stdout()).map_err(print_failed);
            }
            QueueTask::Purge(job) => Some(job),
            QueueTask::PurgeAbandoned => None,
        };

        match jobs::purge(&queue, job).await.map_err(run::queue_failed)? {
            Purged::Removed(jobs) => jobs::print_purged(&jobs, &mut stdout()).map_err(print_failed),
            Purged::Unknown(job) => {
                let error = anyhow::anyhow!(
                    "there is no job {job} on the queue `{}`",
                    config.server.queue()
                );

                Err(Failure::new(Exit::CouldNotRun, error)
                    .with_hint("`sheaf queue` lists the jobs that are there"))
            }
        }
    })?;

    Ok(Exit::Done)
}
