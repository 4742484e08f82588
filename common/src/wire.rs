//! The encoding of tasks and outcomes: a format byte, then bincode. No other module knows it.
//!
//! Messages may come from anyone who can write to the queue. So they are decoded under a size
//! limit, and damaged ones are expected.

use bincode::config::{self, Configuration, Limit, LittleEndian, Varint};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The first byte of every message. Raise it whenever a type on the wire changes its shape, or a
/// text on the queue its meaning.
pub const FORMAT: u8 = 10;

/// The most bytes that a message may claim to have: 1 GiB. Decoding fails on a larger claim before
/// it allocates.
pub const LARGEST: usize = 1 << 30;

const CONFIG: Configuration<LittleEndian, Varint, Limit<LARGEST>> =
    config::standard().with_limit::<LARGEST>();

/// Why bytes are not a message.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("the message is empty")]
    Empty,
    #[error("the message has format {found}, this version of Sheaf reads format {FORMAT}")]
    Format { found: u8 },
    #[error("the message is damaged")]
    Damaged(#[source] bincode::error::DecodeError),
    #[error("the message has {0} bytes past its end")]
    Trailing(usize),
}

/// Encodes a message.
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    encode_large(message, 0)
}

/// Encodes a message with a payload of about `carries` bytes, for which it reserves room: a growing
/// buffer would copy them twice.
pub fn encode_large<T: Serialize>(message: &T, carries: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(carries + carries / 64 + 256);
    bytes.push(FORMAT);

    bincode::serde::encode_into_std_write(message, &mut bytes, CONFIG)
        .expect("writing to memory does not fail");

    bytes
}

/// Decodes a message that [`encode`] wrote.
///
/// # Errors
/// [`WireError`] for anything else, without panicking and without allocating more than [`LARGEST`].
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    let (&format, body) = bytes.split_first().ok_or(WireError::Empty)?;
    if format != FORMAT {
        return Err(WireError::Format { found: format });
    }

    let (message, read) =
        bincode::serde::decode_from_slice(body, CONFIG).map_err(WireError::Damaged)?;

    // Bytes past the end mean that the message is not what its type says.
    match body.len() - read {
        0 => Ok(message),
        extra => Err(WireError::Trailing(extra)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Class, JobId, TaskId};
    use crate::numbers::TaskNumber;
    use crate::task::{Nap, Task, Work};

    fn nap() -> Task {
        let id = TaskId { job: JobId(7), class: Class::Extract, number: TaskNumber(3) };
        Task {
            id,
            work: Work::Nap(Nap {
                name: "item1".into(),
                length: std::time::Duration::from_secs(1),
            }),
        }
    }

    #[test]
    fn a_message_comes_back_as_it_was() {
        assert_eq!(decode::<Task>(&encode(&nap())).unwrap(), nap());
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_is_survived() {
        let bytes = encode(&nap());
        for end in 0..bytes.len() {
            assert!(decode::<Task>(&bytes[..end]).is_err(), "cut at {end}");
        }

        for at in 0..bytes.len() {
            for value in [0, 0x7f, 0x80, 0xfb, 0xfc, 0xfd, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                let _ = decode::<Task>(&damaged);
            }
        }
    }

    #[test]
    fn another_format_is_named() {
        let mut bytes = encode(&nap());
        bytes[0] = FORMAT + 1;

        assert!(
            matches!(decode::<Task>(&bytes), Err(WireError::Format { found }) if found == FORMAT + 1)
        );
    }
}
