//! Discovery on real folders.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use sheaf_common::problem::{FileProblem, NonFile};

use super::*;
use crate::discover::{Filter, Input};
use crate::errors::{Exit, Failure};

/// A folder with these files, each holding its own name.
fn tree(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }

    folder
}

fn find(
    inputs: &[PathBuf],
    filter: &Filter,
    own: &[PathBuf],
    stdin: &[u8],
) -> Result<Sources, DiscoverError> {
    let input = |path: &PathBuf| {
        if path.as_os_str() == "-" { Input::Stdin } else { Input::Path(path.clone()) }
    };
    let inputs: Vec<Input> = inputs.iter().map(input).collect();
    discover(&Request { inputs: &inputs, filter, own, per_file: None }, &mut &stdin[..])
}

/// The files that are found, as paths below `root`, each with its problem.
fn told(sources: &Sources, root: &Path) -> Vec<String> {
    let tell = |source: Source<'_>| {
        let path = source.path.strip_prefix(root).unwrap_or(&source.path).display().to_string();
        source.problem.map_or(path.clone(), |problem| format!("{path}: {problem}"))
    };

    sources.iter().map(tell).collect()
}

fn walked(folder: &TempDir) -> Vec<String> {
    let sources = find(&[folder.path().into()], &Filter::default(), &[], b"").unwrap();
    told(&sources, folder.path())
}

fn globs(include: &[&str], exclude: &[&str]) -> Filter {
    let own = |list: &[&str]| list.iter().map(|text| text.to_string()).collect::<Vec<_>>();
    Filter::new(&own(include), &own(exclude)).unwrap()
}

#[test]
fn files_and_folders_sort_together_in_natural_order() {
    let folder = tree(&["file_10", "file_2", "file_2b/x", "file_3/10", "file_3/9", "Z"]);
    assert_eq!(walked(&folder), ["Z", "file_2", "file_2b/x", "file_3/9", "file_3/10", "file_10"]);
}

#[test]
fn inputs_keep_their_order_and_count_once() {
    let folder = tree(&["a/1", "a/2", "b/1"]);
    let path = |name: &str| folder.path().join(name);
    let inputs =
        [path("b/1"), path("a/2"), path("b/../a/2"), path("a/"), folder.path().into(), path("a")];
    let sources = find(&inputs, &Filter::default(), &[], b"").unwrap();
    assert_eq!(told(&sources, folder.path()), ["b/1", "a/2", "a/1"]);
    assert_eq!(sources.total_bytes(), 9);
    assert!(sources.get(0).modified_ns > 0);
}

#[test]
fn hard_links_of_other_names_are_other_files() {
    let folder = tree(&["a"]);
    fs::hard_link(folder.path().join("a"), folder.path().join("b")).unwrap();
    assert_eq!(walked(&folder), ["a", "b"]);
}

#[test]
fn links_are_followed_and_loops_told() {
    let folder = tree(&["real/x", "real/deep/y"]);
    let path = |name: &str| folder.path().join(name);
    symlink(path("real"), path("real/deep/up")).unwrap();
    symlink(path("real/x"), path("to_file")).unwrap();
    symlink("absent", path("dangling")).unwrap();
    symlink("self", path("self")).unwrap();
    let expected = [
        "dangling: the symbolic link leads nowhere",
        "real/deep/up: the folder leads back to one that it is in",
        "real/deep/y",
        "real/x",
        "self: the symbolic link leads to itself",
        "to_file",
    ];
    assert_eq!(walked(&folder), expected);
}

#[test]
fn a_folder_behind_many_links_is_walked_once() {
    let folder = tree(&["d0/x"]);
    for level in 1..40 {
        let here = folder.path().join(format!("d{level}"));
        fs::create_dir(&here).unwrap();
        for name in ["a", "b"] {
            symlink(folder.path().join(format!("d{}", level - 1)), here.join(name)).unwrap();
        }
    }

    let sources = find(&[folder.path().join("d39")], &Filter::default(), &[], b"").unwrap();
    assert_eq!(sources.len(), 1);
}

