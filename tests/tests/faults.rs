//! Some kinds of faults with fixed seeds, over real servers: the short form of `tests/FAULTS.md`.

use std::time::Duration;

use sheaf_tests::faults::judge::Verdict;
use sheaf_tests::faults::reference::Reference;
use sheaf_tests::faults::server_version::ServerVersion;
use sheaf_tests::faults::stage::Setting;
use sheaf_tests::faults::{kinds, plan, play_all, table};
use sheaf_tests::{sheaf_bin, skip_without};

/// Enough that a job is still under way when the fault strikes, in builds for debugging as in
/// others.
const FILES: usize = 40;
/// So long that only a run that hangs takes longer, however busy the machine is.
const DEADLINE: Duration = Duration::from_secs(400);
const SEED: u64 = 1;

/// One or two kinds for each way in which things break.
const KINDS: [&str; 9] = [
    "worker-kill",
    "worker-stop",
    "child-kill",
    "coordinator-interrupt",
    "redis-flush",
    "redis-restart-aof",
    "redis-client-kill",
    "bytes-restart-empty",
    "way-cut-both",
];

/// Those after which the server of the queue knows less than it did, or more: what nobody can name
/// then stays for an hour.
const FORGETFUL: [&str; 2] = ["redis-flush", "redis-restart-aof"];

/// Judged by bytes, exit codes, ends, and what is left on the servers; never by how long something
/// takes.
#[test]
fn jobs_give_the_same_bytes_despite_faults() {
    const NAME: &str = "jobs_give_the_same_bytes_despite_faults";
    if skip_without(NAME, &["redis-server"]) {
        return;
    }

    let server = ServerVersion::of("redis-server".into()).unwrap();
    let setting =
        Setting { lease: "2s".into(), worker_percent: 0, deadline: DEADLINE, verbose: false };
    let reference = Reference::make(&sheaf_bin().with_file_name("jobs").join("faults"), FILES);
    let kinds = kinds::named(&KINDS.map(String::from)).unwrap();

    let plans = plan::plans(&kinds, SEED, kinds.len());
    let mut verdicts = play_all(plans, &[server], &setting, &reference, 2, tell);
    for verdict in &mut verdicts {
        if FORGETFUL.contains(&verdict.kind.as_str()) {
            verdict.left.clear();
        }
    }

    let failures = table::failures(&verdicts, &format!(" --worker-percent 0 --files {FILES}"));
    assert!(failures.is_empty(), "{failures}");

    // A job that is over too soon shows nothing; that some are, on a fast machine, is no harm.
    let struck = verdicts.iter().filter(|verdict| verdict.strikes > 0).count();
    let unstruck: Vec<&Verdict> = verdicts.iter().filter(|verdict| verdict.strikes == 0).collect();
    assert!(struck * 2 > verdicts.len(), "most runs were over before their fault: {unstruck:#?}");
}

#[expect(clippy::print_stdout, reason = "seen if the test fails, and under --nocapture")]
fn tell(verdict: &Verdict) {
    println!("{}", table::line(verdict));
}
