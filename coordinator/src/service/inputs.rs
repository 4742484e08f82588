//! The list of a job's files on disk: what was uploaded, or what was found below paths.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::api::InputFile;
use crate::discover::{ListedFile, Sources};

use super::store::JobPlace;

/// The longest path of a file, in bytes: as long as the system's.
const LONGEST_PATH: usize = 4096;

/// The files of a job.
pub struct Listed {
    pub sources: Sources,
    /// The hashes of their contents, one for each file; `None`: they are at their paths.
    pub hashes: Option<Arc<Vec<[u8; 32]>>>,
}

/// Why a list of files cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFiles {
    #[error("the job has no file")]
    Empty,
    #[error("no file of the job can be read")]
    AllFail,
    #[error("file {index} has an empty path, one of more than 4,096 bytes, or one with a NUL")]
    Path { index: usize },
    #[error("the `path_hex` of file {index} is not hexadecimal")]
    PathHex { index: usize },
    #[error("file {index} needs either `sha256` or `problem`")]
    NoContent { index: usize },
}

impl Listed {
    /// The files that a client uploaded.
    ///
    /// # Errors
    /// The first file that cannot be meant, or a list without a file that can be read.
    pub fn of_upload(files: &[InputFile]) -> Result<Self, BadFiles> {
        let mut paths = Vec::with_capacity(files.len());
        let mut hashes = Vec::with_capacity(files.len());

        for (index, file) in files.iter().enumerate() {
            paths.push(path_of(index, file)?);

            match (file.sha256, &file.problem) {
                (Some(hash), None) => hashes.push(hash.0),
                // Never looked up: the file fails without being tried.
                (None, Some(_)) => hashes.push([0; 32]),
                (Some(_), Some(_)) | (None, None) => return Err(BadFiles::NoContent { index }),
            }
        }

        if files.is_empty() {
            return Err(BadFiles::Empty);
        }
        if files.iter().all(|file| file.problem.is_some()) {
            return Err(BadFiles::AllFail);
        }

        let listed = files.iter().zip(&paths).map(|(file, path)| ListedFile {
            path,
            size: file.size,
            problem: file.problem.as_ref(),
        });

        Ok(Listed { sources: Sources::listed(listed), hashes: Some(Arc::new(hashes)) })
    }

    /// Saves the list.
    ///
    /// # Errors
    /// Those of the system.
    pub fn save(&self, place: &JobPlace) -> io::Result<()> {
        if let Some(hashes) = &self.hashes {
            replace(&place.hashes(), hashes.as_flattened())?;
        }
        replace(&place.inputs(), &self.sources.save())
    }

    /// Reads a saved list; `None` if there is none yet.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn load(place: &JobPlace) -> io::Result<Option<Self>> {
        let Some(saved) = read_if_there(&place.inputs())? else { return Ok(None) };
        let sources = Sources::load(&saved).map_err(io::Error::other)?;

        let hashes = saved_hashes(place)?;
        if hashes.as_ref().is_some_and(|hashes| hashes.len() != sources.len()) {
            return Err(io::Error::other("the list of hashes is damaged"));
        }

        Ok(Some(Listed { sources, hashes: hashes.map(Arc::new) }))
    }
}

/// The hashes of a job's contents; `None`: they are at their paths.
///
/// # Errors
/// Those of the system.
pub fn saved_hashes(place: &JobPlace) -> io::Result<Option<Vec<[u8; 32]>>> {
    let hashes = read_if_there(&place.hashes())?;
    Ok(hashes.map(|bytes| bytes.as_chunks().0.to_vec()))
}

fn path_of(index: usize, file: &InputFile) -> Result<Vec<u8>, BadFiles> {
    let path = match &file.path_hex {
        Some(hex) => from_hex(hex).ok_or(BadFiles::PathHex { index })?,
        None => file.path.as_bytes().to_vec(),
    };

    let is_path = !path.is_empty() && path.len() <= LONGEST_PATH && !path.contains(&0);
    if is_path { Ok(path) } else { Err(BadFiles::Path { index }) }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }

    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces a file in one step.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    fs::write(&unfinished, bytes)?;
    fs::rename(unfinished, path)
}

#[cfg(test)]
mod tests {
    use sheaf_common::problem::FileProblem;

    use super::super::store::Key;
    use super::*;
    use crate::api::Hash;

    fn file(path: &str, hash: u8) -> InputFile {
        let sha256 = Some(Hash([hash; 32]));
        InputFile { path: path.into(), path_hex: None, sha256, size: 3, problem: None }
    }

    fn failing(path: &str) -> InputFile {
        InputFile { sha256: None, problem: Some(FileProblem::Gone), ..file(path, 0) }
    }

    #[test]
    fn a_list_comes_back_from_disk() {
        let folder = tempfile::tempdir().unwrap();
        let place = JobPlace::new(folder.path(), Key::random());
        fs::create_dir(place.folder()).unwrap();
        assert!(Listed::load(&place).unwrap().is_none());

        let hex = InputFile { path_hex: Some("61ff".into()), ..file("?", 2) };
        let listed = Listed::of_upload(&[file("a/b", 1), failing("c"), hex]).unwrap();
        listed.save(&place).unwrap();

        let again = Listed::load(&place).unwrap().unwrap();
        assert!(again.sources.iter().eq(listed.sources.iter()));
        assert_eq!(again.hashes, listed.hashes);
        assert_eq!(again.sources.get(2).path.as_os_str().as_encoded_bytes(), b"a\xff");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let of = |files: &[InputFile]| Listed::of_upload(files).map(|_| ()).unwrap_err();
        let nul = file("a\0b", 1);
        let hex = InputFile { path_hex: Some("6".into()), ..file("a", 1) };
        let neither = InputFile { sha256: None, ..file("a", 1) };
        let both = InputFile { problem: Some(FileProblem::Gone), ..file("a", 1) };

        assert_eq!(of(&[]), BadFiles::Empty);
        assert_eq!(of(&[failing("a")]), BadFiles::AllFail);
        assert_eq!(of(&[file("a", 1), nul]), BadFiles::Path { index: 1 });
        assert_eq!(of(&[file(&"x".repeat(4097), 1)]), BadFiles::Path { index: 0 });
        assert_eq!(of(&[hex]), BadFiles::PathHex { index: 0 });
        assert_eq!(of(&[neither]), BadFiles::NoContent { index: 0 });
        assert_eq!(of(&[both]), BadFiles::NoContent { index: 0 });
    }
}
