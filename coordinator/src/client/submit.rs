//! A new job.

use std::io::{Read, Seek, SeekFrom, Write};

use serde::Serialize;
use ureq::SendBody;
use ureq::http::{Method, StatusCode};

use super::http::Ask;
use super::upload::{Listed, Meter, Upload};
use super::{ClientError, Patience, Server};
use crate::api::{
    FailureBudget, InputPaths, Job, JobId, JobOptions, Priority, ProblemCode, Service,
};

/// The size at which the description of a job goes to disk: a list of a million files is large.
const IN_MEMORY: usize = 8 << 20;
/// How often contents that the service removed meanwhile are sent again.
const AGAIN: usize = 3;

/// What a job is, apart from its files.
#[derive(Debug, Clone)]
pub struct Described {
    pub id: Option<JobId>,
    pub name: Option<String>,
    pub priority: Priority,
    pub max_failures: Option<FailureBudget>,
    pub options: JobOptions,
}

/// [`crate::api::NewJob`] with borrowed files: a million of them are serialised one by one.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: &'a Option<JobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: &'a Option<String>,
    priority: Priority,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_failures: Option<FailureBudget>,
    options: &'a JobOptions,
    inputs: Inputs<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Inputs<'a> {
    Files(Listed<'a>),
    Paths(&'a InputPaths),
}

impl<'a> Body<'a> {
    fn new(job: &'a Described, inputs: Inputs<'a>) -> Self {
        Body {
            id: &job.id,
            name: &job.name,
            priority: job.priority,
            max_failures: job.max_failures,
            options: &job.options,
            inputs,
        }
    }
}

/// A job that was submitted.
#[derive(Debug)]
pub struct Submitted {
    pub job: Job,
    /// Whether the service had it already.
    pub was_there: bool,
}

/// The job with the caller's own id, if it is there already.
///
/// # Errors
/// Those of the service.
pub fn already_there(server: &Server, id: &JobId) -> Result<Option<Job>, ClientError> {
    match server.job(id) {
        Ok(job) => Ok(Some(job)),
        Err(error) if error.code() == Some(ProblemCode::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Refuses what the service would refuse, before files are read and sent.
///
/// # Errors
/// The service takes no jobs, or not from this caller, or no paths.
pub fn check(service: &Service, by_path: bool) -> Result<(), ClientError> {
    let refused = |words: String, hint: Option<&str>| {
        Err(ClientError::NotPossible { words, hint: hint.map(Into::into) })
    };

    if !service.may_write {
        let hint = "a token that may is `full` in the service's file of tokens";
        return refused("this token may only look, not submit".into(), Some(hint));
    }
    if !service.accepts {
        let why = service.refusal.as_deref().unwrap_or("it does not say why");
        let is_full = service.free_bytes < service.reserved_bytes;
        let hint = is_full.then_some("`sheaf remove JOB` removes a finished job, and makes room");
        return refused(format!("the service takes no jobs now: {why}"), hint);
    }
    if by_path && !service.takes_paths {
        let hint = "without `--by-path` the files are uploaded; `sheaf serve --root DIR` allows \
                    paths below DIR";
        return refused("the service takes no paths".into(), Some(hint));
    }

    Ok(())
}

/// Submits a job whose files are uploaded.
///
/// # Errors
/// Those of the service.
pub fn with_files(
    server: &Server,
    job: &Described,
    upload: &mut Upload<'_>,
    meter: &mut Meter,
) -> Result<Submitted, ClientError> {
    upload.run(meter)?;

    for _ in 0..AGAIN {
        let body = Body::new(job, Inputs::Files(upload.listed()));
        match create(server, job.id.is_some(), &body) {
            Err(error) if error.code() == Some(ProblemCode::ContentsMissing) => {
                upload.send_again(meter)?;
            }
            created => return created,
        }
    }

    create(server, job.id.is_some(), &Body::new(job, Inputs::Files(upload.listed())))
}

/// Submits a job whose files the service finds itself.
///
/// # Errors
/// Those of the service.
pub fn with_paths(
    server: &Server,
    job: &Described,
    paths: &InputPaths,
) -> Result<Submitted, ClientError> {
    create(server, job.id.is_some(), &Body::new(job, Inputs::Paths(paths)))
}

/// Creates the job. `is_repeatable`: it has the caller's id, so doing it twice does no harm.
fn create(
    server: &Server,
    is_repeatable: bool,
    body: &impl Serialize,
) -> Result<Submitted, ClientError> {
    let wrote = |source| ClientError::Write { place: "a temporary file".into(), source };
    let mut text = tempfile::SpooledTempFile::new(IN_MEMORY);
    {
        let mut buffer = std::io::BufWriter::new(&mut text);
        serde_json::to_writer(&mut buffer, body).map_err(|error| wrote(error.into()))?;
        buffer.flush().map_err(wrote)?;
    }
    let length = text.stream_position().map_err(wrote)?;

    let mut patience = Patience::default();
    loop {
        text.seek(SeekFrom::Start(0)).map_err(wrote)?;
        let created = post(server, length, &mut text);
        match created {
            Err(error) if is_repeatable || error.is_without_effect() => patience.pause(error)?,
            Err(error @ ClientError::Unreachable { .. }) => return Err(unsure(&error)),
            created => return created,
        }
    }
}

fn post(server: &Server, length: u64, body: &mut dyn Read) -> Result<Submitted, ClientError> {
    let ask = Ask::new(Method::POST, "/v1/jobs")
        .with("content-type", "application/json")
        .with("content-length", length.to_string());

    let mut body = body;
    let response = server.send(&ask, SendBody::from_reader(&mut body))?;
    let was_there = response.status() == StatusCode::OK;
    let job = server.read_json(response)?;

    Ok(Submitted { job, was_there })
}

/// The connection broke while the job was created: it may be there, or not.
fn unsure(error: &ClientError) -> ClientError {
    ClientError::NotPossible {
        words: format!("{error}; the job may have been submitted, or not"),
        hint: Some(
            "`sheaf jobs` shows whether it is there; with `--id ID` the same command can be \
             given again safely"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api;

    #[test]
    fn the_body_is_a_new_job() {
        let job = Described {
            id: Some("nightly".parse().unwrap()),
            name: None,
            priority: Priority::High,
            max_failures: Some(FailureBudget::Percent(5.0)),
            options: JobOptions::default(),
        };
        let paths = InputPaths { paths: vec!["/a".into()], ..InputPaths::default() };

        let json = serde_json::to_string(&Body::new(&job, Inputs::Paths(&paths))).unwrap();
        let back: api::NewJob = serde_json::from_str(&json).unwrap();
        let expected = api::NewJob {
            id: job.id.clone(),
            name: None,
            priority: Priority::High,
            max_failures: job.max_failures,
            options: JobOptions::default(),
            inputs: api::Inputs::Paths(paths),
        };
        assert_eq!(back, expected);
    }
}
