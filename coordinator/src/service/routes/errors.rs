//! Errors of the service as answers.

use crate::api::{JobId, ProblemCode};
use crate::service::disk::{MAKE_ROOM, is_full};
use crate::service::http::problem::Failure;
use crate::service::jobs::{JobError, SelectError};
use crate::service::store::StoreError;
use crate::service::submit::BadWish;

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        let said = error.to_string();
        match error {
            JobError::Unknown(_) => Failure::not_found(said).hint("`sheaf jobs` lists all jobs"),
            JobError::WrongState { possible, .. } => {
                let failure = Failure::wrong_state(said);
                match possible.as_slice() {
                    [] => failure,
                    words => failure.hint(format!("possible: {}", words.join(", "))),
                }
            }
            JobError::NotFinished(id) => {
                Failure::wrong_state(said).hint(format!("`sheaf cancel {id}` ends it first"))
            }
            JobError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Io { source, .. } if is_full(source) => {
                Failure::new(ProblemCode::DiskFull, "the disk of the service is full")
                    .hint(MAKE_ROOM)
            }
            StoreError::Io { source, .. } => Failure::internal(&error.to_string(), source),
            StoreError::Lock(_) => Failure::internal("locking the data folder", &error),
        }
    }
}

impl From<SelectError> for Failure {
    fn from(error: SelectError) -> Self {
        let said = error.to_string();
        match error {
            SelectError::Ambiguous { candidates, .. } => {
                let names = candidates.iter().map(JobId::as_str).collect::<Vec<_>>().join("`, `");
                Failure::ambiguous(said, candidates).hint(format!("for example `{names}`"))
            }
            SelectError::NoJob | SelectError::None(_) | SelectError::EmptyRange { .. } => {
                Failure::not_found(said).hint("`sheaf jobs --all` lists all jobs")
            }
        }
    }
}

impl From<BadWish> for Failure {
    fn from(error: BadWish) -> Self {
        let code = match &error {
            BadWish::Usage(_)
            | BadWish::Value { .. }
            | BadWish::OutputName(_)
            | BadWish::SameOutput(_) => ProblemCode::BadOptions,
            BadWish::Name | BadWish::Files(_) | BadWish::NotAbsolute(_) => ProblemCode::BadRequest,
            BadWish::NoRoots | BadWish::OutsideRoots { .. } => ProblemCode::PathNotAllowed,
            BadWish::NoSuchPath { .. } => ProblemCode::NotFound,
        };

        let failure = Failure::new(code, error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