#[test]
fn pipes_sockets_and_devices_are_reported_not_opened() {
    let folder = tree(&["a"]);
    nix::unistd::mkfifo(&folder.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    assert_eq!(
        walked(&folder),
        ["a", "pipe: not a file, but a named pipe", "socket: not a file, but a socket"]
    );
    let given =
        find(&[folder.path().join("a"), "/dev/null".into()], &Filter::default(), &[], b"").unwrap();
    assert_eq!(given.get(1).problem, Some(&FileProblem::NotAFile(NonFile::Device)));
}

#[test]
fn an_unreadable_folder_keeps_its_place() {
    let folder = tree(&["a", "locked/x", "z"]);
    let locked = folder.path().join("locked");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    let root = fs::read_dir(&locked).is_ok(); // To whom no folder is locked.
    let found = walked(&folder);
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
    match root {
        true => assert_eq!(found, ["a", "locked/x", "z"]),
        false => {
            assert_eq!(found, ["a", "locked: the folder could not be read: permission denied", "z"])
        }
    }
}

#[test]
fn a_folder_that_vanishes_is_reported() {
    let folder = tree(&["gone/x"]);
    let (gone, filter) = (folder.path().join("gone"), Filter::default());
    let metadata = fs::metadata(&gone).unwrap();
    fs::remove_dir_all(&gone).unwrap();
    let mut builder = builder::Builder::new(&[], None);
    walk::Walk::new(&mut builder, &filter).run(&gone, &metadata);
    let expected = ["gone: the folder could not be read: no such file or folder"];
    assert_eq!(told(&builder.finish(), folder.path()), expected);
}

#[test]
fn names_that_are_not_utf8_are_names() {
    let folder = tree(&[]);
    let name = OsStr::from_bytes(b"\xed\x95\x9c\xff.html");
    fs::write(folder.path().join(name), "x").unwrap();
    let sources = find(&[folder.path().into()], &globs(&["*.html"], &[]), &[], b"").unwrap();
    assert_eq!(sources.get(0).path, folder.path().join(name));
}

#[test]
fn filters_speak_of_what_folders_hold() {
    let folder = tree(&["a.html", "b.txt", "draft/c.html", "sub/d.html"]);
    symlink("absent", folder.path().join("dangling.txt")).unwrap();
    let inputs = [folder.path().join("b.txt"), folder.path().to_path_buf()];
    let sources = find(&inputs, &globs(&["*.html"], &["draft"]), &[], b"").unwrap();
    assert_eq!(told(&sources, folder.path()), ["b.txt", "a.html", "sub/d.html"]);
}

#[test]
fn what_the_run_writes_is_not_read() {
    let folder =
        tree(&["a", "final.xlsx", "final.xlsx.sheaf/journal", "each/a.xlsx", "sub/final.xlsx"]);
    let own = ["final.xlsx", "final.xlsx.sheaf", "each/"]
        .map(|name| folder.path().join("sub/..").join(name));
    let sources = find(&[folder.path().into()], &Filter::default(), &own, b"").unwrap();
    assert_eq!(told(&sources, folder.path()), ["a", "sub/final.xlsx"]);
}

#[test]
fn earlier_workbooks_and_job_logs_are_left_out() {
    let folder = tree(&["a.html", "a.html.xlsx", "B.XLSX", "log.tsv", "sub/a.xlsx"]);
    let (root, filter) = (folder.path(), Filter::default());
    let own = [root.join("log.tsv")];
    let found = |inputs: &[Input]| {
        discover(
            &Request { inputs, filter: &filter, own: &own, per_file: Some(root) },
            &mut &b""[..],
        )
        .unwrap()
    };

    let sources = found(&[Input::Path(root.into())]);
    assert_eq!(told(&sources, root), ["a.html", "sub/a.xlsx"]);
    assert_eq!(sources.left_out, LeftOut { unwanted: 0, own: 2 });

    // As a shell's `*` names them.
    let names =
        ["B.XLSX", "a.html", "a.html.xlsx", "log.tsv"].map(|name| Input::Path(root.join(name)));
    let sources = found(&names);
    assert_eq!(told(&sources, root), ["a.html"]);
    assert_eq!(sources.left_out, LeftOut { unwanted: 0, own: 3 });
}

#[test]
fn hidden_entries_are_read_if_named_or_requested() {
    let folder =
        tree(&["a.html", ".DS_Store", ".git/x", "__MACOSX/y", "sub/Thumbs.db", "sub/.b.html"]);
    let (root, all) = (folder.path(), Filter::default());
    let sources = find(&[root.into()], &all, &[], b"").unwrap();
    assert_eq!(told(&sources, root), ["a.html"]);
    assert_eq!(sources.left_out, LeftOut { unwanted: 5, own: 0 });

    let hidden = all.clone().with_hidden(true);
    assert_eq!(find(&[root.into()], &hidden, &[], b"").unwrap().len(), 6);
    let named = find(&[root.join(".git"), root.join("sub/.b.html")], &all, &[], b"").unwrap();
    assert_eq!(told(&named, root), [".git/x", "sub/.b.html"]);

    // Files that `--include` and `--exclude` leave out are not counted, but whole folders may be.
    let html = find(&[root.into()], &globs(&["*.html"], &[".git"]), &[], b"").unwrap();
    assert_eq!(html.left_out, LeftOut { unwanted: 2, own: 0 });
    let failure = Failure::from(
        find(&[root.join("__MACOSX/.."), root.join("sub")], &globs(&["*.db"], &[]), &[], b"")
            .unwrap_err(),
    );

    assert!(failure.exit == Exit::Usage && failure.hint.unwrap().contains("--hidden"));
}

#[test]
fn lists_are_split_at_line_ends_or_nuls() {
    let folder = tree(&["a", "b\nc", "d"]);
    let root = folder.path().as_os_str().as_bytes();
    let list = |names: &[&str], end: &[u8]| -> Vec<u8> {
        names.iter().flat_map(|name| [root, b"/", name.as_bytes(), end].concat()).collect()
    };

    let found = |list: &[u8]| {
        told(&find(&["-".into()], &Filter::default(), &[], list).unwrap(), folder.path())
    };

    assert_eq!(found(&list(&["d", "a", "", "absent"], b"\n"))[..2], ["d", "a"]);
    assert_eq!(found(&list(&["d", "a"], b"\r\n")), ["d", "a"]);
    assert_eq!(found(&list(&["b\nc", "a"], b"\0")), ["b\nc", "a"]);
}

#[test]
fn an_absent_input_is_fatal_only_without_others() {
    let folder = tree(&["a"]);
    fs::create_dir(folder.path().join("empty")).unwrap();
    let path = |name: &str| folder.path().join(name);
    let find = |inputs: &[PathBuf]| find(inputs, &Filter::default(), &[], b"");
    let sources = find(&[path("absent"), path("a"), path("a/b")]).unwrap();
    let expected =
        ["absent: no such file or folder", "a", "a/b: a part of the path is not a folder"];
    assert_eq!(told(&sources, folder.path()), expected);
    for inputs in [vec![path("absent")], vec![path("absent"), path("absent2")], vec![path("empty")]]
    {
        let failure = Failure::from(find(&inputs).unwrap_err());
        assert!(failure.exit == Exit::Usage && failure.hint.is_some());
    }
}

#[test]
fn a_million_files_take_less_than_100_megabytes() {
    let mut sources = Sources { folders: vec![b"data".into()], ..Sources::default() };
    for index in 0..1_000_000 {
        let name = sources.names.push(format!("file_{index}.html").as_bytes());
        sources.entries.push(sources::Entry {
            name,
            folder: 0,
            problem: 0,
            size: 1,
            modified_ns: 1,
        });
    }

    let taken = sources.entries.capacity() * size_of::<sources::Entry>() + sources.names.capacity();
    assert!(taken < 100_000_000, "{taken}");
    let saved = sources.save();
    assert!(saved.len() < 30_000_000, "{}", saved.len());
}
