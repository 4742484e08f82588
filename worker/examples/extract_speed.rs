//! Measures extraction, stage by stage:
//! `cargo run --release --example extract_speed -- [--record CSS] FILE…`
//!
//! Prints MB/s of input for reading, decoding, parsing, and for everything up to rows. Takes the
//! best of several rounds, as the machine may have other work. With `--record`, a row has the
//! element's `href` and its text.
#![expect(clippy::print_stdout, reason = "a program's output")]

use std::path::Path;
use std::time::Instant;

use html5ever::tendril::StrTendril;
use sheaf_common::job::JobSpec;
use sheaf_common::numbers::FileIndex;
use sheaf_common::recipe::{Column, Recipe};
use sheaf_common::task::{Content, SourceFile, SourcePath, modified_ns};
use sheaf_worker::extract::{Extractor, decode, parse, strip};

const ROUNDS: usize = 7;

/// The name of a stage, and its work on a file. It returns a count, to compare rounds.
type Stage<'a> = (&'a str, &'a dyn Fn(&SourceFile) -> usize);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    let mut recipe = Recipe::default();
    if arguments.next_if(|argument| argument == "--record").is_some() {
        recipe.record = arguments.next().unwrap_or_default();
        recipe.columns = vec!["link=::attr(href)".parse::<Column>()?, "text=::text".parse()?];
    }

    let files =
        arguments.map(|path| source(Path::new(&path))).collect::<anyhow::Result<Vec<_>>>()?;
    let spec = JobSpec { recipe, ..JobSpec::default() };
    let extractor = Extractor::new(&spec)?;
    let bytes: u64 = files.iter().map(|file| file.size).sum();
    println!("{} files, {:.1} MB", files.len(), bytes as f64 / 1e6);

    let stages: [Stage<'_>; 5] = [
        ("read", &|file| read(file).len()),
        ("read, decode", &|file| decode(&read(file), None).text.len()),
        ("read, decode, copy", &|file| {
            StrTendril::from_slice(strip(&decode(&read(file), None).text)).len()
        }),
        ("read, decode, copy, parse", &|file| {
            let text = StrTendril::from_slice(strip(&decode(&read(file), None).text));
            parse(text).tree.values().len()
        }),
        ("all, with rows", &|file| {
            let mut rows = 0;
            let result = extractor.file(file, &mut |chunk| {
                rows += chunk.rows as usize;
                Ok(())
            });
            assert!(
                result.is_ok_and(|extracted| extracted.result.is_ok()),
                "{}",
                file.path.display()
            );
            rows
        }),
    ];

    let mut before = 0.0;
    for (name, stage) in stages {
        let mut best = f64::INFINITY;
        let mut count = 0;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            count = files.iter().map(stage).sum::<usize>();
            best = best.min(start.elapsed().as_secs_f64());
        }
        let (whole, alone) = (bytes as f64 / 1e6 / best, bytes as f64 / 1e6 / (best - before));
        println!("{name:27} {whole:7.0} MB/s   last step alone {alone:7.0} MB/s   ({count})");
        before = best;
    }

    Ok(())
}

fn source(path: &Path) -> anyhow::Result<SourceFile> {
    let metadata = std::fs::metadata(path)?;
    let size = metadata.len();
    let modified = modified_ns(&metadata);
    Ok(SourceFile {
        sequence: FileIndex(0),
        path: SourcePath::from(path),
        size,
        modified,
        content: Content::AtPath,
    })
}

fn read(file: &SourceFile) -> Vec<u8> {
    std::fs::read(file.path.as_path()).unwrap_or_default()
}
