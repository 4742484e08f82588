//! Files that are not read unless `--hidden` is given: hidden ones, and those that systems leave
//! beside files.

/// Names that are unwanted without being hidden: archives made on macOS and folders of Windows
/// contain them.
const NAMES: [&str; 3] = ["__MACOSX", "Thumbs.db", "desktop.ini"];

/// How many files and folders in the inputs were not read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Unwanted files and folders; a folder counts once.
    pub unwanted: u64,
    /// Those that the run itself writes.
    pub own: u64,
}

impl LeftOut {
    /// Whether nothing was left out.
    pub fn is_none(self) -> bool {
        self == LeftOut::default()
    }
}

/// Whether a file or folder of this name is not read without `--hidden`.
pub fn is_unwanted(name: &[u8]) -> bool {
    name.starts_with(b".") || NAMES.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_means_is_known_by_its_name() {
        for name in [
            ".git",
            ".DS_Store",
            "._a.html",
            ".ipynb_checkpoints",
            "__MACOSX",
            "thumbs.db",
            "Desktop.ini",
        ] {
            assert!(is_unwanted(name.as_bytes()), "{name}");
        }
        for name in ["a.html", "git", "_MACOSX", "a.", "Thumbs.db.html"] {
            assert!(!is_unwanted(name.as_bytes()), "{name}");
        }
    }
}
