//! Segments on disk, and the journal that says which of them count: so a job goes on after any
//! crash.
//!
//! ```text
//! final.xlsx.sheaf/
//!   job        what the job is: version, settings, outputs
//!   sources    the inputs as they were listed
//!   queue      where the job stands on a queue that outlives the run
//!   journal    one entry a unit: where it ends, and what it added to each stream
//!   status     how far the run is, for `sheaf status`
//!   stopped    a line for each interrupt
//!   streams/   one file a stream: its segments, one after another
//!   finished   the run is finished, and the folder is kept for the next
//!   kept, rows, earlier/   see [`crate::reuse`]
//! ```
//!
//! Units come in order, so a stream's file is the concatenation that the output needs. Nothing is
//! synced to disk while the job runs, and a crash of the machine may lose any of it. So a resumed
//! run compares the bytes of every unit with the checksums in the journal. From the first unit that
//! does not match, everything is cut off and made again.
//!
//! * [`journal`]: the entries. [`stream`]: one stream's file. [`look`]: the folder as another
//!   process sees it. [`kept`]: the folder of a finished run that is kept for the next.

mod journal;
mod kept;
mod look;
mod stream;

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sheaf_common::numbers::FileIndex;
use sheaf_common::outcome::{Segment, Stream, Target};
use sheaf_common::queue::JobPlace;

use crate::ledger::Position;
use crate::reuse::{Digest, ENTRIES, ROWS};
use journal::{Entry, Journal};
pub use journal::{Part, read_journal};
pub use kept::kept_bytes;
pub use look::{is_at_work, is_finished, last_stop};
pub use stream::{StreamFile, stream_path};

/// Why the folder of a job cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("another run is at work on `{}`", .0.display())]
    InUse(PathBuf),
    #[error("could not {doing} `{}`", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

/// How often the lock of a folder is tried, as `sheaf status` holds it for a moment.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(40);

/// The open folder of a job.
pub struct Spool {
    folder: PathBuf,
    journal: Journal,
    streams: BTreeMap<Stream, StreamFile>,
    /// The segments that were appended since the last unit was confirmed.
    unconfirmed: Vec<Part>,
    /// Held while the job runs, so that no second run writes to the same folder.
    _lock: File,
}

/// How far an earlier run came.
#[derive(Debug, Default)]
pub struct Resume {
    pub position: Position,
    /// The notes of the last unit: see [`Spool::confirm`]. Empty if there is none.
    pub notes: Vec<u8>,
}

const LOCK: &str = "lock";
/// The file with what the job is.
pub const JOB: &str = "job";
const SOURCES: &str = "sources";
const QUEUE: &str = "queue";
const JOURNAL: &str = "journal";
const STREAMS: &str = "streams";
const STOPPED: &str = "stopped";
const FINISHED: &str = "finished";
/// The file for `sheaf status`, which the observer of a run writes.
pub const STATUS: &str = "status";

impl Spool {
    /// Opens the folder, or makes it. [`Spool::saved`] then reads what an earlier run left,
    /// [`Spool::resume`] goes on with it, and [`Spool::begin`] throws it away.
    ///
    /// # Errors
    /// [`SpoolError::InUse`] when another process has it open.
    pub fn open(folder: &Path) -> Result<Self, SpoolError> {
        let io = |doing| move |source| SpoolError::Io { doing, path: folder.into(), source };
        fs::create_dir_all(folder.join(STREAMS)).map_err(io("make the work folder"))?;
        let lock = File::create(folder.join(LOCK)).map_err(io("write to the work folder"))?;

        // The system releases the lock with the process, so a killed run leaves none.
        let mut tries = 1;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries < TRIES => std::thread::sleep(BETWEEN_TRIES),
                Err(TryLockError::WouldBlock) => return Err(SpoolError::InUse(folder.into())),
                Err(TryLockError::Error(source)) => return Err(io("lock the work folder")(source)),
            }

