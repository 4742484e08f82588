//! What happens, for those who watch.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::api::{Job, JobId, NoticeEvent};

/// The most news that a watcher may be behind. After that it begins anew with the present state.
const BEHIND: usize = 1024;

/// A piece of news.
#[derive(Debug, Clone)]
pub enum News {
    /// A job as it is now.
    Job(Arc<Job>),
    /// An incident of a job's run.
    Notice(JobId, NoticeEvent),
    /// A job is gone.
    Removed(JobId),
}

impl News {
    /// The job that it is about.
    pub fn job(&self) -> &JobId {
        match self {
            News::Job(job) => &job.id,
            News::Notice(id, _) | News::Removed(id) => id,
        }
    }
}

/// Spreads news to all watchers.
#[derive(Debug)]
pub struct Feed {
    sender: broadcast::Sender<News>,
}

impl Default for Feed {
    fn default() -> Self {
        Feed { sender: broadcast::Sender::new(BEHIND) }
    }
}

impl Feed {
    /// Tells all watchers; nobody may be there.
    pub fn tell(&self, news: News) {
        let _ = self.sender.send(news);
    }

    /// A watcher, which hears everything from now on.
    pub fn watch(&self) -> broadcast::Receiver<News> {
        self.sender.subscribe()
    }
}
