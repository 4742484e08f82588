//! The extractor from outside: limits, options, and hostile input.

mod common;

use common::{rows, shipped, spec};
use fastrand::Rng;
use sheaf_common::cell::CELL_UNITS;
use sheaf_common::codec::Codec;
use sheaf_common::job::{Encoding, LongCells};
use sheaf_common::problem::{Damaged, FileProblem};
use sheaf_common::recipe::{Column, Recipe};
use sheaf_worker::extract::{CHUNK, Done, Extractor, SetupError};

fn recipe(record: &str, columns: &[&str]) -> Recipe {
    let columns = columns.iter().map(|column| column.parse::<Column>().unwrap()).collect();
    Recipe { record: record.into(), columns }
}

#[test]
fn long_cells_overflow_or_are_truncated_or_refused() {
    let text = format!("<doc>a</doc><doc>{}</doc>", "x".repeat(2 * CELL_UNITS + 1));
    let file = shipped("long.html", text.as_bytes());
    let run = |long_cells| {
        let extractor = Extractor::new(&common_spec(long_cells)).unwrap();
        let mut counts = (0, 0, 0);
        let mut emit = |chunk: sheaf_worker::extract::Chunk<'_>| {
            counts =
                (counts.0 + chunk.rows, counts.1 + chunk.overflow, counts.2 + chunk.long_cells);
            Ok(())
        };
        let result = extractor.file(&file, &mut emit).unwrap().result;
        (counts, result)
    };
    assert_eq!(run(LongCells::Overflow), ((2, 2, 1), Ok(Done { truncated_cells: 0 })));
    assert_eq!(run(LongCells::Truncate), ((2, 0, 0), Ok(Done { truncated_cells: 1 })));

    let (counts, result) = run(LongCells::Fail);
    let expected = FileProblem::LongCell { column: "text".into(), record: 2, units: 65_535 };
    assert_eq!((counts, result), ((0, 0, 0), Err(expected)));
}

fn common_spec(long_cells: LongCells) -> sheaf_common::job::JobSpec {
    sheaf_common::job::JobSpec { long_cells, ..spec(Recipe::default()) }
}

#[test]
fn the_source_column_comes_last() {
    let extractor = Extractor::new(&sheaf_common::job::JobSpec {
        source_column: Some("file".into()),
        ..spec(Recipe::default())
    });

    let (rows, extracted) =
        rows(&extractor.unwrap(), &shipped("a/b.html", b"<doc id=1>x</doc>"), 4);
    assert_eq!(
        rows,
        [[Some("1"), None, Some("x"), Some("a/b.html")].map(|cell| cell.map(str::to_owned))]
    );

    assert_eq!(
        (extracted.bytes, extracted.encoding.as_str(), extracted.replaced),
        (17, "UTF-8", 0)
    );
}

#[test]
fn unreadable_files_have_a_reason() {
    let extractor = Extractor::new(&spec(Recipe::default())).unwrap();
    let problem =
        |name: &str, bytes: &[u8]| rows(&extractor, &shipped(name, bytes), 3).1.result.unwrap_err();
    let pdf = FileProblem::Foreign { format: "a PDF".into(), is_text: false };
    assert_eq!(problem("a.html", b"%PDF-1.4"), pdf);
    let misnamed = FileProblem::Misnamed { codec: Codec::Gzip, looks: None };
    assert_eq!(problem("a.gz", b"<doc>"), misnamed);
    assert_eq!(problem("a.html.gz", b""), FileProblem::Damaged(Damaged::Empty(Codec::Gzip)));
}

#[test]
fn unusable_recipes_and_encodings_are_explained() {
    let error = Extractor::new(&spec(recipe("p", &["x=a:hover::text"]))).err().unwrap();
    assert_eq!(
        error.to_string(),
        "column `x`: `:hover` depends on what a user does and never matches in a file, at character 2 of `a:hover`"
    );

    let named = sheaf_common::job::JobSpec {
        encoding: Encoding::Named("klingon".into()),
        ..spec(Recipe::default())
    };

    let error = Extractor::new(&named).err().unwrap();
    assert!(matches!(error, SetupError::Encoding { .. }) && error.hint().is_some());
}

