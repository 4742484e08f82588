//! Where the bytes of a run's files are. Their paths are what rows and reports show, and what tells
//! how a file is packed; the bytes may be elsewhere.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::ensure;
use sheaf_common::task::{Content, Extract, SourceFile, SourcePath, Task, Work};
use sheaf_worker::run::Paths;

/// The bytes of a SHA-256.
pub type Sha256 = [u8; 32];

/// Where the bytes of a run's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// Each file is at its path.
    AtPaths,
    /// Each file is in `folder` under its SHA-256: see [`stored_path`]. The modification time of
    /// what is there does not matter.
    Stored {
        folder: PathBuf,
        /// One for each file of the run, in their order.
        hashes: Arc<Vec<Sha256>>,
    },
    /// Each file is at its path, which must lead to a place below one of these folders after all
    /// symbolic links are followed. Others fail. The folders are canonical.
    Within { roots: Vec<PathBuf> },
}

/// The place of a content in a folder of contents: `folder/ab/ab…`, in lower-case hex.
pub fn stored_path(folder: &Path, hash: &Sha256) -> PathBuf {
    let mut name = String::with_capacity(2 * hash.len());
    for byte in hash {
        let _ = write!(name, "{byte:02x}"); // Writing to a text does not fail.
    }

    folder.join(&name[..2]).join(name)
}

impl Contents {
    /// Checks that the place of each of a run's files is known.
    ///
    /// # Errors
    /// When there are more or fewer hashes than files.
    pub fn check(&self, files: usize) -> anyhow::Result<()> {
        if let Contents::Stored { hashes, .. } = self {
            let hashes = hashes.len();
            ensure!(
                hashes == files,
                "{files} files are to be read, but the hashes of {hashes} are given"
            );
        }

        Ok(())
    }

    /// Says in each file of a task where its bytes are. What must not be opened becomes
    /// [`Content::Unreadable`].
    pub fn locate(&self, mut task: Task) -> Task {
        if let Work::Extract(extract) = &mut task.work {
            match self {
                Contents::AtPaths => {}
                Contents::Stored { folder, hashes } => locate_stored(extract, folder, hashes),
                Contents::Within { roots } => {
                    *extract = Paths::Under(roots.clone()).confine(extract).into_owned();
                }
            }
        }

        task
    }
}

fn locate_stored(extract: &mut Extract, folder: &Path, hashes: &[Sha256]) {
    for file in &mut extract.files {
        let SourceFile { sequence, modified, content, .. } = file;
        let path = stored_path(folder, &hashes[sequence.index()]);

        // Workers may run in other folders. It fails only without a current folder.
        let path = std::path::absolute(&path).unwrap_or(path);
        *content = Content::At(SourcePath::from(path.as_path()));

        // That of the user's file, which the stored one does not have.
        *modified = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sheaf_common::job::{Class, JobId, JobSpec, TaskId};
    use sheaf_common::numbers::{FileIndex, TaskNumber};
    use sheaf_common::problem::FileProblem;

    fn task(paths: &[&Path]) -> Task {
        let files = paths.iter().zip(0..);
        let files = files.map(|(path, index)| SourceFile::at_path(FileIndex(index), path, 1, 7));
        let id = TaskId { job: JobId(1), class: Class::Extract, number: TaskNumber(0) };
        let spec = Arc::new(JobSpec::default());
        Task { id, work: Work::Extract(Extract { spec, files: files.collect() }) }
    }

    fn files(task: Task) -> Vec<SourceFile> {
        let Work::Extract(extract) = task.work else { panic!("it is an extract task") };
        extract.files
    }

    #[test]
    fn stored_files_keep_their_shown_paths() {
        let mut hash = [0xab; 32];
        hash[31] = 1;
        let hashes = Arc::new(vec![[0; 32], hash]);
        let contents = Contents::Stored { folder: "/store".into(), hashes };
        assert!(contents.check(2).is_ok() && contents.check(3).is_err());

        let located = files(contents.locate(task(&["a.gz".as_ref(), "b.gz".as_ref()])));
        let place = format!("/store/ab/{}01", "ab".repeat(31));
        assert_eq!(located[1].content, Content::At(SourcePath::from(Path::new(&place))));
        assert_eq!((located[1].path.display(), located[1].modified), ("b.gz".into(), 0));
    }

    #[test]
    fn links_out_of_the_roots_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("root")).unwrap();
        std::fs::write(real.join("root/good"), "a").unwrap();
        std::fs::write(real.join("secret"), "b").unwrap();
        std::os::unix::fs::symlink(real.join("secret"), real.join("root/link")).unwrap();

        let contents = Contents::Within { roots: vec![real.join("root")] };
        let (good, link) = (real.join("root/good"), real.join("root/link"));
        let located = files(contents.locate(task(&[&good, &link])));
        assert_eq!(located[0].content, Content::Resolved(SourcePath::from(good.as_path())));
        let path = link.display().to_string();
        assert_eq!(located[1].content, Content::Unreadable(FileProblem::OutsideRoots { path }));
    }
}
