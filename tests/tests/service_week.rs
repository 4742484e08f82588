//! A week of an operator: cron submits, machines die, files are bad, old jobs go.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use sheaf_tests::process::wait_for;
use sheaf_tests::redis_server::RedisServer;
use sheaf_tests::run::{Finished, Running};
use sheaf_tests::service::Service;
use sheaf_tests::{Run, corpus, server, worker_bin};

/// How many files the folder has, but for a bad one.
const FILES: u64 = 100;

#[tokio::test]
async fn a_week_goes_by() {
    let server = server!("a_week_goes_by");
    tokio::task::spawn_blocking(move || week(&server)).await.unwrap();
}

/// What an operator has before them.
struct Desk<'a> {
    folder: &'a Path,
    redis: String,
    service: Service,
    /// The counters of the service's present life, as they were last scraped.
    counters: BTreeMap<String, f64>,
}

fn week(server: &RedisServer) {
    let folder = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    corpus::write_many(&folder.path().join("in"), usize::try_from(FILES).unwrap(), 600, Some(50));
    let redis = format!("--redis {}", server.url());
    let service = Service::start(data.path(), &format!("{redis} --lease 2s"));
    let mut desk = Desk { folder: folder.path(), redis, service, counters: BTreeMap::new() };
    let mut workers = vec![desk.new_worker(), desk.new_worker()];

    // Monday: everything is new, and one of the two workers dies.
    desk.submit("day-1", "");
    desk.until_begun("day-1");
    workers.remove(0).crash();
    desk.ends_as_a_run("day-1", "", 0);
    desk.scrape();

    // Tuesday: a new worker; two files changed.
    workers.push(desk.new_worker());
    desk.change_files(2);
    desk.submit("day-2", "");
    desk.ends_as_a_run("day-2", "", 0).says(&["98 files not read again"]);
    assert_eq!(desk.reused("day-2"), FILES - 2);
    desk.scrape();

    // Wednesday: a file is bad. Reading it again does not help, mending it does.
    desk.change_files(3);
    corpus::write(folder.path(), "in/new.gz", "not packed");
    desk.submit("day-3", "");
    desk.ends_as_a_run("day-3", "", 1);
    let failed = desk.typed("logs day-3 --failed").code(0);
    assert!(failed.stdout().starts_with("misnamed      in/new.gz: "), "{failed}");
    desk.typed("retry day-3 -q").code(0);
    desk.typed("wait day-3 -q").code(1);
    assert_eq!(desk.reused("day-3"), FILES, "only the failed one was read again");
    desk.scrape();

    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut packed, corpus::doc("n", "t", "new").as_bytes()).unwrap();
    corpus::write(folder.path(), "in/new.gz", packed.finish().unwrap());
    desk.submit("day-3-mended", "");
    desk.ends_as_a_run("day-3-mended", "", 0);
    assert_eq!(desk.reused("day-3-mended"), FILES, "all but the mended one");
    desk.scrape();

    // Thursday: another recipe, so all is read anew; the service dies over it.
    desk.change_files(4);
    desk.submit("day-4", "--source-column");
    desk.until_begun("day-4");
    desk.service.kill();
    desk.service.start_again();
    desk.counters.clear();
    desk.submit_again("day-4", "--source-column");
    desk.ends_as_a_run("day-4", "--source-column", 0);
    desk.scrape();

    // Friday: all is as it should be.
    desk.change_files(5);
    desk.submit("day-5", "--source-column");
    desk.ends_as_a_run("day-5", "--source-column", 0);
    assert_eq!(desk.reused("day-5"), FILES + 1 - 2);
    desk.scrape();
    desk.tidies_up(data.path());
}

