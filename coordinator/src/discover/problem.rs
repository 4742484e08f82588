//! Why something cannot be read, in the user's words.

use std::fs::FileType;
use std::io;
use std::os::unix::fs::FileTypeExt;

use nix::errno::Errno;

/// Why opening or looking at something failed. `link` says that it is a symbolic link.
pub fn of_error(error: &io::Error, link: bool) -> String {
    if error.raw_os_error() == Some(Errno::ELOOP as i32) {
        return "the symbolic link leads to itself".into();
    }

    match error.kind() {
        io::ErrorKind::NotFound if link => "the symbolic link leads nowhere".into(),
        io::ErrorKind::NotFound => "no such file or folder".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::NotADirectory => "a part of the path is not a folder".into(),
        io::ErrorKind::InvalidFilename => "the path is too long".into(),
        io::ErrorKind::InvalidInput => "the path holds a NUL".into(),
        _ => without_number(error),
    }
}

/// Why a folder's entries cannot be listed.
pub fn of_folder(error: &io::Error) -> String {
    format!("the folder could not be read: {}", of_error(error, false))
}

/// What it is, when it is neither a file nor a folder.
pub fn of_type(kind: FileType) -> String {
    let what = if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "something else"
    };

    format!("not a file, but {what}")
}

/// A folder that is its own ancestor.
pub const LOOP: &str = "the folder leads back to one that it is in";

/// The system's words, without `(os error 5)`.
fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
