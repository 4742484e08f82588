//! The bytes of a source, if it has not changed since it was listed: all at once, or in pieces.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::{Component, Path};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use sheaf_common::problem::{Changed, FileProblem, NonFile, Step, SystemError, TooLarge};
use sheaf_common::task::{Content, SourceFile, modified_ns};
use tracing::error;

use super::pack::unpack;

/// The bytes of a chunk of [`read_in_chunks`].
const CHUNK: usize = 1 << 16;

/// The bytes of `file`: those that came with the task, or else those on disk. Does not block on a
/// named pipe.
///
/// # Errors
/// The file is missing, not a file, not readable, has changed, or has more than half of `memory`
/// bytes.
pub fn read(file: &SourceFile, memory: u64) -> Result<Cow<'_, [u8]>, FileProblem> {
    // The bytes and the text decoded from them are in memory together.
    let most = memory / 2;
    let too_large = |size| FileProblem::TooLarge(TooLarge::ForMemory { size, memory });

    match &file.content {
        Content::Here(bytes) if bytes.len() as u64 > most => {
            return Err(too_large(bytes.len() as u64));
        }
        Content::Here(bytes) => return Ok(Cow::Borrowed(bytes)),
        Content::Packed(_) if file.size > most => return Err(too_large(file.size)),
        Content::Packed(packed) => return unpack(packed, file.size).map(Cow::Owned),
        Content::Unreadable(problem) => return Err(problem.clone()),
        Content::AtPath | Content::At(_) | Content::Resolved(_) => {}
    }

    let (mut opened, before) = open_as_listed(file)?;
    if before.len() > most {
        return Err(too_large(before.len()));
    }

    let length = usize::try_from(before.len()).map_err(|_| too_large(before.len()))?;
    let mut bytes = Vec::with_capacity(length + 1);
    // One byte more than expected shows growth, and bounds the read of a file that grows for ever.
    let read = opened.by_ref().take(before.len() + 1).read_to_end(&mut bytes);
    read.map_err(|error| not_read(&error))?;

    check_unchanged(&opened, &before, bytes.len() as u64, file.modified)?;
    Ok(Cow::Owned(bytes))
}

/// Reads a file on disk with the same checks as [`read`], however large it is, and passes it to
/// `take` in chunks until that returns `false`. Returns whether all of it was taken.
///
/// # Errors
/// As [`read`], apart from the size.
pub fn read_in_chunks(
    file: &SourceFile,
    take: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<bool, FileProblem> {
    let (opened, before) = open_as_listed(file)?;
    let mut left = opened.take(before.len() + 1);
    let mut chunk = vec![0; CHUNK];
    let mut length = 0;

    loop {
        match left.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                length += read as u64;
                if !take(&chunk[..read]) {
                    return Ok(false);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(not_read(&error)),
        }
    }

    check_unchanged(left.get_ref(), &before, length, file.modified)?;
    Ok(true)
}

/// Opens a file on disk, if it is as it was listed.
fn open_as_listed(file: &SourceFile) -> Result<(File, Metadata), FileProblem> {
    let opened = patiently(|| match &file.content {
        Content::At(path) => open(path.as_path()),
        Content::Resolved(path) => open_without_links(path.as_path()),
        Content::AtPath | Content::Here(_) | Content::Packed(_) | Content::Unreadable(_) => {
            open(file.path.as_path())
        }
    });
    let opened = opened.map_err(|error| not_opened(&error))?;

    let before = as_listed(&opened, file.size, file.modified)?;

    Ok((opened, before))
}

/// Checks that a file of which `length` bytes were read is still the same. `listed`: its time when it
/// was listed; 0: its time says nothing, as with contents that are stored by their hash, whose time
/// is renewed when somebody asks for them.
fn check_unchanged(
    opened: &File,
    before: &Metadata,
    length: u64,
    listed: i64,
) -> Result<(), FileProblem> {
    let after = metadata(opened)?;
    let has_changed = listed != 0 && modified_ns(&after) != modified_ns(before);
    if length != before.len() || has_changed {
        return Err(FileProblem::Changed(Changed::WhileRead));
    }

    Ok(())
}

/// What stands in an open file. Refuses what is not the file that was listed with this size and
/// time.
fn as_listed(opened: &File, size: u64, modified: i64) -> Result<Metadata, FileProblem> {
    // Ask the open file, not the path: another file may take the path's place at any time.
    let before = metadata(opened)?;
    if let Some(other) = NonFile::of(before.file_type()) {
        return Err(FileProblem::NotAFile(other));
    }

    // 0: the time is unknown.
    if before.len() != size || (modified != 0 && modified_ns(&before) != modified) {
        return Err(FileProblem::Changed(Changed::SinceListed));
    }

    Ok(before)
}

/// A listed file, read in pieces by whoever sends it elsewhere, with the checks of [`read`].
pub struct Pieces {
    file: File,
    before: Metadata,
    /// How many bytes are left; it must have these, and no more.
    left: u64,
}

impl Pieces {
    /// Opens a file that was listed with this size and modification time (0: unknown), at byte
    /// `from`.
    ///
    /// # Errors
    /// As for [`read`].
    pub fn open(
        path: &Path,
        size: u64,
        modified: i64,
        memory: u64,
        from: u64,
    ) -> Result<Self, FileProblem> {
        let mut file = patiently(|| open(path)).map_err(|error| not_opened(&error))?;
        let before = as_listed(&file, size, modified)?;
        if size > memory / 2 {
            return Err(FileProblem::TooLarge(TooLarge::ForMemory { size, memory }));
        }
        if from > 0 {
            file.seek(SeekFrom::Start(from)).map_err(|error| not_read(&error))?;
        }

        Ok(Pieces { file, before, left: size.saturating_sub(from) })
    }

    /// Reads into `buffer`; returns how many bytes came. 0 is the end of the whole file, or an empty
    /// buffer.
    ///
    /// # Errors
    /// The file cannot be read, or has changed.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, FileProblem> {
        if buffer.is_empty() {
            return Ok(0);
        }

        let read = loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(|error| not_read(&error))?,
            }
        };

        let changed = FileProblem::Changed(Changed::WhileRead);
        let left = self.left.checked_sub(read as u64).ok_or(changed.clone())?;
        self.left = left;

        // At its end a file must have given all that it had, and still be the same.
        let is_same = || Ok(modified_ns(&metadata(&self.file)?) == modified_ns(&self.before));
        if read == 0 && (left > 0 || !is_same()?) { Err(changed) } else { Ok(read) }
    }
}

