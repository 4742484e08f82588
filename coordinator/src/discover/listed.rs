//! A list of files that somebody else made, as a client of the service.

use std::collections::HashMap;

use sheaf_common::problem::FileProblem;

use super::builder::split;
use super::sources::{Entry, Sources, index_of};

/// A file of such a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile<'a> {
    /// As rows and reports show it.
    pub path: &'a [u8],
    /// In bytes; 0 if there is a problem.
    pub size: u64,
    /// Why it cannot be read. It fails without being tried.
    pub problem: Option<&'a FileProblem>,
}

impl Sources {
    /// The sources of a list, in its order. Nothing is looked up: no time is known, and a file that
    /// is listed twice is read twice.
    pub fn listed<'a>(files: impl IntoIterator<Item = ListedFile<'a>>) -> Self {
        let mut sources = Sources::default();
        let mut folders: HashMap<Vec<u8>, u32> = HashMap::new();
        let mut problems: HashMap<FileProblem, u32> = HashMap::new();

        for file in files {
            let (folder, name) = split(file.path);
            let folder = *folders.entry(folder.into()).or_insert_with_key(|folder| {
                sources.folders.push(folder.clone());
                index_of(sources.folders.len() - 1)
            });

            let problem = file.problem.map_or(0, |problem| {
                *problems.entry(problem.clone()).or_insert_with_key(|problem| {
                    sources.problems.push(problem.clone());
                    index_of(sources.problems.len())
                })
            });

            let name = sources.names.push(name);
            let size = if problem == 0 { file.size } else { 0 };
            sources.entries.push(Entry { name, folder, problem, size, modified_ns: 0 });
        }

        sources
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_order_paths_and_problems() {
        let file = |path: &'static str, problem| {
            let path = path.as_bytes();
            ListedFile { path, size: 7, problem }
        };
        let gone = FileProblem::Gone;
        let files =
            [file("b/2", None), file("a", Some(&gone)), file("/c", None), file("b/1", None)];

        let sources = Sources::listed(files);
        let seen: Vec<_> = sources
            .iter()
            .map(|source| {
                (source.path.display().to_string(), source.size, source.problem.is_some())
            })
            .collect();
        let expected = [("b/2", 7, false), ("a", 0, true), ("/c", 7, false), ("b/1", 7, false)];
        assert_eq!(seen, expected.map(|(path, size, fails)| (path.to_owned(), size, fails)));
        assert!(Sources::load(&sources.save()).unwrap().iter().eq(sources.iter()));
    }
}
