use super::*;
use crate::wire;

/// A problem, its code, and its words.
type Case = (FileProblem, &'static str, &'static str);

/// Problems of every kind.
fn all() -> Vec<Case> {
    [of_paths(), of_content(), of_reading()].concat()
}

/// Problems that are found before a file is read.
fn of_paths() -> Vec<Case> {
    vec![
        (FileProblem::Gone, "gone", "no longer there"),
        (
            FileProblem::System { step: Step::Find, error: SystemError::DeadLink },
            "gone",
            "the symbolic link leads nowhere",
        ),
        (
            FileProblem::System { step: Step::List, error: SystemError::Denied },
            "not-allowed",
            "the folder could not be read: permission denied",
        ),
        (
            FileProblem::System { step: Step::Read, error: SystemError::Other("oops".into()) },
            "unreadable",
            "cannot be read: oops",
        ),
        (FileProblem::FolderLoop, "unreadable", "the folder leads back to one that it is in"),
        (FileProblem::NotAFile(NonFile::Pipe), "not-a-file", "not a file, but a named pipe"),
        (FileProblem::Changed(Changed::WhileRead), "changed", "changed while it was read"),
        (FileProblem::OutsideRoots { path: "/x".into() }, "not-allowed", "it may not be opened"),
    ]
}

/// Problems with what is in a file.
fn of_content() -> Vec<Case> {
    vec![
        (
            FileProblem::TooLarge(TooLarge::ForMemory { size: 3_000_000, memory: 1 << 20 }),
            "too-large",
            "too large: 3.00 MB cannot be read in 1 MiB of memory",
        ),
        (
            FileProblem::TooLarge(TooLarge::ToUnpack { codec: Codec::Xz, most: 1 << 20 }),
            "too-large",
            "too large: the xz data needs more than 1 MiB to be unpacked",
        ),
        (
            FileProblem::Damaged(Damaged::Followed { codec: Codec::Gzip, extra: 7 }),
            "damaged",
            "damaged: 7 B that are not gzip data follow the gzip data",
        ),
        (
            FileProblem::Misnamed { codec: Codec::Zstd, looks: Some("a PDF".into()) },
            "misnamed",
            "not zstd data, though its name ends in `.zst`, it looks like a PDF",
        ),
        (
            FileProblem::NotText { controls: 11 },
            "not-text",
            "not text: 11 % of its first bytes are control characters",
        ),
        (
            FileProblem::Foreign { format: "a PDF".into(), is_text: false },
            "foreign",
            "not text: looks like a PDF",
        ),
        (
            FileProblem::Foreign { format: "JSON".into(), is_text: true },
            "foreign",
            "not HTML: looks like JSON",
        ),
        (
            FileProblem::Encoding { name: "UTF-32".into() },
            "encoding",
            "not HTML: looks like UTF-32, an encoding that is not read: convert it first (`iconv \
             -f UTF-32 -t UTF-8`)",
        ),
        (
            FileProblem::LongCell { column: "text".into(), record: 2, units: 65_535 },
            "long-cell",
            "a cell is too long: column `text` of record 2 has 65535 characters, a cell holds 32767",
        ),
    ]
}

/// Problems that reading a file makes.
fn of_reading() -> Vec<Case> {
    vec![
        (
            FileProblem::TimeLimit(Duration::from_millis(1500)),
            "time-limit",
            "took longer than 1.5 s",
        ),
        (FileProblem::MemoryLimit(2 << 30), "memory-limit", "needed more memory than 2 GiB"),
        (FileProblem::Crashed(Crashed::Signal(6)), "crashed", "its process was ended by signal 6"),
        (
            FileProblem::Crashed(Crashed::Exit {
                status: "exit status: 1".into(),
                words: "x".into(),
            }),
            "crashed",
            "its process ended unexpectedly (exit status: 1): x",
        ),
        (FileProblem::Task { reason: "oops".into() }, "task", "oops"),
    ]
}

#[test]
fn every_problem_has_its_code_and_words() {
    for (problem, code, words) in all() {
        assert_eq!((problem.kind().code(), problem.to_string().as_str()), (code, words));
    }
}

#[test]
fn problems_cross_the_wire_and_damage_is_survived() {
    for (problem, ..) in all() {
        let bytes = wire::encode(&problem);
        assert_eq!(wire::decode::<FileProblem>(&bytes).unwrap(), problem);

        for at in 1..bytes.len() {
            for value in [0, 0x7f, 0x80, 0xfb, 0xfc, 0xfd, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                // Whatever it is taken for, it has words and a kind.
                if let Ok(problem) = wire::decode::<FileProblem>(&damaged) {
                    let _ = (problem.to_string(), problem.kind());
                }
            }
        }
    }
}

#[test]
fn no_words_name_an_option() {
    for (problem, ..) in all() {
        assert!(!problem.to_string().contains("--"), "{problem}");
    }
}
