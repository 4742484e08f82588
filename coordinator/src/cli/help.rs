//! Help texts: those below the lists of options, and those that name the formats.

use sheaf_common::job::Packing;
use sheaf_format::extensions;

pub const SHEAF: &str = "\
Try:
  sheaf run data/                  every file below data/ into final.xlsx
  sheaf preview data/file_0        what the rows of one file look like
  sheaf run --help                 all options, examples, exit codes";

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
