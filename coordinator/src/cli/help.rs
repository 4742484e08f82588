//! Help texts: those below the lists of options, and those that name the formats.

use sheaf_common::job::Packing;
use sheaf_format::extensions;

/// The help of the program. Clap cannot group commands, so they are listed here: a test holds the
/// lists against the commands.
pub const TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

On this machine:
  run         Read files, extract their records, write them all to one sheet
  preview     Show the first rows of a file as a table, to try out selectors
  status      Show how far a run or a job is

Jobs of a service, which outlive the terminal:
  serve       Take jobs over HTTP and run them, until it is stopped
  submit      Give a job to a service, and print its id
  jobs        List the jobs of a service
  watch       Show a job at work until it is finished
  wait        Wait for jobs; the exit code says how they ended
  fetch       Get the outputs of a job
  logs        Print the job log of a job, or the files that failed
  explain     Say why a job does not run, or not faster
  cancel      End jobs for good
  pause       Let jobs rest; what is done is kept
  resume      Let jobs go on that rest or have stopped
  retry       Read the failed files of finished jobs again
  set         Change the name or the priority of jobs
  remove      Remove finished jobs and their outputs from the service

Many machines, through Redis:
  workers     Show the workers that are connected to Redis
  queue       Show the jobs that are in Redis, or remove some

Others:
  demo        Watch the pool of processes at work: some named tasks that only sleep
  completions Print what a shell needs for completion: `sheaf completions bash >…`
  help        Print this message or the help of the given command

Options:
{options}{after-help}
";

pub const SHEAF: &str = "\
Try:
  sheaf run data/                  every file below data/ into final.xlsx
  sheaf preview data/file_0        what the rows of one file look like
  sheaf run --help                 all options, examples, exit codes

Jobs that outlive the terminal:
  sheaf submit data/               give the job to a service, and get its id
  sheaf watch last                 see how far it is
  sheaf fetch last                 get its sheet";

pub const RUN: &str = "\
Examples:
  sheaf run data/
      Every `<doc id=… title=…>text</doc>` of every file below data/, in final.xlsx
  sheaf run data/ -o wiki.xlsx -o wiki.jsonl.gz
      The same rows in two formats, in one pass
  sheaf run site/ --include '*.html' --record 'a[href]' --column 'url=::attr(href)'
      The links of a website
  find . -newer last -print0 | sheaf run - -o new.csv --source-column
      A list of files from another program, and in each row the file it came from

An interrupted run (Ctrl-C, a crash, a full disk) goes on where it stopped when
the same command is given again.

Exit codes:
  0  all files are in the sheet
  1  finished, but some files could not be read (they are named, --joblog lists
     them all), or no file has a record
  2  the arguments or the recipe cannot be used
  3  the run could not begin or go on: a folder, the disk, memory
  4  interrupted; the same command goes on";

pub const SUBMIT: &str = "\
Examples:
  sheaf submit data/
      Upload data/ and print the id of the job; `sheaf fetch ID` gets final.xlsx
  sheaf submit data/ -o wiki.xlsx --wait
      As `sheaf run`, but the job goes on if this terminal does not
  sheaf submit data/ --id nightly-$(date +%F) --max-failures 1% -q
      In cron: given again the same day, it submits nothing
  id=$(sheaf submit data/ -o a.csv) && sheaf wait $id && sheaf fetch $id
      In a script

The service names the outputs by their file names. With --wait they are written
to their paths; `sheaf fetch` writes them later.

Exit codes:
  0  submitted, or already there; with --wait: all files are in the sheet
  1  with --wait: done, but some files failed, or no file has a record
  2  the arguments or the recipe cannot be used
  3  no service, or it refuses; with --wait: the job could not go on
  4  interrupted; a job that was submitted goes on
  5  with --wait: the job was cancelled
  6  with --wait: more files failed than --max-failures allows";

