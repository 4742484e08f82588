//! `sheaf run --dry-run`: says what would be read and written.

use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sheaf_common::job::Encoding;

use crate::config::{RunConfig, Verbosity};
use crate::discover::{Source, Sources};
use crate::human::{Paint, count, number, shown, size};
use crate::report::left_out;

/// How many files are named at each end of a long list.
const ENDS: usize = 3;

/// Writes what a run with these settings would do. Names all files with `--verbose`, else the first
/// and last few.
///
/// # Errors
/// Those of `out`.
pub fn dry_run(
    config: &RunConfig,
    sources: &Sources,
    paint: Paint,
    out: &mut dyn Write,
) -> io::Result<()> {
    would_read(config, sources, paint, out)?;
    would_extract(config, paint, out)?;
    would_write(config, paint, out)?;
    if let Some(redis) = &config.redis {
        let address = redis.server.address();
        let queue = redis.server.queue();
        writeln!(out, "through Redis at {address}, queue `{queue}`")?;
    }

    if let Some(processes) = config.processes {
        writeln!(out, "with {}", processes_of(processes.get()))?;
    }

    out.flush()
}

fn would_read(
    config: &RunConfig,
    sources: &Sources,
    paint: Paint,
    out: &mut dyn Write,
) -> io::Result<()> {
    let files = count(sources.len() as u64, "file");
    writeln!(out, "{} {files}, {}", paint.bold("Would read"), size(sources.total_bytes()))?;

    // A single file between the ends is named, too: a line that counts it would be no shorter.
    let all = config.verbosity == Verbosity::Verbose || sources.len() <= 2 * ENDS + 1;
    let (first, last) =
        if all { (sources.len(), sources.len()) } else { (ENDS, sources.len() - ENDS) };

    for sequence in 0..first {
        file(out, &sources.get(sequence), paint)?;
    }

    if first < last {
        let more = format!("… {} more (`--verbose` names them all)", number((last - first) as u64));
        writeln!(out, "  {}", paint.dim(&more))?;
    }

    for sequence in last..sources.len() {
        file(out, &sources.get(sequence), paint)?;
    }

    // Listed files show their problem in their own line.
    problems(first..last, sources, paint, out)?;
    if !sources.left_out.is_none() {
        writeln!(out, "  {}", paint.dim(&left_out(sources.left_out)))?;
    }

    Ok(())
}

fn would_extract(config: &RunConfig, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let spec = &config.spec;
    let record = shown(spec.recipe.record.as_bytes());
    writeln!(out, "{} of each `{record}`", paint.bold("Would extract"))?;
    for column in &spec.recipe.columns {
        let value = column.value.to_string();
        writeln!(out, "  {} = {}", shown(column.name.as_bytes()), shown(value.as_bytes()))?;
    }

    if let Some(name) = &spec.source_column {
        writeln!(out, "  {} = the file's path", shown(name.as_bytes()))?;
    }

    match &spec.encoding {
        Encoding::Auto => {}
        Encoding::Named(name) => writeln!(out, "  decoded as {}", shown(name.as_bytes()))?,
    }

    Ok(())
}

fn would_write(config: &RunConfig, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", paint.bold("Would write"))?;
    for output in &config.outputs {
        // A mistyped output must not replace a file by surprise.
        let over = if !output.is_standard_output() && output.path.is_file() {
            " (replaces the one that is there)"
        } else {
            ""
        };

        writeln!(out, "  {}  {}{over}", output.name(), output.form.title())?;
    }

    if let Some(folder) = &config.per_file {
        writeln!(out, "  {}  one workbook per file", name(folder))?;
    }
    if let Some(path) = &config.joblog {
        writeln!(out, "  {}  job log", name(path))?;
    }

    Ok(())
}

fn processes_of(count: usize) -> String {
    if count == 1 { "1 process".into() } else { format!("{count} processes") }
}

fn file(out: &mut dyn Write, source: &Source<'_>, paint: Paint) -> io::Result<()> {
    match source.problem {
        Some(problem) => {
            writeln!(out, "  {}  {}", name(&source.path), paint.error(&problem.to_string()))
        }
        None => writeln!(out, "  {}  {}", name(&source.path), paint.dim(&size(source.size))),
    }
}

/// Counts the files that cannot be read, and names the first few that are not listed.
fn problems(
    unlisted: Range<usize>,
    sources: &Sources,
    paint: Paint,
    out: &mut dyn Write,
) -> io::Result<()> {
    let found = sources.problem_count();
    if found == 0 {
        return Ok(());
    }

    writeln!(out, "{} {} cannot be read", paint.error("of which"), number(found as u64))?;
    for source in unlisted
        .map(|sequence| sources.get(sequence))
        .filter(|source| source.problem.is_some())
        .take(ENDS)
    {
        file(out, &source, paint)?;
    }

    Ok(())
}

fn name(path: &Path) -> String {
    shown(path.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;
    use std::num::NonZeroUsize;

    fn told(typed: &[&str], sizes: &[Option<u64>]) -> String {
        let Command::Run(args) = Cli::parse_from([&["sheaf", "run"], typed].concat()).command
        else {
            panic!("not run")
        };

        let config = RunConfig::resolve(&args, NonZeroUsize::new(2).unwrap()).unwrap();
        let mut out = Vec::new();
        dry_run(&config, &Sources::example(sizes), Paint::Plain, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn everything_is_told() {
        let typed = [
            "d",
            "-o",
            "/absent/a.xlsx",
            "-o",
            "b.csv.gz",
            "--per-file",
            "each",
            "--source-column",
        ];
        let expected = "\
Would read 3 files, 1.50 kB
  d/0  500 B
  d/1  no such file or folder
  d/2  1.00 kB
of which 1 cannot be read
Would extract of each `doc`
  id = ::attr(id)
  title = ::attr(title)
  text = ::text
  source = the file's path
Would write
  /absent/a.xlsx  workbook
  b.csv.gz  CSV, gzip
  each  one workbook per file
with 2 processes
";
        assert_eq!(told(&typed, &[Some(500), None, Some(1000)]), expected);
    }

    #[test]
    fn a_long_list_shows_its_ends() {
        let mut sizes = vec![Some(1); 1000];
        sizes[500] = None;
        let text = told(&["d"], &sizes);
        assert!(
            text.contains("  d/2  1 B\n  … 994 more (`--verbose` names them all)\n  d/997  1 B\n"),
            "{text}"
        );
        assert!(
            text.contains("of which 1 cannot be read\n  d/500  no such file or folder\n"),
            "{text}"
        );

        assert!(told(&["d", "--verbose"], &sizes).contains("  d/777  1 B\n"));
    }
}
