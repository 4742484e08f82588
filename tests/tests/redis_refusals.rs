//! Who may use the queue on Redis and how: servers that cannot be used, passwords, certificates,
//! privileges, the registry.

use std::time::{Duration, Instant};

use sheaf_common::job::{Class, JobId, WorkerId};
use sheaf_common::numbers::FileIndex;
use sheaf_common::outcome::{Reading, TaskResult};
use sheaf_common::queue::{
    Completed, JobOwner, LEASE, Queue, QueueError, Reason, RedisConfig, RedisQueue, RedisSettings,
    Timing, WorkerInfo,
};
use sheaf_tests::both::Both;
use sheaf_tests::conformance::{PATIENTLY, take, take_one};
use sheaf_tests::make::{
    addressed, block, completion, heavy, id, leases, nap, nap_of, naps, numbers, rows_key, worker,
};
use sheaf_tests::redis_server::{Options, TIMING, free_port};
use sheaf_tests::server;
use sheaf_tests::wait::{DEADLINE, until};
use tokio::io::AsyncWriteExt;

async fn connect(settings: RedisSettings) -> Result<Both<RedisQueue>, QueueError> {
    RedisQueue::connect(RedisConfig::resolve(settings)?).await.map(Both::of)
}

/// What the user is told: the sentence and the hint.
async fn refusal(settings: RedisSettings) -> String {
    let began = Instant::now();
    let error = connect(settings).await.err().expect("a server that cannot be used");
    assert!(began.elapsed() < 3 * TIMING.connect, "took {:?}", began.elapsed());
    format!("{error} / {}", error.hint().expect("a hint"))
}

// ---- servers that cannot be used

