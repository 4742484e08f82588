//! Single keys that vanish from the server, of every kind and at several moments: the job ends all
//! the same.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sheaf_common::job::{Class, JobId, TaskId};
use sheaf_common::outcome::TaskResult;
use sheaf_common::queue::{Completion, Leased, RedisQueue, RedisSettings, WorkerInfo};
use sheaf_common::task::Task;
use sheaf_tests::both::Both;
use sheaf_tests::job::LONG;
use sheaf_tests::make::{addressed, completion, heavy, id, nap, nap_of, worker};
use sheaf_tests::place::{Place, says};
use sheaf_tests::process::wait_for;
use sheaf_tests::redis_server::RedisServer;
use sheaf_tests::server;
use sheaf_tests::wait::DEADLINE;
use tokio::task::JoinSet;

/// Every kind of key, by what it ends with or has in it.
const KINDS: [&str; 21] = [
    ":workers",
    ":seen",
    ":versions",
    ":jobs",
    ":alive",
    ":owners",
    ":unconfirmed",
    ":bell",
    ":bell@a",
    ":repair",
    ":render",
    ":extract",
    ":render@a",
    ":addressed",
    ":tasks",
    ":past",
    ":outcomes",
    ":news",
    ":body:*",
    ":rows:*",
    ":outcome:*",
];

/// When keys vanish.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// All tasks wait.
    Pushed,
    /// One worker has all of them; of some it will hand in an outcome, of others never.
    Leased,
    /// All are finished, and nothing is collected.
    Finished,
    /// Of the outcomes of one call, one is collected; other tasks are leased, others wait.
    Between,
}

/// Short, as half of what is leased is never handed in.
const LEASE: Duration = Duration::from_secs(1);

/// More bytes than go through a script.
const LARGE: usize = 20_000;

const JOB: JobId = JobId(1);

/// Tasks of all classes, some with bodies that are blobs; some are for the worker `a` alone.
fn tasks() -> Vec<Task> {
    let mut tasks: Vec<Task> = (0..4).map(|number| nap(JOB.0, number)).collect();
    tasks.extend((4..6).map(|number| heavy(JOB.0, number, LARGE)));
    tasks.extend((6..8).map(|number| nap_of(id(JOB.0, Class::Repair, number))));
    tasks.extend((8..10).map(|number| nap_of(id(JOB.0, Class::Render, number))));
    tasks.extend((10..12).map(|number| addressed(JOB.0, number, "a")));
    tasks
}

/// What a task comes to: every second outcome is a blob.
fn finished(leased: &Leased) -> Completion {
    let slot =
        if leased.task.id.number.0.is_multiple_of(2) { "small".into() } else { "x".repeat(LARGE) };
    completion(&leased.lease, &slot, &["rows"])
}

async fn announce(queue: &Both<RedisQueue>) {
    for name in ["a", "b"] {
        queue.announce(&WorkerInfo { id: name.into(), ..WorkerInfo::default() }).await.unwrap();
    }
}

/// Leases so many tasks; each is there.
async fn lease(queue: &Both<RedisQueue>, name: &str, count: usize) -> Vec<Leased> {
    let leased = queue.lease(&worker(name), count, Duration::ZERO).await.unwrap();
    assert_eq!(leased.len(), count);
    leased
}

async fn hand_in(queue: &Both<RedisQueue>, leased: &[Leased]) {
    let completions: Vec<_> = leased.iter().map(finished).collect();
    queue.complete_if_held(&completions).await.unwrap();
}

/// Removes all keys of a kind; gives how many there were.
fn remove(server: &RedisServer, queue: &str, kind: &str) -> usize {
    let keys: Vec<String> = server.command(&["KEYS", &format!("sheaf:{{{queue}}}*{kind}")]);
    keys.iter().filter(|key| server.command::<i64>(&["DEL", key]) == 1).count()
}

/// What a coordinator knows of its job.
struct Coordinator {
    queue: Both<RedisQueue>,
    pending: BTreeMap<TaskId, Task>,
}

impl Coordinator {
    /// Collects up to `most` outcomes; pushes again what comes back as lost.
    async fn collect(&mut self, most: usize) {
        for outcome in self.queue.collect(JOB, most, Duration::from_millis(20)).await.unwrap() {
            match outcome.result {
                TaskResult::TaskLost => self.push(&[outcome.task]).await,
                _ => drop(self.pending.remove(&outcome.task)),
            }
        }
    }

