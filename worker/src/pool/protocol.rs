//! The messages between a slot and its child.
//!
//! ```text
//! parent → child   length u32 LE, Extract by the wire format        (the files to read, in order)
//! child → parent   READY, one byte                                  (once: it has started)
//! child → parent   header 17 bytes, then `length` bytes             (for each file: parsed…, rows…, then its end)
//! ```
//! A child that dies before it is ready has met no file: the machine is to blame. A child ends its
//! messages about one file before it begins the next, so the parent always knows which file it died
//! at.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use sheaf_common::job::JobSpec;
use sheaf_common::notes::FileNotes;
use sheaf_common::problem::FileProblem;
use sheaf_common::task::{Extract, SourceFile, shipped_bytes};
use sheaf_common::wire;

/// The first byte that a child writes.
pub const READY: u8 = b'!';

/// The header of a child's message: its kind and its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// How many bytes of the current file's text are parsed, and how many there are. No body
    /// follows. Small files send no such message.
    Parsed { done: u32, of: u32 },
    /// A chunk of rows of the current file.
    Rows { length: u32, rows: u32, overflow: u32, long_cells: u32 },
    /// The end of the current file: an encoded [`FileEnd`].
    End { length: u32 },
}

/// The end of a file that did not kill its child.
#[derive(Debug, Serialize, Deserialize)]
pub struct FileEnd {
    /// The number of truncated cells, or why the file has no rows.
    pub result: Result<u64, FileProblem>,
    pub bytes: u64,
    pub unpacked: u64,
    pub encoding: String,
    pub replaced: u64,
    pub notes: FileNotes,
}

impl FileEnd {
    /// The end of a file that could not be read at all.
    pub fn failed(problem: FileProblem) -> Self {
        FileEnd {
            result: Err(problem),
            bytes: 0,
            unpacked: 0,
            encoding: String::new(),
            replaced: 0,
            notes: FileNotes::default(),
        }
    }
}

impl Header {
    /// The size of a header in bytes: its kind and four numbers.
    pub const SIZE: usize = 17;

    pub fn to_bytes(self) -> [u8; Header::SIZE] {
        let (kind, numbers) = match self {
            Header::Parsed { done, of } => (b'P', [done, of, 0, 0]),
            Header::Rows { length, rows, overflow, long_cells } => {
                (b'R', [length, rows, overflow, long_cells])
            }
            Header::End { length } => (b'E', [length, 0, 0, 0]),
        };

        let mut bytes = [kind; Header::SIZE];
        for (place, number) in bytes[1..].chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }

        bytes
    }

    /// Reads a header; `None` if the bytes are none, as a damaged child may write anything.
    pub fn from_bytes(bytes: [u8; Header::SIZE]) -> Option<Header> {
        let number = |index: usize| {
            let at = 1 + 4 * index;
            u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
        };

        match bytes[0] {
            b'P' => Some(Header::Parsed { done: number(0), of: number(1) }),
            b'R' => Some(Header::Rows {
                length: number(0),
                rows: number(1),
                overflow: number(2),
                long_cells: number(3),
            }),
            b'E' => Some(Header::End { length: number(0) }),
            _ => None,
        }
    }
}

/// Writes the parent's message: the files to read, and their recipe. The child decodes it as an
/// [`Extract`].
pub fn write_order(
    output: &mut impl Write,
    spec: &JobSpec,
    files: &[SourceFile],
) -> io::Result<()> {
    let message = wire::encode_large(&(spec, files), shipped_bytes(files));
    output.write_all(&length_of(&message)?.to_le_bytes())?;
    output.write_all(&message)
}

/// Reads the next order; `None` if the parent has closed the pipe.
pub fn read_order(input: &mut impl Read) -> io::Result<Option<Extract>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }

    let length = u32::from_le_bytes(length);
    let mut message = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    input.read_exact(&mut message)?;
    wire::decode(&message).map(Some).map_err(io::Error::other)
}

/// A message that is too long for the length field of a header.
#[derive(Debug, thiserror::Error)]
#[error("a message of {0} bytes is too long for the pipe to a child")]
struct TooLong(usize);

/// The length of a message or of rows, as it stands in a header.
///
/// # Errors
/// [`io::ErrorKind::Other`], for 4 GiB or more.
pub fn length_of(bytes: &[u8]) -> io::Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| io::Error::other(TooLong(bytes.len())))
}

/// Writes a message of the child. A small one takes a single system call.
pub fn write_message(output: &mut impl Write, header: Header, body: &[u8]) -> io::Result<()> {
    const SMALL: usize = 64 << 10;

    if body.len() <= SMALL {
        return output.write_all(&[&header.to_bytes(), body].concat());
    }

    output.write_all(&header.to_bytes())?;
    output.write_all(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_as_they_were() {
        let headers = [
            Header::Parsed { done: 5, of: 6 },
            Header::Rows { length: 1, rows: 2, overflow: 3, long_cells: 4 },
            Header::End { length: 9 },
        ];
        for header in headers {
            assert_eq!(Header::from_bytes(header.to_bytes()), Some(header));
        }

        assert_eq!(Header::from_bytes([0; Header::SIZE]), None);
    }
}
