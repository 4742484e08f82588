//! One stream's file: its segments, one after another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sheaf_common::outcome::{Segment, Stream, Target};
use sheaf_format::{Content, Joined};

use super::journal::Part;

/// The file of a stream, and the content of it that counts.
pub struct StreamFile {
    path: PathBuf,
    file: File,
    content: Content,
}

impl StreamFile {
    /// Opens the stream's file in `folder`, or makes it. Its bytes count once they are accepted.
    pub fn open(folder: &Path, stream: Stream) -> io::Result<Self> {
        let path = folder.join(file_name(stream));
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        Ok(StreamFile { path, file, content: Content::default() })
    }

    /// Appends a segment; returns its part of the journal's entry.
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

    /// Reads the next part; returns `false` if its bytes are not those of the journal.
    pub fn accept(&mut self, part: &Part) -> io::Result<bool> {
        let mut bytes = Vec::new();
        (&self.file).take(part.packed).read_to_end(&mut bytes)?;

        // Counted even if it does not match: then the caller opens all streams anew.
        self.content.add(part.packed, part.length, part.crc32, &part.meta);

        Ok(bytes.len() as u64 == part.packed && crc32fast::hash(&bytes) == part.packed_crc32)
    }

    /// Cuts off what was not accepted.
    pub fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.content.packed)?;
        self.file.seek(SeekFrom::End(0)).map(drop)
    }

    /// A reader of all its segments, joined.
    pub fn joined(&self) -> io::Result<Joined<'static>> {
        let file = File::open(&self.path)?.take(self.content.packed);
        Ok(Joined { content: self.content.clone(), bytes: Box::new(file) })
    }

    /// Removes the file.
    pub fn remove(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }
}

/// The file of a stream in the folder of a run.
pub fn stream_path(folder: &Path, stream: Stream) -> PathBuf {
    folder.join(super::STREAMS).join(file_name(stream))
}

fn file_name(stream: Stream) -> String {
    let Stream { target, part } = stream;
    match target {
        Target::Rendering(index) => format!("rendering-{index}-{part}"),
        Target::File(sequence) => format!("file-{sequence}-{part}"),
    }
}
