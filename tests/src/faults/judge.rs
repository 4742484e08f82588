//! Judges a run: by its end, its exit code, its bytes, its leftovers and its messages.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::plan::Plan;
use super::server_version::ServerVersion;
use super::stage::Stage;
use super::strike::{Strike, processes::retire};
use crate::binary::repository;
use crate::redis_server::RedisServer;

/// After this time without progress, a run must explain itself.
const MUST_BE_SAID: Duration = Duration::from_secs(15);
/// The time in which keys must be gone after the end of the last process.
const KEYS_GO_WITHIN: Duration = Duration::from_secs(10);

/// The ttl of blobs that were sent for a task and never finished: their sender was killed, and no
/// one else knows their names.
const STAGED_SECONDS: i64 = 15 * 60;
/// The ttl of the other keys of a job after its last call.
const TTL_SECONDS: i64 = 60 * 60;

/// The judgement of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub kind: String,
    pub seed: u64,
    pub server: ServerVersion,
    /// The number of times that the fault struck.
    pub strikes: usize,
    /// The longest time without progress after each strike.
    pub lost: Vec<Duration>,
    pub took: Duration,
    /// The number of times that the run ended with exit code 3, as its fault allows, and was
    /// restarted.
    pub gave_up: usize,
    /// The problems, one sentence each; empty if there are none.
    pub problems: Vec<String>,
    /// Keys of the job on the servers that outlast their allowed ttl.
    pub left: Vec<String>,
    /// Why the fault could not be made, if so.
    pub skipped: Option<String>,
}

impl Verdict {
    /// The verdict on a run that has not been played.
    pub fn of(plan: &Plan, server: &ServerVersion) -> Self {
        Verdict {
            kind: plan.kind.name.clone(),
            seed: plan.seed,
            server: server.clone(),
            strikes: 0,
            lost: Vec::new(),
            took: Duration::ZERO,
            gave_up: 0,
            problems: Vec::new(),
            left: Vec::new(),
            skipped: None,
        }
    }

    /// Whether there is any problem.
    pub fn failed(&self) -> bool {
        !self.problems.is_empty() || !self.left.is_empty()
    }

    /// All problems, one sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let some: Vec<&str> = self.left.iter().take(3).map(String::as_str).collect();
        let left = (!self.left.is_empty())
            .then(|| format!("{} keys are left: {} …", self.left.len(), some.join(", ")));
        self.problems.iter().cloned().chain(left).collect()
    }
}

/// Judges a run that has ended or hangs, and ends all its processes.
pub async fn judge(
    mut stage: Stage<'_>,
    strikes: &[Strike],
    took: Duration,
    ended: bool,
) -> Verdict {
    let mut problems = std::mem::take(&mut stage.problems);
    let mut left = Vec::new();

    if ended {
        problems.extend(wrong_end(&stage));
        leave(&mut stage);
        problems.append(&mut stage.problems);
        left = left_keys(&stage).await;
    } else {
        problems.push(format!("it did not end within {} s", took.as_secs()));
        dismiss(&mut stage);
    }

    problems.extend(unsaid(&stage, strikes));

    // A worker that fails at each start gives the same problem each time.
    problems.dedup();

    let verdict = Verdict {
        strikes: strikes.len(),
        lost: if ended { lost(&stage, strikes) } else { Vec::new() },
        took,
        gave_up: stage.gave_up,
        problems,
        left,
        ..Verdict::of(&stage.plan, &stage.server)
    };

    if verdict.failed() || stage.setting.verbose {
        keep_logs(&stage, &verdict);
    }

    verdict
}

/// The problems with the exit code and the outputs.
fn wrong_end(stage: &Stage<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(finished) = &stage.coordinator.finished
        && finished.status.code() != Some(0)
    {
        let words = finished.stderr();
        let last = words.lines().rfind(|line| line.starts_with("error:")).or(words.lines().last());
        problems.push(format!("it ended with {}: {}", finished.status, last.unwrap_or_default()));
    }

    problems.extend(stage.reference.differences(&stage.out()));
    problems
}

/// Stops the workers cleanly.
fn leave(stage: &mut Stage<'_>) {
    for sick in std::mem::take(&mut stage.sick) {
        stage.last_words.push(sick.run.stderr());
        sick.run.crash();
    }

    let workers = std::mem::take(&mut stage.workers);
    for worker in &workers {
        worker.run.signal(Signal::SIGTERM);
    }

    for worker in workers {
        retire(stage, worker);
    }
}

