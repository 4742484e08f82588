//! Files whose bytes are elsewhere than at their paths: stored under their hash, or below roots.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use sheaf::run::{Contents, End, Finished, Run, stored_path};
use sheaf_tests::in_process::{Blind, prepared};
use sheaf_tests::{corpus, server};

const FILES: usize = 12;

/// A folder `in` of files, the last one compressed.
fn inputs(folder: &Path) {
    let inputs = folder.join("in");
    for file in 0..FILES {
        let text = format!("file {file}. ").repeat(500);
        let page = corpus::doc(&file.to_string(), "t", &text);
        if file + 1 == FILES {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            std::io::Write::write_all(&mut packed, page.as_bytes()).unwrap();
            corpus::write(&inputs, &format!("{file:02}.html.gz"), packed.finish().unwrap());
        } else {
            corpus::write(&inputs, &format!("{file:02}.html"), page);
        }
    }
}

/// A run over `folder/in` that shows paths, and its output.
fn run_to(folder: &Path, name: &str, typed: &str) -> Run {
    let typed = format!("-p 1 --source-column --joblog {name}.tsv {typed}");
    let typed = typed.replace("--joblog ", &format!("--joblog {}/", folder.display()));
    prepared(&folder.join("in"), &folder.join(name), &typed, Blind).0
}

/// The bytes of the run on the paths.
async fn expected(folder: &Path) -> Vec<u8> {
    assert_eq!(run_to(folder, "paths.xlsx", "").execute().await.unwrap().tally.failed, 0);
    fs::read(folder.join("paths.xlsx")).unwrap()
}

/// Moves all files of a run into a folder of contents, under other modification times.
fn store(folder: &Path, run: &mut Run) {
    let store = folder.join("contents");
    let hash_of = |file: u8| {
        let mut hash = [file; 32];
        hash[0] = 0xa0 + file % 3;
        hash
    };

    let hashes: Vec<_> = (0..u8::try_from(FILES).unwrap()).map(hash_of).collect();
    for (hash, source) in hashes.iter().zip(run.sources.iter()) {
        let place = stored_path(&store, hash);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, fs::read(&source.path).unwrap()).unwrap();
    }

    fs::remove_dir_all(folder.join("in")).unwrap();
    run.contents = Contents::Stored { folder: store, hashes: Arc::new(hashes) };
}

fn assert_whole(finished: &Finished) {
    assert!(matches!(finished.end, End::Written(_)), "{:?}", finished.end);
    assert_eq!((finished.tally.files, finished.tally.failed), (FILES as u64, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_files_give_the_bytes_of_paths() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    inputs(folder);
    let expected = expected(folder).await;

    let mut run = run_to(folder, "stored.xlsx", "");
    store(folder, &mut run);
    assert_whole(&run.execute().await.unwrap());
    assert!(fs::read(folder.join("stored.xlsx")).unwrap() == expected);

    let paths = |log: &str| {
        let log = fs::read_to_string(folder.join(log)).unwrap();
        log.lines().map(|line| line.contains("/in/")).collect::<Vec<_>>()
    };
    assert_eq!(paths("stored.xlsx.tsv"), paths("paths.xlsx.tsv"));
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_files_are_shipped_over_redis() {
    let server = server!("stored_files_are_shipped_over_redis");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    inputs(folder);
    let expected = expected(folder).await;

    let over_redis = format!("--redis {}", server.url());
    let mut run = run_to(folder, "stored.xlsx", &over_redis);
    store(folder, &mut run);
    assert_whole(&run.execute().await.unwrap());
    assert!(fs::read(folder.join("stored.xlsx")).unwrap() == expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_out_of_roots_fails_alone() {
    let server = server!("a_link_out_of_roots_fails_alone");
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().canonicalize().unwrap();
    inputs(&real);
    fs::rename(real.join("in/03.html"), real.join("secret.html")).unwrap();
    symlink(real.join("secret.html"), real.join("in/03.html")).unwrap();

    let redis = format!("--redis {}", server.url());
    for (name, typed) in [
        ("local.xlsx", String::new()),
        ("shipped.xlsx", redis.clone()),
        ("by-path.xlsx", format!("{redis} --by-path")),
    ] {
        let mut run = run_to(&real, name, &typed);
        run.contents = Contents::Within { roots: vec![real.join("in")] };
        let finished = run.execute().await.unwrap();
        assert!(matches!(finished.end, End::Written(_)), "{name}: {:?}", finished.end);
        assert_eq!((finished.tally.files, finished.tally.failed), (FILES as u64, 1), "{name}");

        let log = fs::read_to_string(real.join(format!("{name}.tsv"))).unwrap();
        let line = log.lines().find(|line| line.contains("03.html")).unwrap();
        assert!(line.contains("not-allowed"), "{name}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_hashes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    inputs(folder.path());
    let mut run = run_to(folder.path(), "out.xlsx", "");
    run.contents = Contents::Stored { folder: "contents".into(), hashes: Arc::default() };
    let error = run.execute().await.unwrap_err().error.to_string();
    assert!(error.contains("12 files"), "{error}");
}
