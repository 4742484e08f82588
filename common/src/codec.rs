//! The ways of packing an input file, known by the extension of its name.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// A way of packing a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Codec {
    Gzip,
    Bzip2,
    Zstd,
    Xz,
}

impl Codec {
    pub const ALL: [Codec; 4] = [Codec::Gzip, Codec::Bzip2, Codec::Zstd, Codec::Xz];

    /// The codec that the extension of a file's name means, in upper case or lower; `None`: the
    /// file is not packed.
    pub fn of(path: &Path) -> Option<Codec> {
        let extension = path.extension()?.to_str()?;
        Codec::ALL.into_iter().find(|codec| codec.extension().eq_ignore_ascii_case(extension))
    }

    /// The extension of packed files, without its dot.
    pub fn extension(self) -> &'static str {
        match self {
            Codec::Gzip => "gz",
            Codec::Bzip2 => "bz2",
            Codec::Zstd => "zst",
            Codec::Xz => "xz",
        }
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Gzip => "gzip",
            Codec::Bzip2 => "bzip2",
            Codec::Zstd => "zstd",
            Codec::Xz => "xz",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides_in_any_case() {
        assert_eq!(Codec::of(Path::new("a/X.GZ")), Some(Codec::Gzip));
        assert_eq!(Codec::of(Path::new("x.html.zst")), Some(Codec::Zstd));
        assert_eq!(Codec::of(Path::new("gz")), None);
    }
}