#[tokio::test(flavor = "multi_thread")]
async fn absent_silent_and_foreign_servers_are_told_apart() {
    let timing = Timing { connect: Duration::from_secs(1), ..TIMING };
    let at = |port: u16| RedisSettings {
        timing,
        ..RedisSettings::new(format!("redis://:s3cret@127.0.0.1:{port}"))
    };
    let plain = |port: u16| RedisSettings {
        timing,
        ..RedisSettings::new(format!("redis://127.0.0.1:{port}"))
    };

    let port = free_port();
    let told = refusal(at(port)).await;
    assert!(told.contains(&format!("no Redis answers at redis://127.0.0.1:{port}")), "{told}");
    assert!(!told.contains("s3cret"), "{told}");

    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    assert!(refusal(plain(port)).await.contains("does not answer"));
    assert!(refusal(at(port)).await.contains("silent"));

    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "+OK\r\n", ""] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let told = refusal(plain(port)).await;
        assert!(
            told.contains("is not Redis")
                || told.contains("as Redis does")
                || told.contains("a Redis?"),
            "{answer:?}: {told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords() {
    let password = Some("s3cret".to_owned());
    let server = server!("passwords", Options { password, ..Options::default() });
    let none = format!("redis://127.0.0.1:{}", server.port());
    let settings = |password: &str| RedisSettings {
        password: Some(password.into()),
        ..RedisSettings::new(none.clone())
    };
    assert!(refusal(RedisSettings::new(none.clone())).await.contains("none was given"));
    let told = refusal(settings("wr0ng")).await;
    assert!(told.contains("refuses this user and password") && !told.contains("wr0ng"), "{told}");
    let named = RedisSettings { username: Some("nobody".into()), ..settings("s3cret") };
    assert!(refusal(named).await.contains("refuses"));
    connect(settings("s3cret")).await.unwrap();
    connect(server.settings(LEASE)).await.unwrap();

    let open = server!("passwords", Options::default());
    let settings = RedisSettings { password: Some("s3cret".into()), ..open.settings(LEASE) };
    assert!(refusal(settings).await.contains("asks for no password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_and_evicting_servers_are_refused() {
    let server = server!(
        "replicas_and_evicting_servers_are_refused",
        Options::of("--replicaof 127.0.0.1 1")
    );
    let told = refusal(server.settings(LEASE)).await;
    assert!(told.contains("read-only replica") && told.contains("redis://127.0.0.1:1"), "{told}");

    let options = Options::of("--maxmemory 50mb --maxmemory-policy volatile-lru");
    let server = server!("replicas_and_evicting_servers_are_refused", options);
    assert!(refusal(server.settings(LEASE)).await.contains("volatile-lru"));
    server.command::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    connect(server.settings(LEASE)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demoted_master_is_waited_for() {
    let server = server!("a_demoted_master_is_waited_for");
    let queue = server.queue(LEASE).await;
    queue.push(&[nap(1, 0)]).await.unwrap();
    server.command::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
    let pushing = tokio::spawn({
        let queue = queue.clone();
        async move { queue.push(&[nap(1, 1)]).await }
    });
    let stats = async || server.command::<String>(&["INFO", "errorstats"]);
    until("a write is refused", stats, |stats| stats.contains("READONLY")).await;
    server.command::<()>(&["REPLICAOF", "NO", "ONE"]);
    pushing.await.unwrap().unwrap();
    assert_eq!(take(&queue, "a", 9).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_with_an_authority_and_a_clients_certificate() {
    let server = server!("tls", Options { tls: true, ..Options::default() });
    let good = server.settings(LEASE);
    let queue = connect(good.clone()).await.unwrap();
    queue.push(&[nap(1, 0)]).await.unwrap();
    assert_eq!(take_one(&queue, "a").await.task, nap(1, 0));

    let told = refusal(RedisSettings { ca: None, ..good.clone() }).await;
    assert!(told.contains("--tls-ca"), "{told}");
    assert!(
        refusal(RedisSettings { ca: Some(server.file("other-ca.crt")), ..good.clone() })
            .await
            .contains("--tls-ca")
    );
    let told = refusal(RedisSettings { cert: None, key: None, ..good.clone() }).await;
    assert!(told.contains("--tls-cert"), "{told}");
    let without = format!("redis://127.0.0.1:{}", server.port());
    let told =
        refusal(RedisSettings { url: without, timing: TIMING, ..RedisSettings::new("") }).await;
    assert!(told.contains("rediss://"), "{told}");
    let wrong = RedisSettings { key: Some(server.file("client.crt")), ..good.clone() };
    assert!(refusal(wrong).await.contains("private key"));

    let plain = server!("tls", Options::default());
    let settings = RedisSettings {
        url: plain.url().replace("redis://", "rediss://"),
        ca: good.ca,
        ..plain.settings(LEASE)
    };
    let told = refusal(settings).await;
    assert!(told.contains("redis://"), "{told}");
}

// ---- privileges and the registry

/// Works a task through as each side does, and asks all that each may ask.
async fn work_through(coordinator: &Both<RedisQueue>, hand: &Both<RedisQueue>) {
    for class in Class::ALL {
        let task = id(1, class, 0);
        coordinator.push(&[nap_of(task), nap_of(id(1, class, 1))]).await.unwrap();
        let leased = take_one(hand, "a").await;
        hand.release_if_held(vec![leased.lease]).await.unwrap();
        let leased = hand.lease(&worker("a"), 2, PATIENTLY).await.unwrap();
        assert!(hand.extend_if_held(leases(&leased)).await.unwrap().is_empty());
        let result = TaskResult::Reading(Reading { sequence: FileIndex(0), parsed: 1, of: 2 });
        hand.notify(sheaf_common::outcome::Outcome { task, slot: "a".into(), result })
            .await
            .unwrap();
        let finished = leased
            .iter()
            .map(|leased| completion(&leased.lease, "a", &["rows"]))
            .collect::<Vec<_>>();
        assert_eq!(hand.complete_if_held(&finished).await.unwrap(), [Completed::Stored; 2]);
        assert_eq!(hand.rows(vec![rows_key(&leased[0].lease, 0)]).await.unwrap(), [block("rows")]);
        assert_eq!(
            coordinator.rows(vec![rows_key(&leased[0].lease, 0)]).await.unwrap(),
            [block("rows")]
        );
        assert_eq!(coordinator.collect(JobId(1), 9, PATIENTLY).await.unwrap().len(), 3);
        coordinator.forget(vec![rows_key(&leased[0].lease, 0)]).await.unwrap();
        assert_eq!(coordinator.missing(vec![task]).await.unwrap(), [task]);
    }
    let info = WorkerInfo { id: "a".into(), slots: 2, ..WorkerInfo::default() };
    hand.announce(&info).await.unwrap();
    assert_eq!(coordinator.workers().await.unwrap()[0].info, info);
    hand.leave(&worker("a")).await.unwrap();
    assert!(hand.versions().await.unwrap()[0].is_ours);
    // What a good day does not need: a worker that is gone, a body and an outcome that are blobs,
    // a job called off.
    coordinator
        .push(&[addressed(1, 7, "gone"), heavy(1, 8, 20_000), heavy(1, 9, 20_000)])
        .await
        .unwrap();
    assert!(coordinator.missing(vec![id(1, Class::Render, 7)]).await.unwrap().is_empty());
    let leased = hand.lease(&worker("a"), 2, PATIENTLY).await.unwrap();
    assert_eq!(numbers(&leased), [7, 8]);
    let mut finished = completion(&leased[1].lease, "a", &[]);
    finished.outcome.result = TaskResult::Failed { reason: "x".repeat(20_000) };
    assert_eq!(hand.complete_if_held(&[finished.clone()]).await.unwrap(), [Completed::Stored]);
    assert_eq!(coordinator.collect(JobId(1), 9, PATIENTLY).await.unwrap(), [finished.outcome]);
    coordinator.close(JobId(1)).await.unwrap();
    // Whose a job is, what it takes, and what a dead one leaves.
    coordinator.open(JobId(2), JobOwner::default()).await.unwrap();
    coordinator.push(&[heavy(2, 0, 20_000)]).await.unwrap();
    let [job] = &coordinator.jobs().await.unwrap()[..] else { panic!("one job is there") };
    assert!(job.bytes > 20_000);
    coordinator.purge(job).await.unwrap();
    assert!(coordinator.jobs().await.unwrap().is_empty());
    assert!(hand.runs_with_other_leases().await.unwrap().is_empty());
    assert!(
        hand.close_left(&coordinator.place(JobId(2)).await.unwrap()).await.unwrap(),
        "as if it removed a dead one"
    );
    hand.tend().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_privileges_are_exactly_enough() {
    let acl = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/users.acl");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.acl");
    let text = std::fs::read_to_string(acl).unwrap();
    let text = text.replace("CHANGE-ME-COORDINATOR", "pw-c").replace("CHANGE-ME-WORKER", "pw-w");
    std::fs::write(&file, format!("user default on nopass ~* &* +@all\n{text}")).unwrap();
    let options = Options {
        arguments: vec!["--aclfile".into(), file.display().to_string()],
        ..Options::default()
    };
    let server = server!("the_published_privileges_are_exactly_enough", options);
    let user = |name: &str, password: &str| RedisSettings {
        username: Some(name.into()),
        password: Some(password.into()),
        ..server.settings(Duration::from_millis(300))
    };
    let coordinator = server.queue_with(user("sheaf-coordinator", "pw-c")).await;
    let hand = server.queue_with(user("sheaf-worker", "pw-w")).await;
    work_through(&coordinator, &hand).await;
    // A lease that ends and one whose group is gone need more commands than a good day.
    coordinator.push(&naps(1, 0..2)).await.unwrap();
    take_one(&hand, "dies").await;
    let again = async || take(&hand, "a", 2).await;
    until("the lease ends", again, |leased| leased.iter().any(|leased| leased.delivery > 1)).await;
    tokio::time::sleep(TIMING.sweep * 2).await; // So that the next call sweeps.
    assert!(coordinator.collect(JobId(1), 9, Duration::ZERO).await.unwrap().is_empty());

    for name in ["sheaf-coordinator", "sheaf-worker"] {
        for words in [
            &["FLUSHALL"][..],
            &["GET", "other"],
            &["KEYS", "*"],
            &["CONFIG", "GET", "*"],
            &["SET", "other", "1"],
        ] {
            let dry: String = server.command(&[&["ACL", "DRYRUN", name], words].concat());
            assert!(dry.contains("no permissions"), "{name} may {words:?}: {dry}");
        }
    }
    let stranger = RedisSettings { queue: "other".into(), ..user("sheaf-worker", "pw-w") };
    connect(stranger).await.unwrap();
    server.command::<()>(&["ACL", "SETUSER", "sheaf-worker", "resetkeys"]);
    let refused = hand.lease(&WorkerId("a".into()), 1, Duration::ZERO).await;
    let Err(QueueError::Unusable(Reason { text: reason, .. })) = &refused else {
        panic!("{refused:?}")
    };
    assert!(reason.contains("may not do"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_are_listed_while_they_announce_themselves() {
    let server = server!("workers_are_listed_while_they_announce_themselves");
    let queue = server.queue(LEASE).await;
    assert!(queue.workers().await.unwrap().is_empty());
    let info = |id: &str, busy| WorkerInfo {
        id: id.into(),
        host: "host".into(),
        version: "0.1.0".into(),
        slots: 4,
        busy,
        files_done: 1,
        bytes_done: 2,
        queues: vec!["default".into()],
        bytes_servers: 0,
        wire: 0,
        lease_ms: 0,
    };
    queue.announce(&info("b", 1)).await.unwrap();
    queue.announce(&info("a", 1)).await.unwrap();
    queue.announce(&info("b", 3)).await.unwrap();
    let seen = queue.workers().await.unwrap();
    assert_eq!(
        seen.iter().map(|seen| seen.info.clone()).collect::<Vec<_>>(),
        [info("a", 1), info("b", 3)]
    );
    assert!(seen.iter().all(|seen| seen.ago < DEADLINE));
    queue.leave(&worker("b")).await.unwrap();
    assert_eq!(queue.workers().await.unwrap().len(), 1);
    // One that has not said so for long is not listed, and forgotten at the next announcement.
    server.command::<i64>(&["ZADD", "sheaf:{default}:seen", "XX", "CH", "1", "a"]);
    assert!(queue.workers().await.unwrap().is_empty());
    queue.announce(&info("c", 0)).await.unwrap();
    assert_eq!(server.command::<i64>(&["HLEN", "sheaf:{default}:workers"]), 1);
    // Of another version, with fields that this one does not know.
    server.command::<i64>(&[
        "HSET",
        "sheaf:{default}:workers",
        "c",
        r#"{"id":"c","version":"9.0","new":[1]}"#,
    ]);
    assert_eq!(queue.workers().await.unwrap()[0].info.version, "9.0");
}
