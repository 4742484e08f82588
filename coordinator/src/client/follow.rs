//! Follows a job until it is finished, whatever happens to the connection.

use std::time::{Duration, Instant};

use super::calls::job_path;
use super::events::Event;
use super::http::Server;
use super::settings::SILENCE;
use super::{ClientError, Patience};
use crate::api::{Job, JobId, NoticeEvent, ProblemCode, State};

/// The pause after a stream that just ended: some may do so again and again.
const BETWEEN: Duration = Duration::from_millis(250);

/// What is seen of a job.
#[derive(Debug)]
pub enum Seen<'a> {
    /// How it is now.
    Job(&'a Job),
    /// An incident of its run.
    Notice(&'a NoticeEvent),
    /// The service is away; said once.
    Lost(&'a ClientError),
    /// It is there again.
    Back,
}

/// A job that is followed.
#[derive(Debug, Clone)]
pub struct Followed {
    pub id: JobId,
    /// When to give up; `None`: never.
    pub deadline: Option<Instant>,
    /// How long the service may be away.
    pub patience: Patience,
}

/// How a connection ended.
enum End {
    Finished(Box<Job>),
    /// It broke, or the service closed it. `heard`: something came before.
    Cut {
        error: Option<ClientError>,
        heard: bool,
    },
}

/// Follows a job until it is finished, and returns it. `see` is called with everything that
/// happens to it.
///
/// # Errors
/// There is no such job, it was removed, the service has been away for too long, or the deadline
/// has passed.
pub fn follow(
    server: &Server,
    followed: &Followed,
    see: &mut dyn FnMut(Seen<'_>),
) -> Result<Job, ClientError> {
    let mut patience = followed.patience.clone();
    let mut state = State::Queued;
    let mut known = false;
    let mut is_lost = false;

    loop {
        let mut see_and_remember = |seen: Seen<'_>| {
            if let Seen::Job(job) = &seen {
                state = job.state;
                if std::mem::take(&mut is_lost) {
                    see(Seen::Back);
                }
            }
            see(seen);
        };

        let end = listen(server, followed, &mut see_and_remember);
        let (error, heard) = match end {
            Ok(End::Finished(job)) => return Ok(*job),
            Ok(End::Cut { error, heard }) => (error, heard),
            Err(error) => (Some(error), false),
        };

        known |= heard;
        if heard {
            patience.is_rewarded();
        }
        if followed.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(ClientError::TimeIsOver { job: followed.id.clone(), state: state.word() });
        }

        // A stream that just ends, as at the time limit of a proxy, is nothing to speak of.
        let Some(error) = error else {
            std::thread::sleep(BETWEEN);
            continue;
        };
        let error = match error.code() {
            // It was there before.
            Some(ProblemCode::NotFound) if known => ClientError::Removed(followed.id.clone()),
            _ => error,
        };

        // Whoever asks for the first time wants an answer now.
        if !known || !error.is_temporary() {
            return Err(error);
        }
        if !heard && !is_lost {
            is_lost = true;
            see(Seen::Lost(&error));
        }
        patience.pause(error)?;
    }
}

/// Listens to one connection.
fn listen(
    server: &Server,
    followed: &Followed,
    see: &mut dyn FnMut(Seen<'_>),
) -> Result<End, ClientError> {
    let path = job_path(&followed.id, "/events");
    let mut events = server.events(path, Some(silence(followed.deadline)))?;

    let mut heard = false;
    loop {
        let event = match events.next() {
            Ok(Some(event)) => event,
            // Closed without a word: a service that stops does so. The next attempt tells.
            Ok(None) if heard => return Ok(End::Cut { error: None, heard }),
            Ok(None) => return Err(server.away("it closed the connection".into())),
            Err(error) => {
                return Ok(End::Cut { error: Some(server.broken(&error)), heard });
            }
        };

        heard = true;
        match take(server, followed, &event)? {
            Some(Taken::Job(job)) => {
                see(Seen::Job(&job));
                if job.state.is_finished() {
                    return Ok(End::Finished(job));
                }
            }
            Some(Taken::Notice(notice)) => see(Seen::Notice(&notice)),
            None => {}
        }

        if followed.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(End::Cut { error: None, heard });
        }
    }
}

/// What an event says.
enum Taken {
    Job(Box<Job>),
    Notice(NoticeEvent),
}

fn take(server: &Server, followed: &Followed, event: &Event) -> Result<Option<Taken>, ClientError> {
    let wrong = |error: serde_json::Error| server.strange(error.to_string());
    match event.name.as_str() {
        "job" => Ok(Some(Taken::Job(serde_json::from_str(&event.data).map_err(wrong)?))),
        "notice" => Ok(Some(Taken::Notice(serde_json::from_str(&event.data).map_err(wrong)?))),
        "removed" => Err(ClientError::Removed(followed.id.clone())),
        // Events of the future.
        _ => Ok(None),
    }
}

/// How long a connection may be silent.
fn silence(deadline: Option<Instant>) -> Duration {
    let left =
        deadline.map_or(SILENCE, |deadline| deadline.saturating_duration_since(Instant::now()));

    // Zero would mean no limit.
    left.min(SILENCE).max(Duration::from_millis(1))
}
