//! The input files of a job.

use serde::{Deserialize, Serialize};
use sheaf_common::problem::FileProblem;
use utoipa::ToSchema;

use super::Hash;

/// Which files a job reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Inputs {
    /// These files, whose contents the service has already, in this order.
    Files(Vec<InputFile>),
    /// The files below these paths, which the service sees. Only below its `--root` folders.
    Paths(InputPaths),
}

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// Its name in the rows and in the job log. Nothing is opened under it.
    #[schema(max_length = 4096, example = "wiki/AA/wiki_00")]
    pub path: String,
    /// The same in hex, if it is not UTF-8; then `path` is only for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
    /// Its content; absent if it has a `problem`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Hash>,
    /// In bytes.
    #[serde(default)]
    pub size: u64,
    /// Why the client could not read it. It fails without being tried. Its form is Sheaf's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub problem: Option<FileProblem>,
}

/// Paths of the service's machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InputPaths {
    /// Absolute paths of files and folders; at least one.
    #[schema(min_items = 1, example = json!(["/srv/corpus/wiki"]))]
    pub paths: Vec<String>,
    /// Within folders, read only the files that match one of these globs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Within folders, leave out the files and folders that match one of these globs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Also read hidden files and folders.
    #[serde(default)]
    pub hidden: bool,
    /// Read only this many files, the first ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub limit: Option<u64>,
}

/// The input files of a job, as the service shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InputsSeen {
    pub files: u64,
    pub bytes: u64,
    /// The paths on the service's machine; empty if the files were uploaded.
    pub paths: Vec<String>,
}