    /// Pushes again what the queue has lost.
    async fn audit(&self) {
        let lost = self.queue.missing(self.pending.keys().copied().collect()).await.unwrap();
        self.push(&lost).await;
    }

    async fn push(&self, tasks: &[TaskId]) {
        let tasks: Vec<Task> =
            tasks.iter().filter_map(|task| self.pending.get(task)).cloned().collect();
        self.queue.push(&tasks).await.unwrap();
    }
}

/// Works as long as it is let.
async fn work(queue: Both<RedisQueue>, name: &'static str) {
    loop {
        let leased = queue.lease(&worker(name), 3, Duration::from_millis(100)).await.unwrap();
        hand_in(&queue, &leased).await;
    }
}

/// Brings a job to `moment`, removes the keys of a kind, and sees whether it ends; gives how many
/// keys there were.
async fn survives(server: &RedisServer, moment: Moment, number: usize) -> Result<usize, String> {
    let (kind, name) = (KINDS[number], format!("{moment:?}-{number}"));
    let queue =
        server.queue_with(RedisSettings { queue: name.clone(), ..server.settings(LEASE) }).await;
    announce(&queue).await;
    let tasks = tasks();
    queue.push(&tasks).await.unwrap();
    let pending = tasks.iter().map(|task| (task.id, task.clone())).collect();
    let mut coordinator = Coordinator { queue: queue.clone(), pending };

    // What will be handed in when the keys are gone.
    let mut late = Vec::new();
    match moment {
        Moment::Pushed => {}
        Moment::Leased => {
            late = lease(&queue, "a", tasks.len()).await;
            late.retain(|leased| leased.task.id.number.0 % 4 < 2);
        }
        Moment::Finished => hand_in(&queue, &lease(&queue, "a", tasks.len()).await).await,
        Moment::Between => {
            let leased = lease(&queue, "a", tasks.len() / 2).await;
            let (now, later) = leased.split_at(leased.len() / 2);
            hand_in(&queue, now).await;
            coordinator.collect(1).await;
            late = later.to_vec();
        }
    }
    let removed = remove(server, &name, kind);
    hand_in(&queue, &late).await;

    let workers = ["a", "b"].map(|name| tokio::spawn(work(queue.clone(), name)));
    let end = Instant::now() + DEADLINE;
    while !coordinator.pending.is_empty() && Instant::now() < end {
        coordinator.collect(5).await;
        coordinator.audit().await;
    }
    for worker in workers {
        worker.abort();
        let _ = worker.await;
    }
    queue.close(JOB).await.unwrap();
    let left: Vec<String> = server.command(&["KEYS", &format!("sheaf:{{{name}}}:*{JOB}:*")]);
    let open: Vec<_> = coordinator.pending.keys().map(ToString::to_string).collect();
    match (open.is_empty(), left.is_empty()) {
        (true, true) => Ok(removed),
        (true, false) => Err(format!("{kind}: left behind after the end: {left:?}")),
        (false, _) => Err(format!("{kind}: these never ended: {open:?}")),
    }
}

