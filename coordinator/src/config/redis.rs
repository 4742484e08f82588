//! Where the queue is.

use std::time::Duration;

use sheaf_common::job::JobId;
use sheaf_common::queue::{QueueError, RedisConfig};

use super::{UsageError, units};
use crate::cli::{PackArg, QueueArgs, QueueCommand, RedisArgs, WorkersArgs};

/// The least that a run may have in Redis: less than a few tasks is no window at all.
const LEAST_BUDGET: u64 = 8 << 20;

/// With so many slots, the files of one run are more than half of what a link of 10 Gbit/s carries;
/// with fewer, compressing them would cost more than sending them.
const MANY_SLOTS: usize = 17;

/// The settings of a run through Redis.
#[derive(Clone)]
pub struct RedisRun {
    pub server: RedisConfig,
    /// Whether the workers open the files themselves.
    pub by_path: bool,
    /// From how many slots on files are compressed on their way.
    pub pack_from: usize,
    /// How many bytes may be outstanding in Redis; `None`: as many as the slots call for.
    pub budget: Option<u64>,
    /// How long the run waits for somebody to work; `None`: for ever.
    pub wait_for_workers: Option<Duration>,
}

impl std::fmt::Debug for RedisRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let RedisRun { server, by_path, pack_from, budget, wait_for_workers } = self;
        let address = server.address();
        write!(f, "RedisRun({address}, {by_path}, {pack_from}, {budget:?}, {wait_for_workers:?})")
    }
}

/// The settings of `sheaf workers`.
#[derive(Clone)]
pub struct WorkersConfig {
    pub server: RedisConfig,
    pub json: bool,
    /// How many workers there are to be.
    pub expect: Option<usize>,
}

impl WorkersConfig {
    /// # Errors
    /// When no Redis is named, or what is said about it cannot be used.
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

/// The task of `sheaf queue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueTask {
    List { json: bool },
    Purge(JobId),
    PurgeAbandoned,
}

impl QueueConfig {
    /// # Errors
    /// When no Redis is named, what is said about it cannot be used, or a job is no job's name.
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

/// Where the queue is, if it is in Redis.
///
/// # Errors
/// When the address, the queue's name or a certificate cannot be used.
pub fn server(args: &RedisArgs) -> Result<Option<RedisConfig>, UsageError> {
    let lease = units::time("--lease", &args.server.lease)?;

    let Some(settings) = args.server.settings(&args.queue, lease) else { return Ok(None) };
    RedisConfig::resolve(settings).map(Some).map_err(|error: QueueError| UsageError::Setup {
        reason: error.to_string(),
        hint: error.hint().map(String::from),
    })
}

/// From how many slots on files are compressed on their way, by `--pack`.
pub fn pack_from(pack: PackArg) -> usize {
    match pack {
        PackArg::Always => 0,
        PackArg::Auto => MANY_SLOTS,
        PackArg::Never => usize::MAX,
    }
}

/// Reads `--wait-for-workers`.
pub fn wait_for_workers(typed: Option<&str>) -> Result<Option<Duration>, UsageError> {
    typed.map(|typed| units::time("--wait-for-workers", typed)).transpose()
}

/// Reads `--redis-budget`.
pub fn budget(typed: &str) -> Result<Option<u64>, UsageError> {
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
