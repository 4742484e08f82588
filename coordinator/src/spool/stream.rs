//! One stream's file: its segments, one after another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sheaf_common::outcome::{Look, Segment, Sheet, Stream};

use super::journal::Part;
use crate::assemble::Rows;

/// The segments of a stream that count, as one file.
pub struct StreamFile {
    path: PathBuf,
    file: File,
    content: Content,
}

/// The sums over joined segments.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// The bytes of the segments.
    pub packed: u64,
    /// The bytes before compression, and their CRC-32.
    pub length: u64,
    pub crc: crc32fast::Hasher,
    /// The look of the first rows, if they are those of a workbook.
    pub look: Option<Look>,
}

impl Content {
    /// Adds a part at the end; CRC-32s of neighbours combine without their bytes.
    pub fn add(&mut self, packed: u64, length: u64, crc32: u32) {
        self.packed += packed;
        self.length += length;
        self.crc.combine(&crc32fast::Hasher::new_with_initial_len(crc32, length));
    }

    /// Adds a segment at the end.
    pub fn add_segment(&mut self, segment: &Segment) {
        self.add(segment.bytes.len() as u64, segment.length, segment.crc32);
        self.look = self.look.take().or_else(|| segment.look.clone());
    }

    /// Adds another run of segments at the end.
    pub fn join(&mut self, next: &Content) {
        self.add(next.packed, next.length, next.crc.clone().finalize());
        self.look = self.look.take().or_else(|| next.look.clone());
    }
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
            look: segment.look.clone(),
        })
    }

    /// Reads on by one part; `false` if the bytes are not those that the journal speaks of.
    pub fn accept(&mut self, part: &Part) -> io::Result<bool> {
        let mut bytes = Vec::new();
        (&self.file).take(part.packed).read_to_end(&mut bytes)?;

        self.content.add(part.packed, part.length, part.crc32);
        self.content.look = self.content.look.take().or_else(|| part.look.clone());

        Ok(bytes.len() as u64 == part.packed && crc32fast::hash(&bytes) == part.packed_crc32)
    }

    /// Cuts off what was not accepted.
    pub fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.content.packed)?;
        self.file.seek(SeekFrom::End(0)).map(drop)
    }

    /// Its segments, joined, to be read from the beginning.
    pub fn rows(&self) -> io::Result<Rows<'static>> {
        let file = File::open(&self.path)?.take(self.content.packed);
        Ok(Rows { content: self.content.clone(), bytes: Box::new(file) })
    }

    pub fn remove(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }
}

fn file_name(stream: Stream) -> String {
    let sheet_name = |sheet| match sheet {
        Sheet::Rows(index) => format!("rows-{index}"),
        Sheet::Overflow(index) => format!("overflow-{index}"),
    };

    match stream {
        Stream::Text { rendering } => format!("text-{rendering}"),
        Stream::Sheet(sheet) => sheet_name(sheet),
        Stream::FileSheet { sequence, sheet } => format!("file-{sequence}-{}", sheet_name(sheet)),
    }
}