#[test]
fn a_megabyte_of_nesting_overflows_no_stack() {
    let extractor =
        Extractor::new(&spec(recipe("doc", &["text=::text", "deep=span span b::text"]))).unwrap();
    let text = format!("<doc>{}<b>x", "<span>".repeat((1 << 20) / 6));

    // A child has 8 MiB of stack; a test's thread has 2.
    let (rows, _) = rows(&extractor, &shipped("deep.html", text.as_bytes()), 2);
    assert_eq!(rows, [[Some("x".to_owned()), Some("x".to_owned())]]);
    let attribute = format!("<doc id=\"{}\">x</doc>", "y".repeat(3 * CHUNK));
    let extractor = Extractor::new(&spec(Recipe::default())).unwrap();
    let (rows, _) = common::rows(&extractor, &shipped("wide.html", attribute.as_bytes()), 3);
    assert_eq!(rows[0][0].as_ref().map(String::len), Some(3 * CHUNK));
}

#[test]
fn any_bytes_give_whole_rows_or_a_reason() {
    let seeds: Vec<Vec<u8>> =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases"))
            .unwrap()
            .map(|case| std::fs::read(case.unwrap().path().join("input.html")).unwrap())
            .map(|mut input| {
                input.truncate(4000);
                input
            })
            .collect();

    let pieces = "<doc |<doc id=\"|</doc>|<p>|</p>|<table>|<tr>|<td>|</table>|<b>|</b>|<a href=x>|</a>|<svg>|<math>|<mi>|\
        <template>|</template>|<select>|<option>|<script>|</script>|<!--|-->|<![CDATA[|]]>|<plaintext>|<frameset>|<body>|\
        <html id=2>|<title>|<textarea>|<noscript>|<form>|<button>|<nobr>|<isindex>|<caption>|<col>|<input>|<h1>|<li>|<dd>|\
        <foreignObject>|<desc>|<annotation-xml encoding=text/html>|</br>|</p|&am|&#x|&#0;|&notit;|\0|\r|\r\n|\u{feff}|>|<|=|'|\
        \"|/|x| |한|😀|\u{fffd}|<?xml|<!DOCTYPE|<ruby>|<rt>|<rp>|<marquee>|<applet>|<object>|<image>|<hr>|<pre>|<listing>"
        .split('|')
        .collect::<Vec<_>>();

    let extractors: Vec<(Extractor, usize)> = [
        Recipe::default(),
        recipe("*", &["a=::text", "b=> *::text", "c=:scope b:nth-child(2n)::attr(href)"]),
        recipe(
            "doc:has(p), p:not(.x) + a, td:nth-last-of-type(1), [id]:empty",
            &["a=::attr(id)", "b=a:first-child::text"],
        ),
    ]
    .into_iter()
    .map(|recipe| (Extractor::new(&spec(recipe.clone())).unwrap(), recipe.columns.len()))
    .collect();

    let mut random = Rng::with_seed(20_26);
    for round in 0..4500 {
        let mut bytes = Vec::new();
        match round % 3 {
            0 => (0..random.usize(..300)).for_each(|_| bytes.push(random.u8(..))),
            1 => (0..random.usize(..60))
                .for_each(|_| bytes.extend(pieces[random.usize(..pieces.len())].as_bytes())),
            _ => {
                bytes.clone_from(&seeds[random.usize(..seeds.len())]);
                for _ in 0..random.usize(..8) {
                    let at = random.usize(..bytes.len() + 1);
                    let piece = pieces[random.usize(..pieces.len())];
                    let end = (at + random.usize(..20)).min(bytes.len());
                    bytes.splice(at..end, piece.bytes());
                }
            }
        }
        let name =
            ["x.html", "x.html", "x.html", "x.gz", "x.bz2", "x.zst", "x.xz"][random.usize(..7)];
        let (extractor, width) = &extractors[random.usize(..extractors.len())];
        rows(extractor, &shipped(name, &bytes), *width);
    }
}
