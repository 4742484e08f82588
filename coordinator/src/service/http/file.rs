//! Answers with a file from disk: whole, or a range of it (RFC 9110).

use std::io::{self, SeekFrom};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use sheaf_common::fit;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncSeekExt, ReadBuf};

use super::problem::{Answer, Failure};
use crate::api::Hash;

/// How much is read at once.
const PIECE: usize = 256 << 10;

/// A file to answer with.
#[derive(Debug, Clone)]
pub struct ServedFile {
    pub path: PathBuf,
    /// The SHA-256 of its bytes. `None`: they are not known, or change.
    pub hash: Option<Hash>,
    pub content_type: String,
    /// The name to save it by; `None`: it is shown.
    pub name: Option<String>,
}

impl ServedFile {
    /// The answer to a GET or HEAD with these headers: 200, 206, or 304. The framework leaves the
    /// body of an answer to HEAD out.
    ///
    /// # Errors
    /// 404 if there is no such file, 416 if the range is not in it, 500 if it cannot be read.
    pub async fn answer(self, headers: &HeaderMap) -> Answer<Response> {
        let mut file = self.open().await?;
        let read = |error: io::Error| Failure::internal("reading a file", error);
        let size = file.metadata().await.map_err(read)?.len();
        let tag = self.hash.map(|hash| format!("\"{hash}\""));

        if let Some(tag) = &tag
            && names_tag(headers, IF_NONE_MATCH, tag)
        {
            return self.response(StatusCode::NOT_MODIFIED, Body::empty(), &[]);
        }

        let range = match asked_range(headers, tag.as_deref()) {
            Some(range) => range.within(size)?,
            None => None,
        };
        let Some((from, length)) = range else {
            let length = [(CONTENT_LENGTH, size.to_string())];
            return self.response(StatusCode::OK, FileBody::new(file, size).into(), &length);
        };

        file.seek(SeekFrom::Start(from)).await.map_err(read)?;
        let last = from + length - 1;
        let named = [
            (CONTENT_LENGTH, length.to_string()),
            (CONTENT_RANGE, format!("bytes {from}-{last}/{size}")),
        ];
        self.response(StatusCode::PARTIAL_CONTENT, FileBody::new(file, length).into(), &named)
    }

    async fn open(&self) -> Answer<File> {
        File::open(&self.path).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Failure::not_found("the file is not there any more"),
            _ => Failure::internal("opening a file", error),
        })
    }

    fn response(
        &self,
        status: StatusCode,
        body: Body,
        more: &[(HeaderName, String)],
    ) -> Answer<Response> {
        let mut response = Response::new(body);
        *response.status_mut() = status;

        let mut set = |name: HeaderName, value: String| {
            let value = HeaderValue::try_from(value)
                .map_err(|error| Failure::internal("describing a file", error))?;
            response.headers_mut().insert(name, value);
            Ok::<_, Failure>(())
        };

        set(ACCEPT_RANGES, "bytes".into())?;
        // A private copy may be kept, but must be asked for each time.
        set(HeaderName::from_static("cache-control"), "private, no-cache".into())?;
        if let Some(hash) = self.hash {
            set(ETAG, format!("\"{hash}\""))?;
            // Of the whole file, also with a part of it.
            let digest = format!("sha-256=:{}:", base64(&hash.0));
            set(HeaderName::from_static("repr-digest"), digest)?;
        }
        if status != StatusCode::NOT_MODIFIED {
            set(CONTENT_TYPE, self.content_type.clone())?;
            if let Some(name) = &self.name {
                set(CONTENT_DISPOSITION, disposition(name))?;
            }
        }
        for (name, value) in more {
            set(name.clone(), value.clone())?;
        }

        Ok(response)
    }
}

/// Whether a header lists an entity tag, or `*`. Weak tags are compared as strong ones.
pub fn names_tag(headers: &HeaderMap, name: HeaderName, tag: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}

/// A range of a `Range` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// From an offset to another, that included, or to the end.
    From(u64, Option<u64>),
    /// So many bytes at the end.
    Last(u64),
}

/// The one range that is asked for. What is no single range of bytes is not looked at, as the
/// standard says: then the whole file is sent. So it is when the file changed since (`If-Range`).
fn asked_range(headers: &HeaderMap, tag: Option<&str>) -> Option<Asked> {
    let mut given = headers.get_all(RANGE).iter();
    let (Some(range), None) = (given.next(), given.next()) else { return None };
    if let Some(condition) = headers.get(IF_RANGE)
        && condition.to_str().ok() != tag
    {
        return None;
    }

    let (from, to) = range.to_str().ok()?.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number that is larger than any file is still a number.
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    };

    match (number(from.trim()), number(to.trim())) {
        (Some(from), Some(to)) if from <= to => Some(Asked::From(from, Some(to))),
        (Some(from), None) if to.trim().is_empty() => Some(Asked::From(from, None)),
        (None, Some(count)) if from.trim().is_empty() => Some(Asked::Last(count)),
        _ => None,
    }
}

impl Asked {
    /// Offset and length in a file of `size` bytes; `None`: the whole file.
    fn within(self, size: u64) -> Answer<Option<(u64, u64)>> {
        let (from, length) = match self {
            Asked::From(from, _) if from >= size => return Err(Failure::wrong_range(size)),
            Asked::From(from, to) => {
                let last = to.unwrap_or(u64::MAX).min(size - 1);
                (from, last - from + 1)
            }
            Asked::Last(0) => return Err(Failure::wrong_range(size)),
            // The end of an empty file is the file.
            Asked::Last(_) if size == 0 => return Ok(None),
            Asked::Last(count) => (size - count.min(size), count.min(size)),
        };
        Ok(Some((from, length)))
    }
}

/// `Content-Disposition` by RFC 6266: the name in ASCII for old clients, and as it is.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '%') { c } else { '_' })
        .collect();

    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte);
    let mut coded = String::new();
    for byte in name.bytes() {
        if is_plain(byte) {
            coded.push(char::from(byte));
        } else {
            coded.push_str(&format!("%{byte:02X}"));
        }
    }

    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{coded}")
}

/// Base64 (RFC 4648) with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place > group.len() { '=' } else { char::from(digit) });
        }
    }
    text
}

/// The bytes of a file, from where it stands.
struct FileBody {
    file: File,
    left: u64,
    buffer: Vec<u8>,
}

impl FileBody {
    fn new(file: File, length: u64) -> Self {
        FileBody { file, left: length, buffer: vec![0; PIECE.min(fit::size(length))] }
    }
}

impl From<FileBody> for Body {
    fn from(body: FileBody) -> Body {
        Body::new(body)
    }
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let FileBody { file, left, buffer } = self.get_mut();
        if *left == 0 {
            return Poll::Ready(None);
        }

        let room = buffer.len().min(fit::size(*left));
        let mut piece = ReadBuf::new(&mut buffer[..room]);
        if let Err(error) = ready!(Pin::new(file).poll_read(cx, &mut piece)) {
            return Poll::Ready(Some(Err(error)));
        }

        let read = piece.filled();
        if read.is_empty() {
            // The length was promised, so the connection must break.
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }

        *left -= read.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(Bytes::copy_from_slice(read)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests;