impl Desk<'_> {
    fn new_worker(&self) -> Running {
        Run::of(&worker_bin(), self.folder).typed(&self.redis).typed("-p 1").start()
    }

    fn typed(&self, args: &str) -> Finished {
        self.service.client(self.folder).typed(args).finish()
    }

    /// Two files have other records from this day on.
    fn change_files(&self, day: usize) {
        for file in [2 * day, 2 * day + 1] {
            let doc = corpus::doc(&format!("d{day}"), "t", &format!("text of day {day} in {file}"));
            corpus::write(&self.folder.join("in"), &format!("file_{file}"), doc);
        }
    }

    /// What cron does: twice, as it was set up on two machines.
    fn submit(&self, id: &str, options: &str) {
        let submitted = self.typed(&format!("submit in -o {id}.xlsx --id {id} {options}")).code(0);
        assert_eq!(submitted.stdout(), format!("{id}\n"));
        self.submit_again(id, options);
    }

    fn submit_again(&self, id: &str, options: &str) {
        let again = self.typed(&format!("submit in -o {id}.xlsx --id {id} {options}")).code(0);
        assert_eq!(again.stdout(), format!("{id}\n"));
        again.says(&[&format!("already there: {id}")]);
    }

    fn until_begun(&self, id: &str) {
        self.service
            .until(id, "some files are done", |job| job["progress"]["files"].as_u64() > Some(5));
        assert_eq!(self.service.job(id)["state"], "running", "there is too little to do");
    }

    /// Waits for the end of a job, fetches its output, and holds it against that of a run.
    fn ends_as_a_run(&self, id: &str, options: &str, code: i32) -> Finished {
        let waited = self.typed(&format!("wait {id}")).code(code);
        self.typed(&format!("fetch {id}")).code(0);
        let run = Run::sheaf(self.folder).typed("run in -q -o run.xlsx").typed(options);
        run.finish().code(code);

        let read = |name: &str| fs::read(self.folder.join(name)).unwrap();
        assert!(read(&format!("{id}.xlsx")) == read("run.xlsx"), "{id} is another");
        waited
    }

    fn reused(&self, id: &str) -> u64 {
        let job: Value = serde_json::from_str(&self.typed(&format!("status {id} --json")).stdout())
            .expect("a job");
        job["progress"]["files_reused"].as_u64().unwrap()
    }

    /// Scrapes the figures: no counter goes back within a life of the service.
    fn scrape(&mut self) {
        let text = String::from_utf8(self.service.get("/metrics").status(200).body).unwrap();
        let families: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
            .collect();
        let is_counter = |name: &str| families.iter().any(|family| name.starts_with(family));

        let mut seen = 0;
        for line in text.lines().filter(|line| !line.starts_with('#') && is_counter(line)) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let value: f64 = value.parse().unwrap();
            let before = self.counters.insert(name.into(), value).unwrap_or(0.0);
            assert!(value >= before, "{name} went back from {before} to {value}");
            seen += 1;
        }
        assert!(seen > 5, "{text}");
        let files: f64 = self
            .counters
            .iter()
            .filter(|(name, _)| name.starts_with("sheaf_files_total"))
            .map(|(_, value)| value)
            .sum();
        assert!(files > 0.0, "{text}");
    }

    /// The weekend: jobs are kept for a short time only.
    fn tidies_up(mut self, data: &Path) {
        assert_eq!(self.typed("jobs -q").stdout().lines().count(), 6);
        self.service.stop();
        self.service = Service::start(data, &format!("{} --keep 5s", self.redis));
        wait_for("old jobs to be removed", Duration::from_secs(30), || {
            self.typed("jobs -q").code(0).stdout().is_empty().then_some(())
        });
        assert_eq!(fs::read_dir(data.join("jobs")).unwrap().count(), 0);

        // A job of this time is there for its while.
        self.typed("submit in -o new.xlsx --id new --wait -q").code(0);
        assert_eq!(self.typed("jobs -q").stdout(), "new\n");
        wait_for("the new job to be removed", Duration::from_secs(30), || {
            self.typed("jobs -q").code(0).stdout().is_empty().then_some(())
        });
        self.typed("status new").code(3).says(&["no job `new`"]);
    }
}