/// Opens a file; retries as long as this process or the system is at its limit of open files, for
/// which the file is not to blame.
fn patiently(open: impl Fn() -> io::Result<File>) -> io::Result<File> {
    const SAY_AFTER: Duration = Duration::from_secs(2);
    const LONGEST_PAUSE: Duration = Duration::from_secs(1);

    let began = Instant::now();
    let mut pause = Duration::from_millis(10);
    let mut said = false;

    loop {
        let opened = open();
        let errno = opened.as_ref().err().and_then(io::Error::raw_os_error).map(Errno::from_raw);
        if !matches!(errno, Some(Errno::EMFILE | Errno::ENFILE)) {
            return opened;
        }

        // Most shortages pass before the user need know of them.
        if !said && began.elapsed() >= SAY_AFTER {
            said = true;
            error!(
                "too many files are open: waiting to open the next; raise the limit (`ulimit -n`)"
            );
        }

        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The flags for reading: a named pipe must not block, and a terminal must not become ours.
fn reading() -> OFlag {
    OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC
}

fn open(path: &Path) -> io::Result<File> {
    Ok(nix::fcntl::open(path, reading(), Mode::empty())?.into())
}

/// Opens an absolute path component by component, and refuses it if one has become a symbolic link
/// since the path was resolved. So no one can lead it out of a root between the check and the open.
fn open_without_links(path: &Path) -> io::Result<File> {
    let mut names = path.components().peekable();
    if names.next() != Some(Component::RootDir) {
        return Err(io::ErrorKind::InvalidInput.into());
    }

    let on_the_way = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut at: OwnedFd = nix::fcntl::open("/", on_the_way, Mode::empty())?;

    while let Some(name) = names.next() {
        let Component::Normal(name) = name else { return Err(io::ErrorKind::InvalidInput.into()) };
        let flags = if names.peek().is_some() { on_the_way } else { reading() };
        at = openat(&at, name, flags | OFlag::O_NOFOLLOW, Mode::empty())?;
    }

    Ok(at.into())
}

fn metadata(file: &File) -> Result<Metadata, FileProblem> {
    file.metadata().map_err(|error| not_read(&error))
}

fn not_read(error: &io::Error) -> FileProblem {
    FileProblem::System { step: Step::Read, error: SystemError::of_file(error) }
}

fn not_opened(error: &io::Error) -> FileProblem {
    const NO_SUCH_DEVICE_OR_ADDRESS: i32 = nix::errno::Errno::ENXIO as i32;

    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::NotFound | io::ErrorKind::NotADirectory, _) => FileProblem::Gone,
        (_, Some(NO_SUCH_DEVICE_OR_ADDRESS)) => FileProblem::NotAFile(NonFile::SocketOrDevice),
        _ => FileProblem::System { step: Step::Open, error: SystemError::of_file(error) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sheaf_common::numbers::FileIndex;
    use sheaf_common::problem::ProblemKind;
    use sheaf_common::task::SourcePath;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    fn source(path: &Path) -> SourceFile {
        let metadata = std::fs::metadata(path).unwrap();

        SourceFile::at_path(FileIndex(0), path, metadata.len(), modified_ns(&metadata))
    }

    fn problem(file: &SourceFile) -> FileProblem {
        read(file, 1 << 30).unwrap_err()
    }

    #[test]
    fn files_are_read_and_shipped_bytes_are_borrowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "text").unwrap();
        let mut file = source(&path);
        assert_eq!(*read(&file, 1 << 30).unwrap(), *b"text");

        file.content = Content::Here(b"shipped".to_vec());
        assert!(matches!(read(&file, 1 << 30), Ok(Cow::Borrowed(b"shipped"))));
        assert_eq!(
            read(&file, 8).unwrap_err(),
            FileProblem::TooLarge(TooLarge::ForMemory { size: 7, memory: 8 })
        );

        file.content = super::super::pack(vec![b'x'; 2000]);
        file.size = 2000;
        assert_eq!(*read(&file, 1 << 30).unwrap(), *vec![b'x'; 2000]);
        assert_eq!(read(&file, 3999).unwrap_err().kind(), ProblemKind::TooLarge);
    }

    #[test]
    fn an_unknown_time_may_be_renewed_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "text").unwrap();
        let listed = source(&path);
        let stored = SourceFile { modified: 0, ..listed.clone() };

        let mut renew = |_: &[u8]| {
            let file = File::options().append(true).open(&path).unwrap();
            file.set_modified(SystemTime::now() + Duration::from_secs(9)).unwrap();
            true
        };
        assert_eq!(read_in_chunks(&stored, &mut renew), Ok(true));

        let listed = SourceFile { modified: source(&path).modified, ..listed };
        let mut renew = |_: &[u8]| {
            let file = File::options().append(true).open(&path).unwrap();
            file.set_modified(SystemTime::now() + Duration::from_secs(90)).unwrap();
            true
        };
        let changed = FileProblem::Changed(Changed::WhileRead);
        assert_eq!(read_in_chunks(&listed, &mut renew), Err(changed));
    }

    #[test]
    fn a_change_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "text").unwrap();
        let file = source(&path);
        std::fs::write(&path, "texts").unwrap();
        assert_eq!(problem(&file), FileProblem::Changed(Changed::SinceListed));

        let file = source(&path);
        let later = SystemTime::now() + Duration::from_secs(5);
        File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert_eq!(problem(&file), FileProblem::Changed(Changed::SinceListed));

        std::fs::remove_file(&path).unwrap();
        assert_eq!(problem(&file), FileProblem::Gone);
    }

    #[test]
    fn pieces_are_the_whole_unchanged_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "some text").unwrap();
        let time = source(&path).modified;
        let open = |size, from| Pieces::open(&path, size, time, 1 << 30, from);

        let all = |mut pieces: Pieces| -> Result<Vec<u8>, FileProblem> {
            let mut found = Vec::new();
            let mut buffer = [0; 4];
            loop {
                match pieces.read(&mut buffer)? {
                    0 => return Ok(found),
                    read => found.extend_from_slice(&buffer[..read]),
                }
            }
        };

        assert_eq!(all(open(9, 0).unwrap()).unwrap(), b"some text");
        assert_eq!(all(open(9, 5).unwrap()).unwrap(), b"text");
        assert_eq!(open(8, 0).err(), Some(FileProblem::Changed(Changed::SinceListed)));

        for other in ["some texts", "some tex", "same size"] {
            std::fs::write(&path, "some text").unwrap();
            let pieces = Pieces::open(&path, 9, 0, 1 << 30, 0).unwrap();
            std::fs::write(&path, other).unwrap();
            let later = SystemTime::now() + Duration::from_secs(5);
            File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
            assert_eq!(all(pieces), Err(FileProblem::Changed(Changed::WhileRead)), "{other}");
        }
    }

    #[test]
    fn a_resolved_path_leads_through_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap().join("real");
        std::fs::create_dir(&real).unwrap();
        std::fs::write(real.join("a"), "text").unwrap();
        std::os::unix::fs::symlink(&real, folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink("a", real.join("b")).unwrap();

        let at = |path: &Path, content: fn(SourcePath) -> Content| SourceFile {
            content: content(SourcePath::from(path)),
            ..source(&real.join("a"))
        };

        let linked = folder.path().join("link/a");
        assert_eq!(*read(&at(&real.join("a"), Content::Resolved), 1 << 30).unwrap(), *b"text");
        assert_eq!(*read(&at(&linked, Content::At), 1 << 30).unwrap(), *b"text");
        // For a link in place of a folder, the system reports "not a directory".
        assert_eq!(problem(&at(&linked, Content::Resolved)), FileProblem::Gone);

        for path in [real.join("b"), real.join("../real/a"), "real/a".into()] {
            assert!(
                matches!(
                    problem(&at(&path, Content::Resolved)),
                    FileProblem::System { step: Step::Open, .. }
                ),
                "{}",
                path.display()
            );
        }

        assert_eq!(problem(&at(&real.join("c"), Content::Resolved)), FileProblem::Gone);
    }

    #[test]
    fn anything_but_a_file_is_named_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let found = |path: &Path| problem(&source(path));
        assert_eq!(found(folder.path()), FileProblem::NotAFile(NonFile::Folder));

        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(found(&pipe), FileProblem::NotAFile(NonFile::Pipe));

        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(found(&socket), FileProblem::NotAFile(NonFile::SocketOrDevice));

        assert_eq!(found(Path::new("/dev/null")), FileProblem::NotAFile(NonFile::Device));
    }
}
