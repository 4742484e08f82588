//! Errors of the system about a path, and things that are found in place of a file.

use std::fs::FileType;
use std::io;
use std::os::unix::fs::FileTypeExt;

use serde::{Deserialize, Serialize};

use super::ProblemKind;

/// Why the system failed at a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum SystemError {
    #[error("no such file or folder")]
    NoSuchFile,
    #[error("the symbolic link leads nowhere")]
    DeadLink,
    #[error("a part of the path is not a folder")]
    NotAFolder,
    #[error("the symbolic link leads to itself")]
    LinkLoop,
    #[error("permission denied")]
    Denied,
    #[error("the path is too long")]
    LongPath,
    #[error("the path holds a NUL")]
    Nul,
    /// Any other, in the words of the system: see [`words`].
    #[error("{0}")]
    Other(String),
}

impl SystemError {
    /// The reason why a path cannot be inspected, or a folder not be listed. `link`: the path is a
    /// symbolic link.
    pub fn of_path(error: &io::Error, link: bool) -> Self {
        // `io::ErrorKind` has no stable kind for it.
        if error.raw_os_error() == Some(libc::ELOOP) {
            return SystemError::LinkLoop;
        }

        match error.kind() {
            // The link itself is there, so its target is missing.
            io::ErrorKind::NotFound if link => SystemError::DeadLink,
            io::ErrorKind::NotFound => SystemError::NoSuchFile,
            io::ErrorKind::NotADirectory => SystemError::NotAFolder,
            io::ErrorKind::InvalidFilename => SystemError::LongPath,
            io::ErrorKind::InvalidInput => SystemError::Nul,
            _ => SystemError::of_file(error),
        }
    }

    /// The reason why a file that was found cannot be opened or read.
    pub fn of_file(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => SystemError::Denied,
            _ => SystemError::Other(words(error)),
        }
    }

    pub(super) fn kind(&self) -> ProblemKind {
        match self {
            SystemError::NoSuchFile | SystemError::DeadLink | SystemError::NotAFolder => {
                ProblemKind::Gone
            }
            SystemError::Denied => ProblemKind::NotAllowed,
            SystemError::LinkLoop
            | SystemError::LongPath
            | SystemError::Nul
            | SystemError::Other(_) => ProblemKind::Unreadable,
        }
    }
}

/// A system error as a clause: it begins in lower case, and has no number.
pub fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();

    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => "unknown error".into(),
    }
}

/// A thing in place of an expected file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum NonFile {
    #[error("a folder")]
    Folder,
    #[error("a named pipe")]
    Pipe,
    #[error("a socket")]
    Socket,
    #[error("a device")]
    Device,
    /// The system refused to open it, without saying which.
    #[error("a socket or a device")]
    SocketOrDevice,
    #[error("something else")]
    Other,
}

impl NonFile {
    /// What a thing of this type is; `None`: a file.
    pub fn of(kind: FileType) -> Option<Self> {
        if kind.is_file() {
            None
        } else if kind.is_dir() {
            Some(NonFile::Folder)
        } else if kind.is_fifo() {
            Some(NonFile::Pipe)
        } else if kind.is_socket() {
            Some(NonFile::Socket)
        } else if kind.is_block_device() || kind.is_char_device() {
            Some(NonFile::Device)
        } else {
            Some(NonFile::Other)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_are_clauses() {
        assert_eq!(words(&io::Error::from_raw_os_error(libc::EACCES)), "permission denied");
        assert_eq!(words(&io::Error::from_raw_os_error(libc::EIO)), "input/output error");
    }

    #[test]
    fn a_dead_link_is_no_missing_file() {
        let missing = io::Error::from_raw_os_error(libc::ENOENT);
        assert_eq!(SystemError::of_path(&missing, true), SystemError::DeadLink);
        assert_eq!(SystemError::of_path(&missing, false), SystemError::NoSuchFile);

        let looped = io::Error::from_raw_os_error(libc::ELOOP);
        assert_eq!(SystemError::of_path(&looped, true), SystemError::LinkLoop);
    }
}
