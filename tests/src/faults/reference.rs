//! The job of all runs, and its outputs by a run without faults on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Run;
use crate::corpus::{doc, write};

/// Inputs, and their outputs.
pub struct Reference {
    pub inputs: PathBuf,
    xlsx: Vec<u8>,
    jsonl: Vec<u8>,
}

/// The names of the outputs.
pub const OUTPUTS: [&str; 2] = ["final.xlsx", "final.jsonl"];

impl Reference {
    /// Empties `folder`, writes `files` inputs, and makes the outputs by a run on this machine
    /// alone.
    ///
    /// # Panics
    /// If the run fails.
    pub fn make(folder: &Path, files: usize) -> Self {
        let _ = fs::remove_dir_all(folder);
        let inputs = folder.join("in");
        write_inputs(&inputs, files);

        let typed = format!("run in -o {} -o {} -p 2 --quiet", OUTPUTS[0], OUTPUTS[1]);
        Run::sheaf(folder).typed(&typed).finish().code(0);

        let [xlsx, jsonl] = OUTPUTS.map(|name| fs::read(folder.join(name)).expect("an output"));
        Reference { inputs, xlsx, jsonl }
    }

    /// The size of both outputs together, in bytes.
    pub fn size(&self) -> u64 {
        (self.xlsx.len() + self.jsonl.len()) as u64
    }

    /// The differences of the outputs in `folder`, one sentence each; empty if they are the same
    /// byte by byte.
    pub fn differences(&self, folder: &Path) -> Vec<String> {
        let mut wrong = Vec::new();
        for (name, right) in OUTPUTS.into_iter().zip([&self.xlsx, &self.jsonl]) {
            match fs::read(folder.join(name)) {
                Ok(bytes) if bytes == *right => {}
                Ok(bytes) => wrong.push(format!(
                    "other bytes in {name} ({} instead of {})",
                    bytes.len(),
                    right.len()
                )),
                Err(error) => wrong.push(format!("no {name}: {error}")),
            }
        }

        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        for name in entries.map(|entry| entry.file_name().to_string_lossy().into_owned()) {
            if !OUTPUTS.contains(&name.as_str()) {
                wrong.push(format!("{name} is left behind"));
            }
        }

        wrong
    }
}

/// Writes files of 100 KB to 1 MB, so that some tasks have several, and some rows are stashed.
fn write_inputs(folder: &Path, files: usize) {
    let mut number = 0;
    for file in 0..files {
        let docs = 10 + file * 37 % 90;
        let mut content = String::new();
        for place in 0..docs {
            let words = format!("Article {number} in file {file}: 한국어, русский & <b>. ");
            let times = if place % 8 == 7 { 1_000 } else { 3 + number * 7 % 40 };
            content.push_str(&doc(
                &number.to_string(),
                &format!("Title {number}"),
                &words.repeat(times),
            ));
            number += 1;
        }
        write(folder, &format!("file_{file}"), content);
    }
}
