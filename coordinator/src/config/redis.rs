//! The settings of everything that uses Redis.

use std::time::Duration;

use sheaf_common::job::JobId;
use sheaf_common::queue::{QueueError, RedisConfig};

use super::{UsageError, units};
use crate::cli::{PackArg, QueueArgs, QueueCommand, RedisArgs, RunArgs, WorkersArgs};

/// The smallest budget of a run in Redis: it must hold a few tasks.
const LEAST_BUDGET: u64 = 8 << 20;

/// From this many slots on, `--pack auto` compresses files: they would fill more than half of a
/// link of 10 Gbit/s. With fewer slots, compressing costs more than sending.
const MANY_SLOTS: usize = 17;

/// The settings of a run through Redis.
#[derive(Clone)]
pub struct RedisRun {
    pub server: RedisConfig,
    /// Whether workers open the files themselves, instead of getting their bytes.
    pub by_path: bool,
    /// The number of slots from which on files are compressed before they are sent.
    pub pack_from: usize,
    /// The most bytes outstanding in Redis. `None`: it follows from the number of slots.
    pub budget: Option<u64>,
    /// How long the run waits for a worker. `None`: for ever.
    pub wait_for_workers: Option<Duration>,
}

impl RedisRun {
    /// The settings of the runs of a service: as those of `sheaf run` are by default.
    pub fn of_service(server: RedisConfig) -> Self {
        RedisRun {
            server,
            by_path: false,
            pack_from: MANY_SLOTS,
            budget: None,
            wait_for_workers: None,
        }
    }
}

impl std::fmt::Debug for RedisRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let RedisRun { server, by_path, pack_from, budget, wait_for_workers } = self;

        // The address alone: the rest of the settings holds a password.
        let address = server.address();
        write!(f, "RedisRun({address}, {by_path}, {pack_from}, {budget:?}, {wait_for_workers:?})")
    }
}

/// The settings of `sheaf workers`.
#[derive(Clone)]
pub struct WorkersConfig {
    pub server: RedisConfig,
    pub json: bool,
    /// The number of workers to expect.
    pub expect: Option<usize>,
}

impl WorkersConfig {
    /// # Errors
    /// When no Redis is named, or its settings cannot be used.
    pub fn resolve(args: &WorkersArgs) -> Result<Self, UsageError> {
        let server = server(&args.redis)?.ok_or(UsageError::NoRedis)?;
        Ok(WorkersConfig { server, json: args.json, expect: args.expect })
    }
}

/// The settings of `sheaf queue`.
#[derive(Clone)]
pub struct QueueConfig {
    pub server: RedisConfig,
    pub task: QueueTask,
}

/// What `sheaf queue` is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueTask {
    List { json: bool },
    Purge(JobId),
    PurgeAbandoned,
}

impl QueueConfig {
    /// # Errors
    /// When no Redis is named, its settings cannot be used, or the job is not a job id.
    pub fn resolve(args: &QueueArgs) -> Result<Self, UsageError> {
        let (redis, task) = match &args.command {
            None => (&args.redis, QueueTask::List { json: args.json }),
            Some(QueueCommand::Purge(purge)) => match &purge.job {
                Some(job) => (&purge.redis, QueueTask::Purge(parse_job(job)?)),
                None => (&purge.redis, QueueTask::PurgeAbandoned),
            },
        };

        Ok(QueueConfig { server: server(redis)?.ok_or(UsageError::NoRedis)?, task })
    }
}

fn parse_job(typed: &str) -> Result<JobId, UsageError> {
    // `from_str_radix` would also read a sign.
    let is_name = typed.len() == 16 && typed.bytes().all(|byte| byte.is_ascii_hexdigit());
    let job = u64::from_str_radix(typed, 16).ok().filter(|_| is_name);
    job.map(JobId).ok_or_else(|| {
        units::value("JOB", typed, "16 hexadecimal digits, as `sheaf queue` lists them")
    })
}

/// The server of the queue; `None` if no Redis is named.
///
/// # Errors
/// When the lease, the address, the queue's name or a certificate cannot be used.
pub fn server(args: &RedisArgs) -> Result<Option<RedisConfig>, UsageError> {
    let lease = units::time("--lease", &args.server.lease)?;

    let Some(settings) = args.server.settings(&args.queue, lease) else { return Ok(None) };
    RedisConfig::resolve(settings).map(Some).map_err(|error: QueueError| UsageError::Setup {
        reason: error.to_string(),
        hint: error.hint().map(String::from),
    })
}

/// The settings of a run through Redis; `None`: it stays on this machine.
///
/// # Errors
/// The first option that cannot be used, with or without Redis.
pub fn run(args: &RunArgs) -> Result<Option<RedisRun>, UsageError> {
    let budget = budget(&args.redis_budget)?;
    let server = server(&args.redis)?;
    let wait_for_workers = args.wait_for_workers.as_deref();
    let wait_for_workers =
        wait_for_workers.map(|typed| units::time("--wait-for-workers", typed)).transpose()?;

    Ok(server.map(|server| RedisRun {
        server,
        by_path: args.by_path,
        pack_from: pack_from(args.pack),
        budget,
        wait_for_workers,
    }))
}

/// Translates `--pack` into the number of slots from which on files are compressed.
fn pack_from(pack: PackArg) -> usize {
    match pack {
        PackArg::Always => 0,
        PackArg::Auto => MANY_SLOTS,
        PackArg::Never => usize::MAX,
    }
}

/// Reads `--redis-budget`; `None` for `auto`.
fn budget(typed: &str) -> Result<Option<u64>, UsageError> {
    if typed == "auto" {
        return Ok(None);
    }

    let budget = units::bytes("--redis-budget", typed)?;
    if budget < LEAST_BUDGET {
        let expected = format!("at least {} MiB", LEAST_BUDGET >> 20);
        return Err(units::value("--redis-budget", typed, &expected));
    }

    Ok(Some(budget))
}