            tries += 1;
        }

        let journal = Journal::open(&folder.join(JOURNAL)).map_err(io("open the journal in"))?;
        Ok(Spool {
            folder: folder.into(),
            journal,
            streams: BTreeMap::new(),
            unconfirmed: Vec::new(),
            _lock: lock,
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The job and the sources that an earlier run saved with [`Spool::begin`]. `None` if there was
    /// no such run.
    pub fn saved(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        Some((fs::read(self.folder.join(JOB)).ok()?, fs::read(self.folder.join(SOURCES)).ok()?))
    }

    /// Where an earlier run left its job on a queue, by its note of [`Spool::note_place`]. `None`
    /// if there is no note, or the machine crashed before it was whole.
    pub fn place(&self) -> Option<JobPlace> {
        serde_json::from_slice(&fs::read(self.folder.join(QUEUE)).ok()?).ok()
    }

    /// Notes where the job of this run stands on a queue, so that the next run can remove what this
    /// one leaves there.
    pub fn note_place(&self, place: &JobPlace) -> Result<(), SpoolError> {
        let text = serde_json::to_vec(place).expect("texts and numbers are JSON");
        fs::write(self.folder.join(QUEUE), text).map_err(|source| self.io("write to", source))
    }

    /// Begins anew: throws away what an earlier run left, and saves job and sources.
    pub fn begin(&mut self, job: &[u8], sources: &[u8]) -> Result<(), SpoolError> {
        let mut begin = || {
            // First the file that makes the folder resumable, or a crash in between would leave a
            // job without its streams.
            for name in [JOB, STOPPED, ENTRIES, ROWS, FINISHED] {
                let _ = fs::remove_file(self.folder.join(name));
            }

            self.journal.cut(0)?;
            fs::remove_dir_all(self.folder.join(STREAMS))?;
            fs::create_dir(self.folder.join(STREAMS))?;
            self.save(job, sources)
        };

        begin().map_err(|source| SpoolError::Io {
            doing: "write to",
            path: self.folder.clone(),
            source,
        })
    }

    /// Goes on with what an earlier run left, as far as it is whole; cuts off the rest.
    pub fn resume(&mut self) -> Result<Resume, SpoolError> {
        self.replay(FileIndex(u64::MAX)).map_err(|source| self.io("read", source))
    }

    /// Goes on with what an earlier run left of the files before `file`, and saves this job in its
    /// place. Both jobs have the same files before `file`.
    pub fn resume_before(
        &mut self,
        file: FileIndex,
        job: &[u8],
        sources: &[u8],
    ) -> Result<Resume, SpoolError> {
        // The journal is cut before the new list is saved: what is left of it fits the old list,
        // too, if a crash comes in between.
        let resume = self.replay(file).map_err(|source| self.io("read", source))?;
        self.save(job, sources).map_err(|source| self.io("write to", source))?;
        Ok(resume)
    }

    fn save(&self, job: &[u8], sources: &[u8]) -> io::Result<()> {
        // The job comes last: without it nothing can be resumed.
        for (name, bytes) in [(SOURCES, sources), (JOB, job)] {
            // Through another name, so that a crash leaves the old file or the new one.
            let unfinished = self.folder.join(format!("{name}.new"));
            fs::write(&unfinished, bytes)?;
            fs::rename(unfinished, self.folder.join(name))?;
        }

        Ok(())
    }

    /// Reads what counts of an earlier run, up to the last unit that does not reach into `file`.
    fn replay(&mut self, file: FileIndex) -> io::Result<Resume> {
        let mut entries = self.journal.read()?;

        let is_before = |end: &Position| (end.file, end.slices) <= (file, 0);
        entries.truncate(entries.partition_point(|(entry, _)| is_before(&entry.end)));

        // Again from the start: without the later entries, streams that these dropped count again.
        while let Some(misfit) = self.first_misfit(&entries)? {
            entries.truncate(misfit);
        }

        self.streams.values_mut().try_for_each(StreamFile::cut)?;
        let (last, end) = entries.pop().map_or((None, 0), |(entry, end)| (Some(entry), end));
        self.journal.cut(end)?;

        Ok(last.map_or_else(Resume::default, |entry| Resume {
            position: entry.end,
            notes: entry.notes,
        }))
    }

    /// Compares the streams with the journal; returns the index of the first entry whose bytes are
    /// not there.
    fn first_misfit(&mut self, entries: &[(Entry, u64)]) -> io::Result<Option<usize>> {
        self.streams.clear();

        // The streams of these files were removed on purpose, although earlier entries name them.
        let dropped: HashSet<FileIndex> =
            entries.iter().flat_map(|(entry, _)| &entry.dropped_files).copied().collect();
        let is_dropped =
            |part: &Part| part.stream.file().is_some_and(|sequence| dropped.contains(&sequence));

        for (index, (entry, _)) in entries.iter().enumerate() {
            for part in entry.segments.iter().filter(|part| !is_dropped(part)) {
                if !stream_of(&mut self.streams, &self.folder, part.stream)?.accept(part)? {
                    return Ok(Some(index));
                }
            }
        }

        Ok(None)
    }

    /// Appends segments to their streams. They count after the next [`Spool::confirm`].
    pub fn append<'a>(
        &mut self,
        segments: impl IntoIterator<Item = &'a Segment>,
    ) -> Result<(), SpoolError> {
        for segment in segments {
            let part = stream_of(&mut self.streams, &self.folder, segment.stream)
                .and_then(|file| file.append(segment));
            let part = part.map_err(|source| self.io("write to", source))?;
            self.unconfirmed.push(part);
        }

        Ok(())
    }

    /// Ends a unit at `end`: what was appended counts from now on. `notes` are for the next run.
    /// The own workbooks of `dropped_files` are written, so their streams are removed. `unit` is the
    /// digest of all that decides the segments, if it is known.
    pub fn confirm(
        &mut self,
        end: Position,
        dropped_files: Vec<FileIndex>,
        notes: Vec<u8>,
        unit: Option<Digest>,
    ) -> Result<(), SpoolError> {
        let segments = std::mem::take(&mut self.unconfirmed);
        let entry = Entry { segments, end, dropped_files, notes, unit };

        // First the entry: streams may go only when the journal says that they are not needed.
        let store = self.journal.append(&entry).and_then(|()| {
            entry
                .dropped_files
                .iter()
                .try_for_each(|sequence| drop_file_streams(&mut self.streams, *sequence))
        });

        store.map_err(|source| self.io("write to", source))
    }

    /// A stream; `None` if it has no segments.
    pub fn stream(&self, stream: Stream) -> Option<&StreamFile> {
        self.streams.get(&stream)
    }

    /// Whether the spool has segments of this file's own workbook.
    pub fn has_file(&self, sequence: FileIndex) -> bool {
        let first = Stream { target: Target::File(sequence), part: 0 };
        let next = Stream { target: Target::File(sequence.next()), part: 0 };
        self.streams.range(first..next).next().is_some()
    }

    /// Appends a line that says why the run stopped, as the terminal may be gone.
    pub fn note_stop(&self, line: &str) -> Result<(), SpoolError> {
        let note = || {
            let mut file =
                File::options().create(true).append(true).open(self.folder.join(STOPPED))?;
            writeln!(file, "{line}")
        };

        note().map_err(|source| self.io("write to", source))
    }

    /// Removes the folder: the job is done.
    pub fn remove(self) -> Result<(), SpoolError> {
        fs::remove_dir_all(&self.folder).map_err(|source| self.io("remove", source))
    }

    fn io(&self, doing: &'static str, source: io::Error) -> SpoolError {
        SpoolError::Io { doing, path: self.folder.clone(), source }
    }
}

fn stream_of<'a>(
    streams: &'a mut BTreeMap<Stream, StreamFile>,
    folder: &Path,
    stream: Stream,
) -> io::Result<&'a mut StreamFile> {
    // Local, as an entry of the journal has the same name.
    use std::collections::btree_map::Entry;
    match streams.entry(stream) {
        Entry::Occupied(known) => Ok(known.into_mut()),
        Entry::Vacant(new) => Ok(new.insert(StreamFile::open(&folder.join(STREAMS), stream)?)),
    }
}

fn drop_file_streams(
    streams: &mut BTreeMap<Stream, StreamFile>,
    dropped: FileIndex,
) -> io::Result<()> {
    let is_of_file = |stream: &&Stream| stream.file() == Some(dropped);
    let gone: Vec<Stream> = streams.keys().filter(is_of_file).copied().collect();
    gone.iter().try_for_each(|stream| streams.remove(stream).expect("just listed").remove())
}

#[cfg(test)]
mod tests;
