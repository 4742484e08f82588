//! Compression to bytes that can be joined.
//!
//! * [`deflate`]: deflate streams that can be joined, for workbooks and gzip; [`blocks`] finds what
//!   must be opened up for it.

mod blocks;
mod deflate;

use sheaf_common::job::{Compression, Packing};

use crate::PartSegment;
pub use deflate::{Deflater, END};

/// Makes segments of their content; keeps the compressor's tables between them.
pub struct Packer {
    compression: Compression,
    deflater: Deflater,
}

impl Packer {
    pub fn new(compression: Compression) -> Self {
        Packer { compression, deflater: Deflater::new(compression) }
    }

    /// How hard it compresses.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// A segment in an output that is packed as a whole.
    pub fn pack(&mut self, packing: Packing, part: u32, content: Vec<u8>) -> PartSegment {
        let length = content.len() as u64;
        let bytes = match packing {
            Packing::Gzip => return self.joinable(part, &content, Vec::new()),
            Packing::Zstd => zstd_frame(&content, self.compression),
            Packing::Plain => content,
        };

        PartSegment { part, bytes, crc32: 0, length, meta: Vec::new() }
    }

    /// A segment of a deflate stream; `meta` is what the format says of it.
    pub fn joinable(&mut self, part: u32, content: &[u8], meta: Vec<u8>) -> PartSegment {
        PartSegment {
            part,
            bytes: self.deflater.joinable(content),
            crc32: crc32fast::hash(content),
            length: content.len() as u64,
            meta,
        }
    }
}

/// Compresses to a frame of its own: frames concatenate (RFC 8878, 3).
pub fn zstd_frame(content: &[u8], compression: Compression) -> Vec<u8> {
    let level = match compression {
        Compression::Fast => 1,
        Compression::Balanced => 3,
        Compression::Small => 12,
    };

    zstd::bulk::compress(content, level).expect("compressing in memory does not fail")
}
