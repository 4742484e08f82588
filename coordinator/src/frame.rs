//! Frames on disk: they tell a whole message from one that a crash cut off, or a disk changed.

/// The bytes before a body: its length and its CRC-32, both u32 LE.
const HEAD: usize = 8;

/// Appends a body in its frame.
///
/// # Panics
/// When the body has 4 GiB or more.
pub fn push(frames: &mut Vec<u8>, body: &[u8]) {
    let length = u32::try_from(body.len()).expect("a body is far below 4 GiB");

    frames.reserve(HEAD + body.len());
    frames.extend_from_slice(&length.to_le_bytes());
    frames.extend_from_slice(&crc32fast::hash(body).to_le_bytes());
    frames.extend_from_slice(body);
}

/// The body of the first frame, and the bytes after the frame; `None` if it is not whole.
pub fn split_first(frames: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = frames.split_first_chunk()?;
    let (crc32, rest) = rest.split_first_chunk()?;
    let (body, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;

    (crc32fast::hash(body) == u32::from_le_bytes(*crc32)).then_some((body, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_one_by_one() {
        let mut frames = Vec::new();
        push(&mut frames, b"one");
        push(&mut frames, b"");

        let (one, rest) = split_first(&frames).unwrap();
        assert_eq!(one, b"one");
        assert_eq!(split_first(rest), Some((&b""[..], &b""[..])));
        assert_eq!(split_first(b""), None);
    }
}
