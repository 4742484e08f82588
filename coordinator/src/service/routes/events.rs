//! Server-sent events: what happens to one job, or to all.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{FromRef, Path, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{Job, JobId, Problem, RemovedEvent, ServerSentEvent, Service, WorkerPage};
use crate::service::contents::Contents;
use crate::service::core::Core;
use crate::service::feed::News;
use crate::service::http::auth::Access;
use crate::service::http::problem::Answer;
use crate::service::jobs::JobError;

/// The interval at which the service and its workers are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// The interval of signs of life while nothing happens.
const ALIVE: Duration = Duration::from_secs(15);

pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Core>: FromRef<S>,
    Arc<Contents>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(of_all)).routes(routes!(of_job))
}

/// What happens to one job: `job` at once and with every change, `notice`, `removed`.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/events",
    tag = "events",
    params(("id" = JobId, Path, description = "The id of the job")),
    responses(
        (status = 200, description = "Server-sent events: `job` (Job), `notice` (NoticeEvent), `removed` (RemovedEvent)", body = ServerSentEvent, content_type = "text/event-stream"),
        (status = 404, description = "There is no such job", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn of_job(State(core): State<Arc<Core>>, Path(id): Path<JobId>) -> Answer<impl IntoResponse> {
    // Watched before it is looked at, so that nothing in between is missed.
    let news = core.jobs.feed.watch();
    let job = core.jobs.get(&id)?;
    let notices = core.jobs.notices(&id)?;

    let first = notices.iter().map(|notice| event("notice", notice));
    let first: Vec<Event> = first.chain([event("job", &job)]).collect();
    let later = stream::unfold((core, id, news), |(core, id, mut news)| async move {
        let event = next_of(&core, &id, &mut news).await?;
        Some((event, (core, id, news)))
    });

    Ok(answer(stream::iter(first).chain(later)))
}

/// The next event of one job; `None`: it was removed before.
async fn next_of(core: &Core, id: &JobId, news: &mut Receiver<News>) -> Option<Event> {
    loop {
        match news.recv().await {
            Ok(piece) if piece.job() == id => return Some(event_of(&piece)),
            Ok(_) => {}
            // This client is too slow: it hears how things are now.
            Err(RecvError::Lagged(_)) => {
                return match core.jobs.get(id) {
                    Ok(job) => Some(event("job", &job)),
                    Err(JobError::Unknown(_)) | Err(_) => None,
                };
            }
            Err(RecvError::Closed) => return None,
        }
    }
}

/// What happens to all jobs: `job` for each active one at once and with every change, `removed`,
/// `notice` without the job's name, `workers` and `service` when they change.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "events",
    responses(
        (status = 200, description = "Server-sent events: `job` (Job), `removed` (RemovedEvent), `workers` (WorkerPage), `service` (Service)", body = ServerSentEvent, content_type = "text/event-stream"),
    )
)]
async fn of_all(
    State(core): State<Arc<Core>>,
    State(contents): State<Arc<Contents>>,
    Extension(access): Extension<Access>,
) -> impl IntoResponse {
    let news = core.jobs.feed.watch();
    let first: Vec<Event> = core.jobs.active().iter().map(|job| event("job", job)).collect();

    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watcher = Watcher {
        core,
        largest: contents.limits().largest,
        may_write: access == Access::Full,
        news,
        looks,
        service: None,
        workers: None,
        ready: Vec::new(),
    };
    let later = stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((event, watcher))
    });

    answer(stream::iter(first).chain(later))
}

/// Watches everything for one client.
struct Watcher {
    core: Arc<Core>,
    largest: u64,
    may_write: bool,
    news: Receiver<News>,
    looks: Interval,
    /// What the client was told last.
    service: Option<Service>,
    workers: Option<WorkerPage>,
    /// Events to be sent, the last first.
    ready: Vec<Event>,
}

impl Watcher {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop() {
                return Some(event);
            }

            tokio::select! {
                piece = self.news.recv() => match piece {
                    // They say not which job they are of: those who want them watch the job.
                    Ok(News::Notice(..)) => {}
                    Ok(piece) => return Some(event_of(&piece)),
                    Err(RecvError::Lagged(_)) => {
                        let active = self.core.jobs.active();
                        self.ready = active.iter().rev().map(|job| event("job", job)).collect();
                    }
                    Err(RecvError::Closed) => return None,
                },
                _ = self.looks.tick() => self.look(),
            }
        }
    }

    /// Gets ready what has changed of the service and its workers.
    fn look(&mut self) {
        let service = self.core.seen(self.may_write, self.largest);
        if self.service.as_ref() != Some(&service) {
            self.ready.push(event("service", &service));
            self.service = Some(service);
        }

        // A queue that cannot be asked shows elsewhere.
        let Some(workers) = self.core.seen_workers() else { return };
        let workers = WorkerPage { workers };
        if self.workers.as_ref() != Some(&workers) {
            self.ready.push(event("workers", &workers));
            self.workers = Some(workers);
        }
    }
}

fn event_of(news: &News) -> Event {
    match news {
        News::Job(job) => event::<Job>("job", job),
        News::Notice(_, notice) => event("notice", notice),
        News::Removed(id) => event("removed", &RemovedEvent { id: id.clone() }),
    }
}

fn event<T: serde::Serialize>(name: &str, data: &T) -> Event {
    let json = serde_json::to_string(data).expect("texts and numbers are JSON");
    Event::default().event(name).data(json)
}

fn answer(events: impl Stream<Item = Event> + Send + 'static) -> impl IntoResponse {
    let events = events.map(Ok::<_, Infallible>);
    Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;
    use http_body_util::BodyExt;

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken_by_comments() {
        let first = stream::once(async { event("removed", &[1]) });
        let later = stream::once(async {
            tokio::time::sleep(ALIVE + Duration::from_secs(1)).await;
            event("removed", &[2])
        });
        let mut body = answer(first.chain(later)).into_response().into_body();

        let mut next = async || body.frame().await.map(|frame| frame.unwrap().into_data().unwrap());
        assert_eq!(next().await.unwrap(), "event: removed\ndata: [1]\n\n");
        assert_eq!(next().await.unwrap(), ":\n\n");
        assert_eq!(next().await.unwrap(), "event: removed\ndata: [2]\n\n");
        assert_eq!(next().await, None);
    }
}
