//! What all sides of a queue share within one process: settings, keys, and the ways to the servers.

use std::sync::Arc;

use super::blobs::Blobs;
use super::config::RedisConfig;
use super::keys::Keys;
use super::link::Link;
use super::pool::{Pool, Use};
use crate::fit;

pub struct Shared {
    pub config: RedisConfig,
    pub keys: Keys,
    /// For requests that carry small tasks and outcomes.
    pub bulk: Link,
    /// For requests that must not wait behind large ones: heartbeats.
    pub pulse: Link,
    /// For reads that block, and for what they find: each has its connection.
    pub blocking: Link,
    pub blobs: Blobs,
}

impl Shared {
    /// The queue of these settings, over connections that others may use, too.
    pub fn new(pool: &Arc<Pool>, bytes: &[Arc<Pool>], config: RedisConfig) -> Self {
        Shared {
            keys: Keys::new(config.queue(), config.bytes.len()),
            bulk: Link::new(pool, Use::Small),
            pulse: Link::new(pool, Use::Small),
            blocking: Link::new(pool, Use::Blocking),
            blobs: Blobs::new(bytes),
            config,
        }
    }

    pub fn lease_ms(&self) -> u64 {
        fit::millis(self.config.lease)
    }
}
