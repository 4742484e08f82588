//! One content from a body.

use std::mem::take;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use tokio::task::JoinHandle;

use super::{Begun, Contents, Ended, Upload, UploadError, blocking};
use crate::api::Hash;
use crate::service::http::extract::broken;
use crate::service::http::metrics::Metrics;
use crate::service::http::problem::{Answer, Failure};

/// How many bytes are stored at once: enough that the change of threads costs nothing.
const BATCH: usize = 512 << 10;

/// Which bytes of a content a body has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub offset: u64,
    /// The size of the whole content.
    pub total: Option<u64>,
}

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// The content was there.
    Known,
    /// It is there now.
    New,
}

/// Stores a content from a body. What comes before the body breaks off is kept.
///
/// # Errors
/// Those of [`Upload`], and 408 when the body stalls or ends early.
pub async fn receive(
    contents: Arc<Contents>,
    metrics: &Metrics,
    hash: Hash,
    part: Part,
    body: Body,
) -> Answer<Received> {
    let begin = move || Upload::begin(&contents, hash, part.offset, part.total);
    let upload = match blocking(begin).await?? {
        Begun::Whole => return Ok(Received::Known),
        Begun::Upload(upload) => upload,
    };

    let (upload, broke) = store(upload, metrics, body).await?;
    let ended = match broke {
        Some(failure) => return Err(failure),
        None => blocking(move || upload.end()).await??,
    };
    match ended {
        Ended::Whole => Ok(Received::New),
        Ended::Short { received } => {
            Err(Failure::incomplete(format!("the body ended after {received} bytes in all"))
                .hint("send the rest with `Content-Range`"))
        }
    }
}

/// Stores the bytes of a body: while one batch is written, the next comes. With the failure that
/// broke the body off.
async fn store(
    upload: Upload,
    metrics: &Metrics,
    mut body: Body,
) -> Answer<(Upload, Option<Failure>)> {
    let mut writer = Writer::Ready(upload);
    let mut batch: Vec<Bytes> = Vec::new();
    let mut size = 0;

    let broke = loop {
        let bytes = match body.frame().await {
            None => break None,
            Some(Err(error)) => break Some(broken(&error)),
            // Trailers say nothing.
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };

        size += bytes.len();
        metrics.add_uploaded(bytes.len() as u64);
        batch.push(bytes);
        if size >= BATCH {
            writer = writer.write(take(&mut batch)).await?;
            size = 0;
        }
    };

    let upload = writer.write(batch).await?.ready().await?;
    Ok((upload, broke))
}

/// An upload, or the write that has it.
enum Writer {
    Ready(Upload),
    Writing(JoinHandle<Result<Upload, UploadError>>),
}

impl Writer {
    /// Begins to write a batch, after the one before.
    async fn write(self, batch: Vec<Bytes>) -> Answer<Writer> {
        let mut upload = self.ready().await?;
        if batch.is_empty() {
            return Ok(Writer::Ready(upload));
        }

        Ok(Writer::Writing(tokio::task::spawn_blocking(move || {
            upload.write(&batch)?;
            Ok(upload)
        })))
    }

    async fn ready(self) -> Answer<Upload> {
        match self {
            Writer::Ready(upload) => Ok(upload),
            Writer::Writing(write) => match write.await {
                Ok(upload) => Ok(upload?),
                Err(error) => Err(Failure::internal("storing a file", error)),
            },
        }
    }
}
