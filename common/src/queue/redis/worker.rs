//! A worker's side of the queue.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::of_worker::OfWorker;
use super::registry::{Activity, WorkerInfo};
use super::state::Shared;
use super::unconfirmed::Unconfirmed;
use super::{complete, extend, lease, listen, notify, past, registry, release, rows};
use crate::job::WorkerId;
use crate::outcome::Outcome;
use crate::queue::{
    Completed, Completion, Known, Lease, Leased, Past, QueueError, Stashing, Traits, WorkQueue,
};
use crate::row::Block;
use crate::rows::RowsKey;

/// How long a completion waits for others: a call costs the server and the worker about as much as
/// ten tasks do.
const LINGER: Duration = Duration::from_millis(4);

/// A worker's side of the queue, of all jobs of this version. Cheap to clone.
#[derive(Clone)]
pub struct RedisWorker(Arc<OfWorker>);

impl RedisWorker {
    pub(super) fn new(shared: &Arc<Shared>, id: WorkerId, listed: Option<WorkerInfo>) -> Self {
        let bells = [None, Some(id.0.as_str())].map(|addressee| shared.keys.bell(addressee));
        RedisWorker(Arc::new(OfWorker {
            shared: Arc::clone(shared),
            id,
            listed,
            bells,
            is_empty: AtomicBool::new(false),
            is_woken: AtomicBool::new(false),
            unconfirmed: Unconfirmed::default(),
        }))
    }

    /// Announces the worker, which is then listed for 30 s. Does nothing for a worker that is not
    /// in the registry.
    ///
    /// # Errors
    /// As the methods of [`WorkQueue`].
    pub async fn announce(&self, activity: Activity) -> Result<(), QueueError> {
        match &self.0.listed {
            Some(info) => registry::announce(&self.0.shared, info, activity).await,
            None => Ok(()),
        }
    }

    /// Takes the worker off the registry.
    ///
    /// # Errors
    /// As the methods of [`WorkQueue`].
    pub async fn leave(&self) -> Result<(), QueueError> {
        registry::leave(&self.0.shared, &self.0.id).await
    }

    /// How many bytes of tasks and rows have arrived so far: while this grows, the queue is alive.
    pub fn received(&self) -> u64 {
        self.0.shared.blobs.received()
    }
}

impl WorkQueue for RedisWorker {
    fn traits(&self) -> Traits {
        // The death of a worker that is not in the registry would go unnoticed, and so would the
        // loss of rows that it alone has.
        let stashing = if self.0.listed.is_some() { Stashing::Alone } else { Stashing::Copies };

        Traits { lease: self.0.shared.config.lease, linger: LINGER, stashing }
    }

    async fn listen(&self, longest: Duration) -> Result<(), QueueError> {
        listen::listen(&self.0, longest).await
    }

    async fn lease(&self, most: usize) -> Result<Vec<Leased>, QueueError> {
        lease::lease(&self.0, most).await
    }

    async fn extend_if_held(&self, leases: Vec<Lease>) -> Result<Vec<Lease>, QueueError> {
        extend::extend(&self.0.shared, leases).await
    }

    async fn complete_if_held(
        &self,
        completions: &[Completion],
    ) -> Result<Vec<Completed>, QueueError> {
        complete::complete(&self.0.shared, completions).await
    }

    async fn release_if_held(&self, leases: Vec<Lease>) -> Result<(), QueueError> {
        release::release(&self.0.shared, leases).await
    }

    async fn rows(&self, keys: Vec<RowsKey>) -> Result<Vec<Option<Block>>, QueueError> {
        rows::fetch(&self.0.shared, &keys).await
    }

    async fn hand_over(&self, rows: &[(RowsKey, Block)]) -> Result<(), QueueError> {
        rows::hand_over(&self.0.shared, rows).await
    }

    async fn notify(&self, news: Outcome) -> Result<(), QueueError> {
        notify::notify(&self.0.shared, news).await
    }

    async fn past(&self, lease: &Lease, previous: Option<&WorkerId>) -> Result<Known, QueueError> {
        past::past(&self.0.shared, lease, previous).await
    }

    async fn note_if_held(&self, lease: &Lease, past: &Past) -> Result<bool, QueueError> {
        past::note(&self.0.shared, lease, past).await
    }

    async fn give_back_if_held(&self, lease: &Lease, past: &Past) -> Result<(), QueueError> {
        past::give_back(&self.0.shared, lease, past).await
    }

    async fn has_others(&self) -> Result<bool, QueueError> {
        self.0.shared.has_other_workers(&self.0.id).await
    }
}