/// Removes the keys of every kind at a moment, each from a job of its own; `there` are those that
/// must be there then.
async fn each_kind(test: &str, moment: Moment, there: &[&str]) {
    let Some(server) = RedisServer::start(test).await else { return };
    let server = std::sync::Arc::new(server);
    let mut jobs = JoinSet::new();
    for (number, kind) in KINDS.into_iter().enumerate() {
        let server = std::sync::Arc::clone(&server);
        jobs.spawn(async move { (kind, survives(&server, moment, number).await) });
    }
    let mut failures = Vec::new();
    for (kind, ended) in jobs.join_all().await {
        match ended {
            Ok(0) if there.contains(&kind) => {
                failures.push(format!("{kind}: nothing was there to be removed"))
            }
            Ok(_) => {}
            Err(failure) => failures.push(failure),
        }
    }
    assert!(failures.is_empty(), "{moment:?}:\n{}", failures.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_key_may_vanish_while_tasks_wait() {
    let there = [
        ":workers",
        ":seen",
        ":versions",
        ":jobs",
        ":bell",
        ":bell@a",
        ":repair",
        ":render",
        ":extract",
        ":render@a",
        ":addressed",
        ":tasks",
        ":body:*",
    ];
    each_kind("any_key_may_vanish_while_tasks_wait", Moment::Pushed, &there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_key_may_vanish_while_tasks_are_leased() {
    let there =
        [":jobs", ":repair", ":render", ":extract", ":render@a", ":addressed", ":tasks", ":body:*"];
    each_kind("any_key_may_vanish_while_tasks_are_leased", Moment::Leased, &there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_key_may_vanish_before_outcomes_are_collected() {
    let there = [":tasks", ":outcomes", ":news", ":rows:*", ":outcome:*"];
    each_kind("any_key_may_vanish_before_outcomes_are_collected", Moment::Finished, &there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_key_may_vanish_between_all_that() {
    let there = [
        ":jobs",
        ":alive",
        ":owners",
        ":extract",
        ":render@a",
        ":addressed",
        ":tasks",
        ":outcomes",
        ":news",
        ":rows:*",
    ];
    each_kind("any_key_may_vanish_between_all_that", Moment::Between, &there).await;
}

// ---- a real job

/// Waits for a key of the default queue with this ending of which `is_ready` says so.
fn there(server: &RedisServer, kind: &str, is_ready: impl Fn(&str) -> bool) {
    wait_for(&format!("a key that ends with {kind}"), LONG, || {
        let keys: Vec<String> = server.command(&["KEYS", &format!("sheaf:{{default}}*{kind}")]);
        keys.iter().any(|key| is_ready(key)).then_some(())
    });
}

/// Removes all keys of these kinds of the default queue, one kind after the other.
fn remove_each(server: &RedisServer, kinds: &[&str]) {
    for kind in kinds {
        remove(server, "default", kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_survives_losing_waiting_and_finished_tasks() {
    let server = server!("a_run_survives_losing_waiting_and_finished_tasks");
    let place = Place::at(server.url());
    sheaf_tests::job::job();
    let run = place.new_run("").start();
    says(&run, "no worker is connected");
    let key = |kind: &str| {
        let keys: Vec<String> = server.command(&["KEYS", &format!("sheaf:{{default}}*{kind}")]);
        keys.into_iter().next().unwrap_or_default()
    };
    let count = |command: &str, kind: &str| server.command::<i64>(&[command, &key(kind)]);
    // Each waits, and stands on the stream, once: nobody works, so all that comes back does so by
    // itself.
    let all_wait = |least: i64| {
        wait_for("all tasks to wait", LONG, || {
            let tasks = count("HLEN", ":tasks");
            let all = tasks >= least
                && count("XLEN", ":extract") == tasks
                && count("EXISTS", ":jobs") == 1;
            all.then_some(tasks)
        })
    };
    let tasks = all_wait(2);
    for kind in [":jobs", ":tasks", ":extract"] {
        remove_each(&server, &[kind]);
        all_wait(tasks);
    }
    remove_each(&server, &[":body:*"]);

    run.signal(Signal::SIGSTOP);
    let _worker = place.worker("");
    // Nobody collects these.
    there(&server, ":outcomes", |key| server.command::<i64>(&["XLEN", key]) > 1);
    remove_each(&server, &[":outcomes"]);
    run.signal(Signal::SIGCONT);
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_survives_losing_keys_of_every_kind() {
    let server = server!("a_run_survives_losing_keys_of_every_kind");
    let place = Place::at(server.url());
    let workers = [place.worker(""), place.worker("")];
    let mut run = place.started(5);
    remove_each(&server, &[":outcomes", ":outcome:*", ":bell*", ":versions"]);
    place.reaches(&mut run, 20);
    workers[0].signal(Signal::SIGSTOP);
    remove_each(&server, &[":render@*", ":addressed", ":tasks", ":unconfirmed"]);
    workers[0].signal(Signal::SIGCONT);
    place.reaches(&mut run, 40);
    remove_each(&server, &[":rows:*", ":body:*", ":repair", ":render", ":extract", ":news"]);
    place.reaches(&mut run, 60);
    remove_each(&server, &[":jobs", ":seen", ":workers"]);
    run.finish().code(0);
    place.has_the_same_bytes();
}
