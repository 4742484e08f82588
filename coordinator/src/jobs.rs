//! `sheaf queue`: lists the jobs of a queue, and removes some.

use std::io::{self, Write};

use serde_json::json;
use sheaf_common::fit;
use sheaf_common::job::JobId;
use sheaf_common::queue::{JobOwner, JobSeen, QueueError, RedisQueue};

use crate::human::{count, number, shown, size, table, time};

/// The result of `sheaf queue purge`.
#[derive(Debug)]
pub enum Purged {
    /// These jobs were removed.
    Removed(Vec<JobSeen>),
    /// There is no such job.
    Unknown(JobId),
}

/// Removes one job, or all abandoned ones if `job` is `None`.
///
/// # Errors
/// Those of the queue.
pub async fn purge(queue: &RedisQueue, job: Option<JobId>) -> Result<Purged, QueueError> {
    let mut jobs = queue.jobs().await?;

    match job {
        Some(job) => jobs.retain(|seen| seen.job == job),
        None => jobs.retain(|seen| seen.is_abandoned),
    }

    // A wrong id is an error, while no abandoned job is good news.
    if let (Some(job), []) = (job, jobs.as_slice()) {
        return Ok(Purged::Unknown(job));
    }

    for job in &jobs {
        queue.purge(job).await?;
    }

    Ok(Purged::Removed(jobs))
}

/// Prints a line for each removed job, or a sentence if there is none.
///
/// # Errors
/// Those of `out`.
pub fn print_purged(jobs: &[JobSeen], out: &mut dyn Write) -> io::Result<()> {
    for job in jobs {
        writeln!(
            out,
            "removed {} of {}: {}",
            job.job,
            owner_name(job.owner.as_ref()),
            size(job.bytes)
        )?;
    }

    if jobs.is_empty() {
        writeln!(
            out,
            "no job is abandoned: none has been silent for a minute (`sheaf queue` lists them, \
            `sheaf queue purge JOB` removes one at once)"
        )?;
    }

    out.flush()
}

/// Prints a header and a line for each job, and a sentence about abandoned ones; another if there
/// are no jobs.
///
/// # Errors
/// Those of `out`.
pub fn print_table(jobs: &[JobSeen], out: &mut dyn Write) -> io::Result<()> {
    if jobs.is_empty() {
        writeln!(out, "no job is on the queue")?;
        return out.flush();
    }

    let rows = jobs.iter().map(|job| {
        let sign = match (job.sign, job.is_abandoned) {
            (None, _) => "never".into(),
            (Some(ago), false) => format!("{} ago", time(ago)),
            (Some(ago), true) => format!("{} ago: abandoned", time(ago)),
        };

        [
            job.job.to_string(),
            owner_name(job.owner.as_ref()),
            number(job.waiting),
            number(job.leased),
            number(job.finished),
            size(job.bytes),
            job.age.map_or_else(|| "?".into(), time),
            sign,
        ]
    });

    let header = ["JOB", "OWNER", "WAITING", "LEASED", "FINISHED", "BYTES", "AGE", "SEEN"];
    write!(out, "{}", table(header, rows))?;
    let abandoned: Vec<&JobSeen> = jobs.iter().filter(|job| job.is_abandoned).collect();
    if !abandoned.is_empty() {
        let bytes = abandoned.iter().map(|job| job.bytes).sum();
        let jobs = count(abandoned.len() as u64, "abandoned job");
        writeln!(
            out,
            "\n{jobs}, {}: `sheaf queue purge --abandoned` removes what they left",
            size(bytes)
        )?;
    }

    out.flush()
}

/// Prints a line with a JSON object for each job.
///
/// # Errors
/// Those of `out`.
pub fn print_json(jobs: &[JobSeen], out: &mut dyn Write) -> io::Result<()> {
    let ms = |time: Option<std::time::Duration>| time.map(fit::millis);
    for job in jobs {
        let object = json!({
            "job": job.job.to_string(),
            "version": job.version,
            "owner": job.owner,
            "waiting": job.waiting,
            "leased": job.leased,
            "finished": job.finished,
            "bytes": job.bytes,
            "age_ms": ms(job.age),
            "seen_ms": ms(job.sign),
            "abandoned": job.is_abandoned,
        });

        writeln!(out, "{object}")?;
    }

    out.flush()
}

fn owner_name(owner: Option<&JobOwner>) -> String {
    match owner {
        None => "?".into(),
        Some(JobOwner { host, pid, output, .. }) => {
            format!("{}:{pid} {}", shown(host.as_bytes()), shown(output.as_bytes()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn job(number: u64, sign: Option<u64>) -> JobSeen {
        let owner = Some(JobOwner {
            host: "a\nb".into(),
            pid: 7,
            output: "x.csv".into(),
            ..JobOwner::default()
        });
        let sign = sign.map(Duration::from_secs);
        JobSeen {
            job: JobId(number),
            version: "1".into(),
            owner,
            age: None,
            sign,
            is_abandoned: sign.is_some_and(|sign| sign.as_secs() >= 60),
            waiting: 3,
            leased: 2,
            finished: 1,
            bytes: 40_000_000,
        }
    }

    #[test]
    fn the_abandoned_ones_are_marked_and_counted() {
        let mut out = Vec::new();
        print_table(
            &[job(1, Some(90)), job(2, Some(1)), job(3, None), job(4, Some(300))],
            &mut out,
        )
        .unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches(": abandoned").count(), 2, "{text}");
        assert!(
            text.contains("2 abandoned jobs, 80.0 MB") && text.contains("a\\nb:7 x.csv"),
            "{text}"
        );
    }

    #[test]
    fn json_has_a_line_for_each() {
        let mut out = Vec::new();
        print_json(&[job(1, Some(90)), job(2, None)], &mut out).unwrap();
        let lines = String::from_utf8(out).unwrap();
        let [first, second] = &lines.lines().collect::<Vec<_>>()[..] else { panic!("{lines}") };
        assert!(
            first.contains(r#""abandoned":true"#) && first.contains(r#""seen_ms":90000"#),
            "{first}"
        );
        assert!(
            second.contains(r#""seen_ms":null"#) && second.contains(r#""job":"0000000000000002""#),
            "{second}"
        );
    }
}
