//! One stream's file: its segments, one after another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sheaf_common::outcome::{Segment, Stream, Target};
use sheaf_format::{Content, Joined};

use super::journal::Part;

/// The segments of a stream that count, as one file.
pub struct StreamFile {
    path: PathBuf,
    file: File,
    content: Content,
}

impl StreamFile {
    /// Opens the stream's file in `folder`, or makes it; what is in it counts once it is accepted.
    pub fn open(folder: &Path, stream: Stream) -> io::Result<Self> {
        let path = folder.join(file_name(stream));
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        Ok(StreamFile { path, file, content: Content::default() })
    }

    /// Writes a segment at the end; returns what the journal says of it.
    pub fn append(&mut self, segment: &Segment) -> io::Result<Part> {
        self.file.write_all(&segment.bytes)?;
        self.content.add_segment(segment);

        Ok(Part {
            stream: segment.stream,
            packed: segment.bytes.len() as u64,
            packed_crc32: crc32fast::hash(&segment.bytes),
            length: segment.length,
            crc32: segment.crc32,
            meta: segment.meta.clone(),
        })
    }

    /// Reads on by one part; `false` if the bytes are not those that the journal speaks of.
    pub fn accept(&mut self, part: &Part) -> io::Result<bool> {
        let mut bytes = Vec::new();
        (&self.file).take(part.packed).read_to_end(&mut bytes)?;

        self.content.add(part.packed, part.length, part.crc32, &part.meta);

        Ok(bytes.len() as u64 == part.packed && crc32fast::hash(&bytes) == part.packed_crc32)
    }

    /// Cuts off what was not accepted.
    pub fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.content.packed)?;
        self.file.seek(SeekFrom::End(0)).map(drop)
    }

    /// Its segments, joined, to be read from the beginning.
    pub fn joined(&self) -> io::Result<Joined<'static>> {
        let file = File::open(&self.path)?.take(self.content.packed);
        Ok(Joined { content: self.content.clone(), bytes: Box::new(file) })
    }

    pub fn remove(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }
}

fn file_name(stream: Stream) -> String {
    let Stream { target, part } = stream;
    match target {
        Target::Rendering(index) => format!("rendering-{index}-{part}"),
        Target::File(sequence) => format!("file-{sequence}-{part}"),
    }
}
