//! Confines a worker to the files that it may open by their path. Files whose content was shipped
//! need no permission.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sheaf_common::problem::FileProblem;
use sheaf_common::task::{Content, Extract, SourceFile, SourcePath};

/// The files that a worker may open by their path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paths {
    /// All files: for a worker in the coordinator's own process.
    Any,
    /// The files below these folders, after following symbolic links. The folders are canonical.
    Under(Vec<PathBuf>),
}

impl Paths {
    /// Returns the task with the path of every allowed file resolved, and every other file replaced
    /// by the reason why it may not be opened.
    pub fn confine<'a>(&self, work: &'a Extract) -> Cow<'a, Extract> {
        let Paths::Under(roots) = self else { return Cow::Borrowed(work) };

        let is_shipped = |file: &SourceFile| {
            matches!(file.content, Content::Here(_) | Content::Packed(_) | Content::Unreadable(_))
        };

        // Nothing to resolve: spare the copy of the shipped bytes.
        if work.files.iter().all(is_shipped) {
            return Cow::Borrowed(work);
        }

        let files = work.files.iter().map(|file| confine(roots, file)).collect();
        Cow::Owned(Extract { spec: Arc::clone(&work.spec), files })
    }
}

fn confine(roots: &[PathBuf], file: &SourceFile) -> SourceFile {
    let path = match &file.content {
        Content::Here(_) | Content::Packed(_) | Content::Unreadable(_) => return file.clone(),
        Content::AtPath => &file.path,
        // Even a resolved path comes from the queue, which anyone may have written to.
        Content::At(path) | Content::Resolved(path) => path,
    };

    let content = resolve(roots, path.as_path())
        .unwrap_or_else(|| Content::Unreadable(FileProblem::OutsideRoots { path: path.display() }));

    SourceFile { content, ..file.clone() }
}

/// The real place of a file, if it is below a root. `None` otherwise, whether or not the file
/// exists.
fn resolve(roots: &[PathBuf], path: &Path) -> Option<Content> {
    let is_below = |path: &Path| roots.iter().any(|root| path.starts_with(root));

    match path.canonicalize() {
        Ok(real) => is_below(&real).then(|| Content::Resolved(SourcePath::from(real.as_path()))),
        // A missing file has no links to follow, so let the child say what is wrong. But a path
        // with `..` could then reveal whether a file outside the roots exists.
        Err(_) => {
            let plain = path.is_absolute()
                && !path.components().any(|part| part == std::path::Component::ParentDir);
            (plain && is_below(path)).then(|| Content::Resolved(SourcePath::from(path)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sheaf_common::numbers::FileIndex;
    use std::os::unix::fs::symlink;

    struct Place {
        _folder: tempfile::TempDir,
        real: PathBuf,
    }

    /// `in/a`, `out/b`, `in/good` → `in/a`, `in/bad` → `out/b`, `way` → `in`.
    fn place() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        for name in ["in", "out", "inner"] {
            std::fs::create_dir(real.join(name)).unwrap();
        }

        std::fs::write(real.join("in/a"), "a").unwrap();
        std::fs::write(real.join("out/b"), "b").unwrap();
        std::fs::write(real.join("inner/c"), "c").unwrap();

        symlink(real.join("in/a"), real.join("in/good")).unwrap();
        symlink(real.join("out/b"), real.join("in/bad")).unwrap();
        symlink(real.join("in"), real.join("way")).unwrap();
        Place { _folder: folder, real }
    }

    #[test]
    fn only_files_really_below_a_root_are_opened() {
        let Place { _folder, real } = place();
        let roots = [real.join("in")];
        let resolved =
            |name: &str| Some(Content::Resolved(SourcePath::from(real.join(name).as_path())));
        for (name, expected) in [
            ("in/a", resolved("in/a")),
            ("in/good", resolved("in/a")),
            ("way/a", resolved("in/a")),
            ("out/../in/a", resolved("in/a")),
            ("in/gone", resolved("in/gone")),
            ("in/bad", None),
            ("in/../out/b", None),
            ("in/../out/gone", None),
            ("out/b", None),
            ("out/gone", None),
            ("inner/c", None),
        ] {
            assert_eq!(resolve(&roots, &real.join(name)), expected, "{name}");
        }

        assert_eq!(resolve(&[], &real.join("in/a")), None);
        assert_eq!(resolve(&roots, Path::new("a")), None);
    }

    #[test]
    fn resolved_paths_from_the_queue_are_checked_again() {
        let Place { _folder, real } = place();
        let outside = SourcePath::from(real.join("out/b").as_path());
        let file = |content| SourceFile {
            sequence: FileIndex(0),
            path: outside.clone(),
            size: 1,
            modified: 0,
            content,
        };

        for content in
            [Content::AtPath, Content::At(outside.clone()), Content::Resolved(outside.clone())]
        {
            let confined = confine(&[real.join("in")], &file(content)).content;
            let path = outside.display();
            assert_eq!(confined, Content::Unreadable(FileProblem::OutsideRoots { path }));
        }

        let shipped = file(Content::Here(b"b".to_vec()));
        assert_eq!(confine(&[], &shipped), shipped);
    }
}
