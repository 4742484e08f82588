//! The outputs and their formats.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sheaf_common::codec::Codec;
use sheaf_common::job::Rendering;
use sheaf_format::{Form, standard_output};

use super::UsageError;
use crate::assemble::followed;
use crate::human::shown;

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub path: PathBuf,
    pub form: Form,
    /// The index of its form in [`sheaf_common::job::JobSpec::renderings`].
    pub rendering_index: usize,
}

/// The path that means standard output, alone or followed by an extension.
const STANDARD_OUTPUT: &str = "-";

impl Output {
    /// Whether it is written to standard output: `-`, `-.csv`. A file of that name is given with
    /// its folder: `./-.csv`.
    pub fn is_standard_output(&self) -> bool {
        is_standard_output(&self.path)
    }

    /// The place to which it is written: see [`place`].
    pub fn place(&self) -> PathBuf {
        if self.is_standard_output() { STANDARD_OUTPUT.into() } else { place(&self.path) }
    }

    /// Its name in messages.
    pub fn name(&self) -> String {
        if self.is_standard_output() { "standard output".into() } else { printed(&self.path) }
    }
}

fn is_standard_output(path: &Path) -> bool {
    let typed = path.as_os_str().as_bytes();
    let rest = typed.strip_prefix(STANDARD_OUTPUT.as_bytes());
    rest.is_some_and(|rest| (rest.is_empty() || rest.starts_with(b".")) && !rest.contains(&b'/'))
}

/// The output if none is given.
const DEFAULT: &str = "final.xlsx";

/// Gives each path its format. The renderings are without duplicates, in the order of their first
/// use.
///
/// # Errors
/// An extension that names no format, or two paths of one [`place`].
pub fn resolve(typed: &[PathBuf]) -> Result<(Vec<Output>, Vec<Rendering>), UsageError> {
    let default = [PathBuf::from(DEFAULT)];
    let paths = if typed.is_empty() { &default[..] } else { typed };

    let mut outputs = Vec::new();
    let mut renderings = Vec::new();
    let mut places = Vec::new();
    for path in paths {
        let form = form(path)?;
        let rendering = form.rendering();

        // Outputs of the same form share a rendering: their rows are rendered once.
        let known = renderings.iter().position(|known| *known == rendering);
        let rendering_index = known.unwrap_or_else(|| {
            renderings.push(rendering);
            renderings.len() - 1
        });

        let output = Output { path: path.clone(), form, rendering_index };
        let place = output.place();
        if places.contains(&place) {
            return Err(UsageError::SameOutput(output.name()));
        }

        places.push(place);
        outputs.push(output);
    }

    Ok((outputs, renderings))
}

fn form(path: &Path) -> Result<Form, UsageError> {
    if path.as_os_str() == STANDARD_OUTPUT {
        return Ok(standard_output());
    }

    let name = path
        .file_name()
        .map(|name| String::from_utf8_lossy(name.as_bytes()).to_lowercase())
        .unwrap_or_default();

    // By the whole name, as a form may have two extensions: `.csv.gz`.
    if let Some(form) = Form::of_name(&name) {
        return Ok(form);
    }

    let Some((_, extension)) =
        name.rsplit_once('.').filter(|(stem, extension)| !stem.is_empty() && !extension.is_empty())
    else {
        return Err(UsageError::NoExtension(printed(path)));
    };

    // In `a.json.gz` both extensions name the format, and the inner one is wrong.
    let inner = name
        .rsplit_once('.')
        .and_then(|(stem, _)| stem.rsplit_once('.'))
        .filter(|(stem, _)| Codec::of(path).is_some() && !stem.is_empty());
    let extension =
        inner.map_or(format!(".{extension}"), |(_, inner)| format!(".{inner}.{extension}"));

    Err(UsageError::UnknownExtension { path: printed(path), extension })
}

/// The absolute place of a path. Symbolic links are resolved as far as their targets exist.
pub fn place(path: &Path) -> PathBuf {
    let path = &followed(path).unwrap_or(path.into());
    let folder = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return path.into(),
    };

    let Some(name) = path.file_name() else {
        return path.canonicalize().unwrap_or_else(|_| path.into());
    };

    let folder = folder
        .canonicalize()
        // The folder may not exist yet: then its path alone has to tell places apart.
        .or_else(|_| std::path::absolute(folder))
        .unwrap_or_else(|_| folder.into());

    folder.join(name)
}

/// A path, safe to print in a message.
pub fn printed(path: &Path) -> String {
    shown(path.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use sheaf_format::{extensions, per_file};

    use super::*;

    fn meant(name: &str) -> Form {
        Form::of_name(name).unwrap()
    }

    fn resolved(paths: &[&str]) -> Result<(Vec<Output>, Vec<Rendering>), UsageError> {
        resolve(&paths.iter().map(PathBuf::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_default_is_a_workbook() {
        let (outputs, renderings) = resolved(&[]).unwrap();
        let form = per_file();
        assert_eq!(outputs, [Output { path: "final.xlsx".into(), form, rendering_index: 0 }]);
        assert_eq!(renderings, [form.rendering()]);
    }

    #[test]
    fn two_outputs_of_a_format_are_one_rendering() {
        let (outputs, renderings) =
            resolved(&["a.jsonl", "b.xlsx", "c.JSONL", "d.csv.gz"]).unwrap();
        assert_eq!(
            outputs.iter().map(|output| output.rendering_index).collect::<Vec<_>>(),
            [0, 1, 0, 2]
        );
        assert_eq!(renderings.len(), 3);
        assert_eq!(renderings[2], meant("d.csv.gz").rendering());
    }

    #[test]
    fn every_extension_has_its_format() {
        for (extension, expected) in extensions() {
            assert_eq!(form(Path::new(&format!("a.b{extension}"))).unwrap(), expected);
            let upper = format!("A{}", extension.to_uppercase());
            assert_eq!(form(Path::new(&upper)).unwrap(), expected);

            let (outputs, renderings) = resolved(&[&format!("-{extension}")]).unwrap();
            assert!(outputs[0].is_standard_output() && renderings == [expected.rendering()]);
        }
    }

    #[test]
    fn a_dash_without_a_folder_means_standard_output() {
        let (outputs, renderings) = resolved(&["-", "./-.csv"]).unwrap();
        assert_eq!(renderings, [meant("a.jsonl").rendering(), meant("a.csv").rendering()]);
        assert_eq!(
            [outputs[0].is_standard_output(), outputs[1].is_standard_output()],
            [true, false]
        );
        assert!(
            matches!(resolved(&["-", "-.jsonl"]), Err(UsageError::SameOutput(name)) if name == "standard output")
        );
        assert!(
            !is_standard_output(Path::new("-a.csv")) && !is_standard_output(Path::new("-.d/a.csv"))
        );
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
            let hint = form(Path::new(path)).unwrap_err().hint().unwrap();
            match meant {
                Some(meant) => assert_eq!(hint, meant),
                None => assert!(hint.contains(".xlsx .csv .tsv .jsonl"), "{hint}"),
            }
        }
    }

    #[test]
    fn one_place_by_two_names_is_one_place() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink("a.csv", folder.path().join("b.csv")).unwrap();
        let a = folder.path().join("a.csv");
        for other in ["link/./a.csv", "b.csv", "link/b.csv"] {
            let both = [a.clone(), folder.path().join(other)];
            assert!(matches!(resolve(&both), Err(UsageError::SameOutput(_))), "{other}");
        }

        assert!(matches!(resolved(&["a.csv", "./a.csv"]), Err(UsageError::SameOutput(_))));
    }
}
