//! Where rows are written, and in which format.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sheaf_common::job::{Packing, Rendering};

use super::UsageError;
use crate::human::shown;

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub path: PathBuf,
    /// Its format: the index in [`sheaf_common::job::JobSpec::renderings`].
    pub rendering_index: usize,
}

/// The extensions that name a format.
pub const EXTENSIONS: [&str; 7] = [".xlsx", ".csv", ".jsonl", ".csv.gz", ".csv.zst", ".jsonl.gz", ".jsonl.zst"];

const RENDERINGS: [Rendering; 7] = [
    Rendering::Xlsx,
    Rendering::Csv(Packing::Plain),
    Rendering::JsonLines(Packing::Plain),
    Rendering::Csv(Packing::Gzip),
    Rendering::Csv(Packing::Zstd),
    Rendering::JsonLines(Packing::Gzip),
    Rendering::JsonLines(Packing::Zstd),
];

/// Where to write if nothing is said.
const DEFAULT: &str = "final.xlsx";

/// Gives each path its format; the renderings come without duplicates, in the order of their first use.
///
/// # Errors
/// An extension that names no format, or one path twice ([`place`] decides).
pub fn resolve(typed: &[PathBuf]) -> Result<(Vec<Output>, Vec<Rendering>), UsageError> {
    let default = [PathBuf::from(DEFAULT)];
    let paths = if typed.is_empty() { &default[..] } else { typed };
    let (mut outputs, mut renderings, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for path in paths {
        let rendering = rendering(path)?;
        let place = place(path);
        if places.contains(&place) {
            return Err(UsageError::SameOutput(printed(path)));
        }
        places.push(place);
        let known = renderings.iter().position(|known| *known == rendering);
        let rendering_index = known.unwrap_or_else(|| {
            renderings.push(rendering);
            renderings.len() - 1
        });
        outputs.push(Output { path: path.clone(), rendering_index });
    }
    Ok((outputs, renderings))
}

fn rendering(path: &Path) -> Result<Rendering, UsageError> {
    let name = path.file_name().map(|name| String::from_utf8_lossy(name.as_bytes()).to_lowercase()).unwrap_or_default();
    // A name that is nothing but an extension (`.csv`) is a hidden file without one.
    let found = EXTENSIONS.iter().position(|extension| name.ends_with(extension) && name.len() > extension.len());
    if let Some(index) = found {
        return Ok(RENDERINGS[index]);
    }
    let Some((_, extension)) =
        name.rsplit_once('.').filter(|(stem, extension)| !stem.is_empty() && !extension.is_empty())
    else {
        return Err(UsageError::NoExtension(printed(path)));
    };
    // `a.json.gz`: both parts are the format, and the first is the wrong one.
    let packed = ["gz", "zst", "xz", "bz2"].contains(&extension);
    let inner = name
        .rsplit_once('.')
        .and_then(|(stem, _)| stem.rsplit_once('.'))
        .filter(|(stem, _)| packed && !stem.is_empty());
    let extension = inner.map_or(format!(".{extension}"), |(_, inner)| format!(".{inner}.{extension}"));
    Err(UsageError::UnknownExtension { path: printed(path), extension })
}

/// The place that a path means: absolute, with symbolic links in its folder resolved as far as that exists.
pub fn place(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return path.into(),
    };
    let Some(name) = path.file_name() else {
        return path.canonicalize().unwrap_or_else(|_| path.into());
    };
    let folder = folder.canonicalize().or_else(|_| std::path::absolute(folder)).unwrap_or_else(|_| folder.into());
    folder.join(name)
}

/// A path as it may stand in a message.
pub fn printed(path: &Path) -> String {
    shown(path.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(paths: &[&str]) -> Result<(Vec<Output>, Vec<Rendering>), UsageError> {
        resolve(&paths.iter().map(PathBuf::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_default_is_a_workbook() {
        let (outputs, renderings) = resolved(&[]).unwrap();
        assert_eq!(outputs, [Output { path: "final.xlsx".into(), rendering_index: 0 }]);
        assert_eq!(renderings, [Rendering::Xlsx]);
    }

    #[test]
    fn two_outputs_of_a_format_are_one_rendering() {
        let (outputs, renderings) = resolved(&["a.jsonl", "b.xlsx", "c.JSONL", "d.csv.gz"]).unwrap();
        assert_eq!(outputs.iter().map(|output| output.rendering_index).collect::<Vec<_>>(), [0, 1, 0, 2]);
        assert_eq!(renderings.len(), 3);
        assert_eq!(renderings[2], Rendering::Csv(Packing::Gzip));
    }

    #[test]
    fn every_extension_has_its_format() {
        for (extension, expected) in EXTENSIONS.iter().zip(RENDERINGS) {
            assert_eq!(rendering(Path::new(&format!("a.b{extension}"))).unwrap(), expected);
        }
    }

    #[test]
    fn what_was_meant_by_an_unknown_extension() {
        let cases = [
            ("a.xlxs", Some("did you mean `a.xlsx`?")),
            ("a.xls", Some("did you mean `a.xlsx`?")),
            ("a.json", Some("did you mean `a.jsonl`?")),
            ("a.json.gz", Some("did you mean `a.jsonl.gz`?")),
            ("a.pdf", None),
            ("a", None),
            (".csv", None),
            ("a.", None),
        ];
        for (path, meant) in cases {
            let hint = rendering(Path::new(path)).unwrap_err().hint().unwrap();
            match meant {
                Some(meant) => assert_eq!(hint, meant),
                None => assert!(hint.contains(".xlsx .csv .jsonl"), "{hint}"),
            }
        }
    }

    #[test]
    fn one_place_by_two_names_is_one_place() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("link")).unwrap();
        let (a, b) = (folder.path().join("a.csv"), folder.path().join("link/./a.csv"));
        assert!(matches!(resolve(&[a, b]), Err(UsageError::SameOutput(_))));
        assert!(matches!(resolved(&["a.csv", "./a.csv"]), Err(UsageError::SameOutput(_))));
    }
}