/// Kills all processes of a run that hangs.
fn dismiss(stage: &mut Stage<'_>) {
    stage.coordinator.crash();
    for worker in stage.workers.drain(..).chain(stage.sick.drain(..)) {
        stage.last_words.push(worker.run.stderr());
        worker.run.crash();
    }
}

/// The keys of the job that stay on the servers.
async fn left_keys(stage: &Stage<'_>) -> Vec<String> {
    let deadline = Instant::now() + KEYS_GO_WITHIN;
    let longest = if stage.plan.kind.brings_back() { TTL_SECONDS } else { STAGED_SECONDS };
    loop {
        let servers = [&stage.queue].into_iter().chain(&stage.bytes);
        let left: Vec<String> = servers.flat_map(|server| keys_of_jobs(server, longest)).collect();
        if left.is_empty() || Instant::now() > deadline {
            return left;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The keys of jobs with a ttl of more than `longest` seconds, each with its ttl.
fn keys_of_jobs(server: &RedisServer, longest: i64) -> Vec<String> {
    let keys: Vec<String> = server.command(&["KEYS", "sheaf:*"]);
    let of_jobs = keys.into_iter().filter(|key| is_of_job(key));
    let with_ttl = of_jobs.map(|key| (server.command::<i64>(&["TTL", &key]), key));
    // -1: the key has no ttl; -2: the key is gone by now.
    let stays = |ttl: i64| ttl == -1 || ttl > longest;
    with_ttl.filter(|(ttl, _)| stays(*ttl)).map(|(ttl, key)| format!("{key} ({ttl} s)")).collect()
}

/// Whether a key belongs to one job: `sheaf:{QUEUE}:VERSION:JOB:…`, with the job in hexadecimal.
fn is_of_job(key: &str) -> bool {
    let mut parts = key.split(':').skip(3);
    let job = parts.next().unwrap_or_default();
    job.len() == 16 && u64::from_str_radix(job, 16).is_ok() && parts.next().is_some()
}

/// A problem, if a fault stopped everything for long and the run did not say why.
fn unsaid(stage: &Stage<'_>, strikes: &[Strike]) -> Option<String> {
    let timeline = stage.watch.timeline();
    let silent =
        |strike: &Strike| !timeline.explains_silences(strike.began, strike.ended, MUST_BE_SAID);
    (stage.plan.kind.must_be_said() && strikes.iter().any(silent)).then(|| {
        format!(
            "nothing went on for more than {} s, and it did not say why",
            MUST_BE_SAID.as_secs()
        )
    })
}

/// The longest time without progress after each strike, counted from its end if it has one.
fn lost(stage: &Stage<'_>, strikes: &[Strike]) -> Vec<Duration> {
    let timeline = stage.watch.timeline();
    let ends = strikes.iter().skip(1).map(|next| next.began).chain([Instant::now()]);
    let from =
        |strike: &Strike| if stage.plan.kind.hold.has_end() { strike.ended } else { strike.began };
    strikes
        .iter()
        .zip(ends)
        .map(|(strike, end)| timeline.longest_silence(from(strike), end))
        .collect()
}

/// The folder for the logs of a failed run.
pub fn folder_of_logs(kind: &str, seed: u64) -> std::path::PathBuf {
    repository().join("target/faults").join(format!("{kind}-{seed}"))
}

fn keep_logs(stage: &Stage<'_>, verdict: &Verdict) {
    let folder = folder_of_logs(&verdict.kind, verdict.seed);
    let _ = fs::remove_dir_all(&folder);
    let keep = |name: &str, text: &str| {
        let path: &Path = &folder.join(name);
        fs::write(path, text)
            .unwrap_or_else(|error| panic!("could not write {}: {error}", path.display()));
    };

    fs::create_dir_all(&folder).expect("the folder of what is built can be written");
    keep("plan.txt", &format!("{:#?}\n{:#?}\n", stage.plan, verdict));
    keep("coordinator.log", &stage.coordinator.words());
    keep("redis.log", &stage.queue.log());

    for (number, words) in stage.last_words.iter().enumerate() {
        keep(&format!("worker-{number}.log"), words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_keys_differ_from_queue_keys() {
        for key in [
            "sheaf:{q}:0.1.0+7:00000000000000ff:tasks",
            "sheaf:{q}:0.1.0+7+2:8badf00d8badf00d:rows:extract:1:2:3",
        ] {
            assert!(is_of_job(key), "{key}");
        }

        for key in ["sheaf:{q}:workers", "sheaf:{q}:0.1.0+7:jobs", "sheaf:{q}:0.1.0+7:bell@host:7"]
        {
            assert!(!is_of_job(key), "{key}");
        }
    }
}
