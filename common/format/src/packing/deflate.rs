//! Joinable deflate streams.
//!
//! Segments are compressed independently, but those of a sheet must concatenate to one valid stream
//! (RFC 1951). libdeflate makes only whole streams, so the stream is changed afterwards: the final
//! bit of its last block is cleared, and an empty stored block pads it to a byte (zlib calls this a
//! sync flush). [`super::blocks`] finds the last block.

use libdeflater::{CompressionLvl, Compressor};
use sheaf_common::job::Compression;

use super::blocks;

/// The end of a stream of joined segments: an empty final block with fixed codes.
pub const END: [u8; 2] = [0x03, 0x00];

/// The level of libdeflate for each choice. The output depends only on the input, not on the
/// processor: the hash is a multiplication, and only checksums and the initialization of tables
/// have variants by processor (libdeflate 1.26).
fn level(compression: Compression) -> i32 {
    match compression {
        Compression::Fast => 1,
        Compression::Balanced => 5,
        Compression::Small => 9,
    }
}

/// Makes joinable streams; reuses its tables.
pub struct Deflater {
    compressor: Compressor,
}

impl Deflater {
    pub fn new(compression: Compression) -> Self {
        let level = CompressionLvl::new(level(compression)).expect("the levels above exist");
        Deflater { compressor: Compressor::new(level) }
    }

    /// Compresses `content` to bytes that can be followed by those of further calls, and finally by
    /// [`END`].
    pub fn joinable(&mut self, content: &[u8]) -> Vec<u8> {
        let mut bytes = self.whole(content);
        let last = blocks::last_block(&bytes).expect("libdeflate writes valid streams");
        // The last block is no longer final.
        bytes[last.start / 8] &= !(1 << (last.start % 8));

        // Three header bits of the stored block (not final, type 00), zeros to the byte, then LEN
        // and its complement.
        bytes.resize((last.end + 3).div_ceil(8), 0);
        bytes.extend_from_slice(&[0x00, 0x00, 0xff, 0xff]);

        bytes
    }

    /// Compresses `content` to a stream with an end: for the last segment of a joined stream, or
    /// for the only one.
    pub fn whole(&mut self, content: &[u8]) -> Vec<u8> {
        // Room for five more bytes, so that the padding of `joinable` does not copy the stream.
        let bound = self.compressor.deflate_compress_bound(content.len());
        let mut bytes = Vec::with_capacity(bound + 5);
        bytes.resize(bound, 0);

        let length =
            self.compressor.deflate_compress(content, &mut bytes).expect("the bound is enough");
        bytes.truncate(length);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use fastrand::Rng;

    fn inflate(bytes: &[u8]) -> Vec<u8> {
        let mut content = Vec::new();
        let mut decoder = flate2::bufread::DeflateDecoder::new(bytes);
        decoder.read_to_end(&mut content).expect("a valid stream");
        assert_eq!(decoder.total_in(), bytes.len() as u64, "nothing stands past the end");
        content
    }

    /// Text-like bytes with a share of noise, from a fixed seed.
    fn sample(seed: u64, length: usize) -> Vec<u8> {
        let mut random = Rng::with_seed(seed);
        let mut word = || -> Vec<u8> {
            let length = 2 + random.usize(..9);
            (0..length).map(|_| random.u8(b'a'..=b'z')).collect()
        };
        let words: Vec<Vec<u8>> = (0..200).map(|_| word()).collect();

        let mut bytes = Vec::with_capacity(length + 16);
        while bytes.len() < length {
            match random.usize(..64) {
                0 => bytes.push(random.u8(..)),
                1 => bytes.extend(std::iter::repeat_n(b'-', random.usize(..600))),
                pick => {
                    let known = if pick < 40 { 30 } else { words.len() };
                    bytes.extend_from_slice(&words[random.usize(..known)]);
                    bytes.push(b' ');
                }
            }
        }

        bytes.truncate(length);
        bytes
    }

    #[test]
    fn any_segmentation_inflates_to_the_same_bytes() {
        for (seed, compression) in [
            (1, Compression::Fast),
            (2, Compression::Balanced),
            (3, Compression::Small),
            (4, Compression::Balanced),
        ] {
            let content = sample(seed, 700_000);
            let mut deflater = Deflater::new(compression);
            for cuts in
                [vec![], vec![1], vec![0, 5, 5, 300_001], vec![13, 70_000, 350_000, 699_999]]
            {
                let mut joined = Vec::new();
                let mut from = 0;
                for to in cuts.into_iter().chain([content.len()]) {
                    joined.extend(deflater.joinable(&content[from..to]));
                    from = to;
                }

                joined.extend(END);
                assert!(inflate(&joined) == content, "seed {seed}, {compression:?}");
            }
        }
    }

    #[test]
    fn noise_and_sameness_and_little_are_joined_too() {
        let mut deflater = Deflater::new(Compression::Balanced);
        let noise: Vec<u8> =
            (0..200_000u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[1]).collect();

        for length in [0, 1, 2, 3, 100, 9_999, 10_001] {
            for content in [&noise[..length], &vec![b'x'; length][..]] {
                let mut joined = deflater.joinable(content);
                joined.extend(deflater.joinable(&noise));
                joined.extend(deflater.whole(b"end"));
                assert_eq!(inflate(&joined), [content, &noise, b"end"].concat());
            }
        }
    }
}
