//! Compression to segments that can be joined.
//!
//! * [`deflate`]: joinable deflate streams, for workbooks and gzip. [`blocks`]: finds the last
//!   block of a stream, which must be changed for that.

mod blocks;
mod deflate;

use sheaf_common::job::{Compression, Packing};

use crate::PartSegment;
pub use deflate::{Deflater, END};

/// Compresses contents to segments; reuses the compressor's tables.
pub struct Packer {
    compression: Compression,
    deflater: Deflater,
}

impl Packer {
    pub fn new(compression: Compression) -> Self {
        Packer { compression, deflater: Deflater::new(compression) }
    }

    /// Its level of compression.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// A segment of an output that is packed as a whole.
    pub fn pack(&mut self, packing: Packing, part: u32, content: Vec<u8>) -> PartSegment {
        let length = content.len() as u64;
        let bytes = match packing {
            Packing::Gzip => return self.joinable(part, &content, Vec::new()),
            Packing::Zstd => zstd_frame(&content, self.compression),
            Packing::Plain => content,
        };

        PartSegment { part, bytes, crc32: 0, length, meta: Vec::new() }
    }

    /// A segment of a deflate stream, with the format's metadata.
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

/// Compresses to a whole frame: frames concatenate (RFC 8878, 3).
pub fn zstd_frame(content: &[u8], compression: Compression) -> Vec<u8> {
    let level = match compression {
        Compression::Fast => 1,
        Compression::Balanced => 3,
        Compression::Small => 12,
    };

    zstd::bulk::compress(content, level).expect("compressing in memory does not fail")
}