pub const JOBS: &str = "\
Examples:
  sheaf jobs
  sheaf jobs --state running,queued
  sheaf jobs --name wiki --since 2d
  sheaf cancel $(sheaf jobs -q --state queued)";

pub const STATUS: &str = "\
Examples:
  sheaf status wiki.xlsx        the run that writes wiki.xlsx, in another terminal
  sheaf status last             the job that was submitted last
  sheaf status 4-9              jobs 4 to 9

What has a `/`, the extension of an output, or a folder OUTPUT.sheaf beside it
is an output. All else is a job.";

pub const FETCH: &str = "\
Examples:
  sheaf fetch last
  sheaf fetch 7 -o wiki.xlsx
  sheaf fetch nightly-2026-11-29 -o results/
  sheaf fetch 7 -o - | wc -l

A file that is there is replaced, and keeps its mode. An interrupted download
goes on when the same command is given again.";

pub const WAIT: &str = "\
Examples:
  sheaf wait last && sheaf fetch last
  sheaf wait 4-9 --timeout 2h

Exit codes, of the worst job if there are several:
  0  done: all files are in the sheet
  1  done, but some files failed, or no file has a record
  2  the arguments cannot be used
  3  stopped: the job could not go on; or no service, or no such job
  4  interrupted, or the time is over; the job goes on
  5  cancelled
  6  more files failed than the job allows";

pub const SERVE: &str = "\
Examples:
  sheaf serve
      Jobs of this machine's users, on all its cores; the page is http://127.0.0.1:7878
  sheaf serve --redis redis://host --data /srv/sheaf --root /mnt/data
      The workers of that Redis do the work, and may open files below /mnt/data themselves
  sheaf serve --listen 0.0.0.0 --token-file tokens --https-cert cert.pem --https-key key.pem
      For other machines, too; their users set SHEAF_SERVER and SHEAF_TOKEN
  echo \"full $(openssl rand -hex 16)\" > tokens && chmod 600 tokens
      A token file

SIGTERM and Ctrl-C stop it cleanly. Its jobs go on when it is started again.

Exit codes:
  0  stopped when it was told to
  2  the arguments cannot be used
  3  it could not run or go on: the address, the data folder, Redis";

pub const PREVIEW: &str = "\
Examples:
  sheaf preview page.html --record 'table tr' --column 'name=td:first-child::text'
  sheaf preview page.html --recipe shop.toml --rows 50

A `–` stands where a record has no such element or attribute, `⏎` where the text has a line break.";

pub const DEMO: &str = "\
Examples:
  sheaf demo
  sheaf demo --items 100 --processes 20 --seconds 0.1..0.5";

pub const RECIPE: &str = "\
Read record and columns from a file, which looks like this:

record = \"div.product\"
[[column]]
name = \"price\"
value = \".price::text\"";

pub const OUTPUT: &str =
    "Where to write; repeatable, the format goes by the extension [default: final.xlsx]";

/// [`OUTPUT`], with the extensions of all formats.
pub fn output() -> String {
    let (plain, packed): (Vec<_>, Vec<_>) =
        extensions().into_iter().partition(|(_, form)| form.packing == Packing::Plain);

    // The usual extension of each format first, then its other names.
    let formats = plain.chunk_by(|(_, a), (_, b)| a == b).map(|names| {
        let (usual, _) = &names[0];
        let others = names[1..].iter().map(|(name, _)| format!(" (also called {name})"));
        format!("{usual}{}", others.collect::<String>())
    });

    let formats = formats.collect::<Vec<_>>().join(", ");
    let packed = packed.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
    format!(
        "{OUTPUT}\n\n{formats}, and compressed: {packed}. All come from one pass. `-` is JSON \
         lines on standard output, `-.csv` and `-.tsv` those formats. A link is followed, a named \
         pipe is written to, an existing file keeps its mode. If no output is a file, an \
         interrupted run cannot go on."
    )
}
