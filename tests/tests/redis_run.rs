//! The same job over Redis, with real `sheaf-worker` processes: the same bytes as on one machine,
//! in bounded memory.

use std::fs;

use nix::sys::signal::Signal;
use sheaf_tests::corpus::{doc, write};
use sheaf_tests::job::{LONG, job};
use sheaf_tests::joblog::column_of_log;
use sheaf_tests::place::{Place, connected, drain};
use sheaf_tests::redis_server::RedisServer;
use sheaf_tests::{Run, Running, server};

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_workers_gives_the_local_bytes() {
    let server = server!("any_number_of_workers_gives_the_local_bytes");
    for count in [1, 2, 5] {
        let place = Place::at(server.url());
        let workers: Vec<Running> = (0..count).map(|_| place.worker("")).collect();
        place.new_run("").finish().code(0);
        place.has_the_same_bytes();
        workers.into_iter().for_each(drain);
    }
    for pattern in ["*:tasks", "*:addressed", "*:render@*", "*:body:*", "*:rows:*", "*:outcome:*"] {
        assert_eq!(
            server.command::<Vec<String>>(&["KEYS", pattern]),
            [""; 0],
            "{pattern} is left behind"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_go_only_to_servers_for_bytes() {
    const NAME: &str = "bytes_go_only_to_servers_for_bytes";
    let (server, first, second) = (server!(NAME), server!(NAME), server!(NAME));
    let place = Place::at(server.url()).with_bytes_at(&[first.url(), second.url()]);
    let workers = [place.worker(""), place.worker("")];
    place.new_run("").finish().code(0);
    place.has_the_same_bytes();
    workers.into_iter().for_each(drain);
    let calls = |server: &RedisServer, command: &str| {
        let stats: String = server.command(&["INFO", "commandstats"]);
        stats.contains(&format!("cmdstat_{command}:"))
    };
    assert!(!calls(&server, "set") && calls(&server, "evalsha"), "bytes went where the queue is");
    assert!(
        [&first, &second].iter().all(|server| calls(server, "set") && !calls(server, "evalsha"))
    );
    for server in [&first, &second] {
        assert_eq!(
            server.command::<Vec<String>>(&["KEYS", "*"]),
            [""; 0],
            "something is left behind"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_leaves_no_keys_behind() {
    const NAME: &str = "an_interrupted_run_leaves_no_keys_behind";
    let (server, bytes) = (server!(NAME), server!(NAME));
    let place = Place::at(server.url()).with_bytes_at(&[bytes.url()]);
    let worker = place.worker("");
    let run = place.started(20);
    assert!(!bytes.command::<Vec<String>>(&["KEYS", "*:body:*"]).is_empty());
    run.signal(Signal::SIGINT);
    run.finish().code(4);
    drain(worker); // What it came to now is refused, and goes.
    assert_eq!(bytes.command::<Vec<String>>(&["KEYS", "*"]), [""; 0]);
    assert_eq!(server.command::<Vec<String>>(&["KEYS", "*:tasks"]), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn packing_files_saves_traffic_and_changes_no_byte() {
    const NAME: &str = "packing_files_saves_traffic_and_changes_no_byte";
    let server = server!(NAME);
    let place = Place::at(server.url());
    let received = || {
        let stats: String = server.command(&["INFO", "stats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix("total_net_input_bytes:"));
        line.unwrap().trim().parse::<u64>().unwrap()
    };
    let _worker = place.worker("");
    let run = |pack: &str| {
        let before = received();
        place.new_run("--fresh --pack").arg(pack).finish().code(0);
        place.has_the_same_bytes();
        received() - before
    };
    // One worker is not enough for `auto`.
    let [never, auto, always] = ["never", "auto", "always"].map(run);
    assert!(always * 10 < never * 8 && auto * 10 > never * 9, "{never} {auto} {always}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_by_path_give_the_same_bytes() {
    let server = server!("files_by_path_give_the_same_bytes");
    let place = Place::at(server.url());
    let root = job().inputs.parent().unwrap().display().to_string();
    let _workers = [
        place.worker(&format!("--root {root}")),
        place.worker(&format!("--root /proc --root {root}")),
    ];
    place.new_run("--by-path").finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn relative_paths_are_the_coordinators_and_stay_verbatim() {
    let server = server!("relative_paths_are_the_coordinators_and_stay_verbatim");
    let place = Place::at(server.url());
    write(place.folder(), "here/in/a", doc("1", "t", "x"));
    let root = place.folder().join("here/in").display().to_string();
    let _worker = place.worker(&format!("--root {root}"));
    let run = |output: &str| {
        let typed = format!("run in --source-column -o {output}");
        Run::sheaf(&place.folder().join("here")).typed(&typed)
    };
    run("local.csv").finish().code(0);
    run("path.csv").typed("--by-path --redis").arg(place.url()).finish().code(0);
    let read = |name: &str| fs::read_to_string(place.folder().join("here").join(name)).unwrap();
    assert_eq!(read("path.csv"), read("local.csv"));
    assert!(read("local.csv").contains("in/a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_outside_the_roots_fails_alone() {
    let server = server!("a_file_outside_the_roots_fails_alone");
    let place = Place::at(server.url());
    let folder = place.folder().canonicalize().unwrap();
    for (name, id) in [("open/a", "1"), ("open/c", "3"), ("secret/b", "2")] {
        write(&folder, name, doc(id, "t", "x"));
    }
    std::os::unix::fs::symlink(folder.join("secret/b"), folder.join("open/b")).unwrap();
    let _worker = place.worker(&format!("--root {}", folder.join("open").display()));
    let run = |input: &str, more: &str| {
        let typed = format!("run {input} -o out.jsonl --joblog log.tsv {more}");
        Run::sheaf(&folder).typed(&typed).env("SHEAF_REDIS", place.url()).finish()
    };
    run("open/a open/b secret/b open/c", "--by-path").code(1);
    let log = fs::read_to_string(folder.join("log.tsv")).unwrap();
    assert_eq!(log.matches("it may not be opened: no --root covers").count(), 2, "{log}");
    let kinds = ["", "not-allowed", "not-allowed", ""];
    assert_eq!(column_of_log(&log, "kind"), kinds, "{log}");
    let rows = fs::read_to_string(folder.join("out.jsonl")).unwrap();
    assert!(
        rows.lines().count() == 2 && rows.contains("\"1\"") && rows.contains("\"3\""),
        "{rows}"
    );
    // What is shipped needs no root.
    run("open/a open/b secret/b open/c", "").code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_bounds_the_servers_memory() {
    let server = server!("the_budget_bounds_the_servers_memory");
    let place = Place::at(server.url());
    // 60 MB of text that costs little to read, and 12 times the budget.
    let line = doc("1", "t", &"A line of plain words, long enough. ".repeat(800));
    for file in 0..60 {
        write(place.folder(), &format!("in/{file}"), line.repeat(1_000_000 / line.len()));
    }
    let peak = || {
        let info: String = server.command(&["INFO", "memory"]);
        let field = info.lines().find_map(|line| line.strip_prefix("used_memory_peak:")).unwrap();
        field.trim().parse::<u64>().unwrap()
    };
    let before = peak();
    let worker = place.new_worker("-p 2").start();
    connected(&worker);
    let run = Run::sheaf(place.folder())
        .typed("run in -o out.csv --redis-budget 8MiB --redis")
        .arg(place.url());
    run.within(LONG).finish().code(0);
    let grown = peak() - before;
    // The budget counts what is shipped; Redis also has buffers of what comes and goes: a few MiB a
    // connection.
    assert!(grown < 40 << 20, "{} MiB at the peak", grown >> 20);
    drain(worker);
}
