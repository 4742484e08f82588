//! A large file, whose upload goes on after a cut.

use std::io::{self, Read};

use sheaf_common::problem::{Changed, FileProblem};
use sheaf_worker::extract::Pieces;
use ureq::SendBody;
use ureq::http::{Method, StatusCode};

use super::hash::hash_again;
use super::meter::Meter;
use crate::api::{Hash, ProblemCode, UPLOAD_OFFSET};
use crate::client::http::{Ask, Server, header};
use crate::client::{ClientError, Patience};
use crate::config::printed;
use crate::discover::Source;

/// A file to send.
pub struct LargeFile<'a> {
    pub source: &'a Source<'a>,
    pub hash: Hash,
    /// What reading it may take.
    pub memory: u64,
}

/// How an attempt ended.
enum Attempt {
    /// The service has all of it.
    Whole,
    /// The file cannot be read, or has changed.
    Problem(FileProblem),
    /// The service has another number of bytes than was thought.
    From(u64),
    /// What the service has is not the file.
    WrongHash,
}

/// Sends a file from byte `from` on; returns how many bytes went over the wire, or why the file
/// cannot be read.
///
/// # Errors
/// The service is away for too long, or refuses.
pub fn send(
    server: &Server,
    file: &LargeFile<'_>,
    mut from: u64,
    patience: &mut Patience,
    meter: &mut Meter,
) -> Result<Result<u64, FileProblem>, ClientError> {
    let mut sent = 0;
    let mut was_wrong = false;

    loop {
        let before = sent;
        let error = match attempt(server, file, from, &mut sent, meter) {
            Ok(Attempt::Whole) => {
                patience.is_rewarded();
                return Ok(Ok(sent));
            }
            Ok(Attempt::Problem(problem)) => return Ok(Err(problem)),
            Ok(Attempt::From(received)) => {
                // A service that never agrees would be asked for ever.
                let error = server.away("it counts the bytes in another way".into());
                if received == from {
                    patience.pause(error)?;
                }
                from = received;
                continue;
            }
            Ok(Attempt::WrongHash) => {
                match hash_again(file.source, file.memory) {
                    Ok(hash) if hash != file.hash => {
                        return Ok(Err(FileProblem::Changed(Changed::SinceListed)));
                    }
                    Err(problem) => return Ok(Err(problem)),
                    // It was damaged on its way, or what was there before was.
                    Ok(_) if !was_wrong => {}
                    Ok(_) => return Err(ClientError::Damaged(printed(&file.source.path))),
                }
                was_wrong = true;
                from = 0;
                continue;
            }
            Err(error) => error,
        };

        // Bytes that went through are a success, however long the whole takes.
        if sent > before {
            patience.is_rewarded();
        }
        patience.pause(error)?;
        match patience.with(|| received(server, file.hash))? {
            Some(received) => from = received,
            None => return Ok(Ok(sent)),
        }
    }
}

fn attempt(
    server: &Server,
    file: &LargeFile<'_>,
    from: u64,
    sent: &mut u64,
    meter: &mut Meter,
) -> Result<Attempt, ClientError> {
    let Source { path, size, modified_ns, .. } = file.source;
    let total = *size;

    // More than there is cannot be a part of it.
    let from = if from >= total { 0 } else { from };
    let pieces = match Pieces::open(path, total, *modified_ns, file.memory, from) {
        Ok(pieces) => pieces,
        Err(problem) => return Ok(Attempt::Problem(problem)),
    };

    let mut ask = Ask::new(Method::PUT, format!("/v1/contents/{}", file.hash))
        .with("content-type", "application/octet-stream")
        .with("content-length", (total - from).to_string())
        // So that a service that refuses does so before the bytes are on their way.
        .with("expect", "100-continue");
    if from > 0 {
        ask = ask.with("content-range", format!("bytes {from}-{}/{total}", total - 1));
    }

    let mut problem = None;
    let mut body = Body { pieces, problem: &mut problem, sent, meter };
    let answer = server.send(&ask, SendBody::from_reader(&mut body));

    // The connection broke because the file did.
    if let Some(problem) = problem {
        return Ok(Attempt::Problem(problem));
    }

    match answer {
        Ok(_) => Ok(Attempt::Whole),
        Err(ClientError::Refused(problem)) => match (problem.code, problem.received) {
            (ProblemCode::WrongOffset, Some(received)) => Ok(Attempt::From(received)),
            (ProblemCode::WrongHash, _) => Ok(Attempt::WrongHash),
            _ => Err(ClientError::Refused(problem)),
        },
        Err(error) => Err(error),
    }
}

/// How many bytes the service has of a content; `None`: all of them.
fn received(server: &Server, hash: Hash) -> Result<Option<u64>, ClientError> {
    let ask = Ask::new(Method::HEAD, format!("/v1/contents/{hash}"));
    let response = server.exchange(&ask, ())?;

    match response.status() {
        StatusCode::OK => Ok(None),
        StatusCode::NOT_FOUND => {
            let offset = header(response.headers(), UPLOAD_OFFSET).and_then(|n| n.parse().ok());
            Ok(Some(offset.unwrap_or(0)))
        }
        // The answer to a HEAD has no body that says more.
        _ => server.checked(response).map(|_| Some(0)),
    }
}

/// The bytes of a file on their way.
struct Body<'a> {
    pieces: Pieces,
    problem: &'a mut Option<FileProblem>,
    sent: &'a mut u64,
    meter: &'a mut Meter,
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.pieces.read(buffer) {
            Ok(read) => {
                *self.sent += read as u64;
                self.meter.show_part(read as u64);
                Ok(read)
            }
            Err(problem) => {
                let error = io::Error::other(problem.to_string());
                *self.problem = Some(problem);
                Err(error)
            }
        }
    }
}
