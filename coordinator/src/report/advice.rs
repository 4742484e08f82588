//! Adds to a file's problem the option of `sheaf` that may help.

use sheaf_common::problem::{FileProblem, TooLarge};

/// A problem in words for the user of the command line, with the option that may help.
pub fn with_advice(problem: &FileProblem) -> String {
    format!("{problem}{}", advice(problem))
}

/// The text to append to a problem; empty if no option helps.
fn advice(problem: &FileProblem) -> String {
    match problem {
        FileProblem::TooLarge(TooLarge::ForMemory { .. }) => ", see `--memory-limit`".into(),
        // Unpacked bytes may take a quarter of a child's memory.
        FileProblem::TooLarge(TooLarge::Unpacked { .. } | TooLarge::ToUnpack { .. }) => {
            ", a quarter of `--memory-limit`".into()
        }
        FileProblem::TooLarge(TooLarge::ToShip { .. }) => ": see --by-path".into(),
        FileProblem::LongCell { .. } => " (`--long-cells overflow` carries them on)".into(),
        FileProblem::TimeLimit(_) => " (see --time-limit)".into(),
        FileProblem::MemoryLimit(_) => " (see --memory-limit)".into(),
        FileProblem::OutsideRoots { path } => format!(": no --root covers `{path}`"),
        FileProblem::TooLarge(TooLarge::Text { .. })
        | FileProblem::Gone
        | FileProblem::System { .. }
        | FileProblem::FolderLoop
        | FileProblem::NotAFile(_)
        | FileProblem::Changed(_)
        | FileProblem::Damaged(_)
        | FileProblem::Misnamed { .. }
        | FileProblem::NotText { .. }
        | FileProblem::Foreign { .. }
        | FileProblem::Encoding { .. }
        | FileProblem::Crashed(_)
        | FileProblem::Task { .. } => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn limits_name_the_option_that_sets_them() {
        let problems = [
            (
                FileProblem::TooLarge(TooLarge::ForMemory { size: 7, memory: 8 }),
                "too large: 7 B cannot be read in 8 B of memory, see `--memory-limit`",
            ),
            (
                FileProblem::TooLarge(TooLarge::Unpacked { most: 1 << 20 }),
                "too large: unpacks to more than 1 MiB, a quarter of `--memory-limit`",
            ),
            (
                FileProblem::TimeLimit(Duration::from_secs(1)),
                "took longer than 1 s (see --time-limit)",
            ),
            (
                FileProblem::OutsideRoots { path: "/x".into() },
                "it may not be opened: no --root covers `/x`",
            ),
            (FileProblem::Gone, "no longer there"),
        ];

        for (problem, words) in problems {
            assert_eq!(with_advice(&problem), words);
        }
    }
}
