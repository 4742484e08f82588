//! The joined segments of a stream.

use std::io::{self, BufReader, Read, Write};

use sheaf_common::outcome::Segment;

/// The sums over joined segments.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// The length of the segments, in bytes.
    pub packed: u64,
    /// Their length before compression, in bytes.
    pub length: u64,
    /// Their CRC-32 before compression.
    pub crc: crc32fast::Hasher,
    /// The metadata of the segments that have any, in their order.
    pub metas: Vec<Meta>,
}

/// The metadata of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Where the segment begins in the joined bytes.
    pub at: u64,
    /// As in [`Segment::meta`].
    pub bytes: Vec<u8>,
}

impl Content {
    /// Adds bytes at the end, known by their sums alone: CRC-32s of neighbours combine.
    pub fn add(&mut self, packed: u64, length: u64, crc32: u32, meta: &[u8]) {
        if !meta.is_empty() {
            self.metas.push(Meta { at: self.packed, bytes: meta.to_vec() });
        }

        self.packed += packed;
        self.length += length;
        self.crc.combine(&crc32fast::Hasher::new_with_initial_len(crc32, length));
    }

    /// Adds a segment at the end.
    pub fn add_segment(&mut self, segment: &Segment) {
        self.add(segment.bytes.len() as u64, segment.length, segment.crc32, &segment.meta);
    }

    /// Adds another run of segments at the end.
    pub fn join(&mut self, next: &Content) {
        // Without its metadata, whose places move by the bytes before them.
        let begin = self.packed;
        self.add(next.packed, next.length, next.crc.clone().finalize(), &[]);

        let metas = next.metas.iter();
        self.metas
            .extend(metas.map(|meta| Meta { at: begin + meta.at, bytes: meta.bytes.clone() }));
    }
}

/// The joined segments of a stream.
pub struct Joined<'a> {
    pub content: Content,
    /// The bytes of the segments, [`Content::packed`] in all; to be read once.
    pub bytes: Box<dyn Read + 'a>,
}

/// The size of the buffer for copying: few system calls, and it stays in the processor's cache.
const COPY: usize = 256 << 10;

impl Joined<'_> {
    /// Writes the segments to `out`; returns how many bytes.
    pub fn copy_to(&mut self, out: &mut (impl Write + ?Sized)) -> io::Result<u64> {
        io::copy(&mut BufReader::with_capacity(COPY, &mut self.bytes), out)
    }

    /// A stream without segments.
    pub fn none() -> Self {
        Joined { content: Content::default(), bytes: Box::new(io::empty()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_sums_are_those_of_the_whole() {
        let text = b"one and two and three";
        let sums = |parts: &[(&[u8], &[u8])]| {
            let mut content = Content::default();
            for (bytes, meta) in parts {
                let length = bytes.len() as u64;
                content.add(2 * length, length, crc32fast::hash(bytes), meta);
            }
            content
        };

        let mut joined = sums(&[(&text[..4], b"a"), (&text[4..9], b"")]);
        joined.join(&sums(&[(&text[9..12], b"b"), (&text[12..], b"c")]));

        let whole = sums(&[(text, b"")]);
        assert_eq!((joined.packed, joined.length), (whole.packed, whole.length));
        assert_eq!(joined.crc.finalize(), whole.crc.finalize());

        let metas: Vec<(u64, &[u8])> =
            joined.metas.iter().map(|meta| (meta.at, meta.bytes.as_slice())).collect();
        assert_eq!(metas, [(0, &b"a"[..]), (18, b"b"), (24, b"c")]);
    }
}
