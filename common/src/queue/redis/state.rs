//! The state that all handles of a queue share within one process: settings, keys, links to
//! servers.

use std::sync::Arc;

use super::blobs::Blobs;
use super::config::RedisConfig;
use super::keys::Keys;
use super::link::Link;
use super::own_jobs::OwnJobs;
use super::pool::{Pool, Use};
use crate::fit;

pub struct Shared {
    pub config: RedisConfig,
    pub keys: Keys,
    /// For requests that carry no blobs: they must not wait behind those that do.
    pub small: Link,
    /// For reads that block: each has its own connection.
    pub blocking: Link,
    pub blobs: Blobs,
    /// The jobs of this process.
    pub jobs: OwnJobs,
}

impl Shared {
    /// The queue of these settings, over pools that other queues may share.
    pub fn new(pool: &Arc<Pool>, bytes: &[Arc<Pool>], config: RedisConfig) -> Self {
        Shared {
            keys: Keys::new(config.queue(), config.bytes.len()),
            small: Link::new(pool, Use::Small),
            blocking: Link::new(pool, Use::Blocking),
            blobs: Blobs::new(bytes),
            jobs: OwnJobs::default(),
            config,
        }
    }

    pub fn lease_ms(&self) -> u64 {
        fit::millis(self.config.lease)
    }
}
