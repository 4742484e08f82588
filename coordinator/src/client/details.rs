//! A job in words: how far it is, and how it ended.

use std::time::Duration;

use super::logs;
use crate::api::{Explanation, FileLine, Job, Progress, State};
use crate::clock::{day_and_time_of, ms_of_rfc3339, since_1970};
use crate::human::{Paint, count, number, shown, size, time};
use crate::report::{HowFar, line};

/// How far a job is.
pub fn how_far(progress: &Progress) -> HowFar {
    HowFar {
        doing: None,
        files: progress.files,
        total_files: progress.files_total,
        failed: progress.files_failed,
        left: progress.seconds_left.map(Duration::from_secs),
        bytes: progress.bytes,
        total_bytes: progress.bytes_total,
        elapsed: elapsed(progress),
        speed: progress.bytes_per_second,
        rows: Some(progress.rows),
    }
}

fn elapsed(progress: &Progress) -> Duration {
    Duration::try_from_secs_f64(progress.seconds).unwrap_or_default()
}

/// How long ago a time was, as `4m 05s`.
pub fn age(at: &str) -> Option<String> {
    let seconds = ms_of_rfc3339(at)? / 1000;
    let ago = since_1970().saturating_sub(seconds);

    Some(match ago {
        0..60 => format!("{ago} s"),
        60..172_800 => time(Duration::from_secs(ago)),
        _ => format!("{} days", ago / 86_400),
    })
}

/// ``job 7 `nightly` ``
pub fn title(job: &Job) -> String {
    match &job.name {
        Some(name) => format!("job {} `{}`", job.id, shown(name.as_bytes())),
        None => format!("job {}", job.id),
    }
}

/// What `sheaf status` says of a job.
pub fn status(job: &Job, paint: Paint) -> String {
    let mut lines = vec![format!("{}: {}", paint.bold(&title(job)), state(job.state, paint))];
    let mut say = |text: String| lines.push(format!("  {text}"));

    say(line(&how_far(&job.progress)).trim_start().to_string());
    if let Some(waiting) = &job.progress.waiting {
        say(format!("waiting: {}", shown(waiting.as_bytes())));
    }
    if !job.progress.failed_by_kind.is_empty() {
        say(logs::kinds(&job.progress.failed_by_kind));
    }
    if job.progress.files_reused > 0 {
        say(reused(job.progress.files_reused));
    }
    for at in times(job) {
        say(at);
    }
    for output in &job.outputs {
        say(format!("output {}: {}", shown(output.name.as_bytes()), size(output.bytes)));
    }
    for note in &job.notes {
        say(format!("{} {}", paint.warning("note:"), shown(note.as_bytes())));
    }

    lines.extend(why(job).map(|text| format!("  {text}")));
    lines.join("\n")
}

fn times(job: &Job) -> Vec<String> {
    let at = |what: &str, time: Option<&str>| {
        let seconds = ms_of_rfc3339(time?)? / 1000;
        Some(format!("{what} {}", day_and_time_of(seconds)))
    };

    let times = &job.times;
    [
        at("submitted", Some(&times.created)),
        at("started", times.started.as_deref()),
        at("finished", times.finished.as_deref()),
        at("is kept until", times.removed_after.as_deref()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn reused(files: u64) -> String {
    format!("{} not read again, as an earlier job has the rows", count(files, "file"))
}

/// The reason of a state, and what to do about it.
fn why(job: &Job) -> impl Iterator<Item = String> {
    let reason = job.reason.as_ref().map(|reason| format!("why: {}", shown(reason.as_bytes())));
    let hint = job.hint.as_ref().map(|hint| format!("hint: {}", shown(hint.as_bytes())));
    reason.into_iter().chain(hint)
}

/// The word of a state, in its colour.
pub fn state(state: State, paint: Paint) -> String {
    let word = state.word();
    match state {
        State::Done => paint.good(word),
        State::DoneWithFailures | State::Paused | State::Pausing | State::Cancelling => {
            paint.warning(word)
        }
        State::Stopped | State::OverBudget | State::Cancelled => paint.error(word),
        State::Queued => paint.dim(word),
        State::Running => word.into(),
    }
}

/// How a job ended, with the first files that failed.
pub fn ending(job: &Job, failed: &[FileLine], paint: Paint) -> String {
    let progress = &job.progress;
    let mut lines = vec![format!("{} {}", title(job), ended(job))];

    for file in failed {
        let path = shown(file.path.as_bytes());
        let reason = shown(file.reason.as_deref().unwrap_or("failed").as_bytes());
        lines.push(format!("  {} {reason}", paint.error(&format!("{path}:"))));
    }
    if progress.files_failed > failed.len() as u64 && !failed.is_empty() {
        lines.push(format!("  … and {} more", number(progress.files_failed - failed.len() as u64)));
    }
    if progress.files_reused > 0 {
        lines.push(reused(progress.files_reused));
    }
    for note in &job.notes {
        lines.push(format!("{} {}", paint.warning("note:"), shown(note.as_bytes())));
    }

    if let Some(hint) = &job.hint {
        lines.push(format!("{} {}", paint.hint("hint:"), shown(hint.as_bytes())));
    }

    lines.join("\n") + "\n"
}

fn ended(job: &Job) -> String {
    let progress = &job.progress;
    let because =
        || job.reason.as_ref().map_or(String::new(), |why| format!(": {}", shown(why.as_bytes())));
    let figures = || {
        format!(
            "{}, {}, {} in {}",
            count(progress.files_total, "file"),
            count(progress.rows, "row"),
            size(progress.bytes_total),
            time(elapsed(progress))
        )
    };

    match job.state {
        State::Done => format!("is done: {}", figures()),
        State::DoneWithFailures if progress.files_failed > 0 => format!(
            "is done, but {} of {} failed: {}",
            number(progress.files_failed),
            count(progress.files_total, "file"),
            figures()
        ),
        State::DoneWithFailures => format!("is done{}", because()),
        State::Cancelled => format!("was cancelled{}", because()),
        State::OverBudget => {
            format!("was ended, as {} failed{}", count(progress.files_failed, "file"), because())
        }
        State::Stopped => format!("stopped{}", because()),
        state => format!("is {}{}", state.word(), because()),
    }
}

/// What `sheaf explain` says.
pub fn explanation(job: &Job, explanation: &Explanation, paint: Paint) -> String {
    let mut lines = vec![format!("{}: {}", title(job), state(explanation.state, paint))];
    for reason in &explanation.reasons {
        lines.push(format!("  {}", shown(reason.text.as_bytes())));
        if let Some(hint) = &reason.hint {
            lines.push(format!("    {} {}", paint.hint("hint:"), shown(hint.as_bytes())));
        }
    }

    if explanation.reasons.is_empty() {
        lines.push("  nothing stands in its way".into());
    }

    lines.join("\n")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::api::{InputsSeen, JobOptions, JobTimes, Priority};

    pub fn job(id: &str, state: State) -> Job {
        Job {
            id: id.parse().unwrap(),
            name: None,
            priority: Priority::Normal,
            state,
            reason: None,
            hint: None,
            times: JobTimes::default(),
            inputs: InputsSeen { files: 10, bytes: 1000, paths: Vec::new() },
            options: JobOptions::default(),
            max_failures: None,
            progress: Progress {
                files: 5,
                files_total: 10,
                bytes: 500,
                bytes_total: 1000,
                rows: 7,
                seconds: 2.0,
                ..Progress::default()
            },
            outputs: Vec::new(),
            retries: 0,
            notes: Vec::new(),
        }
    }

    #[test]
    fn an_ending_says_what_to_do() {
        let mut failed =
            Job { hint: Some("`sheaf retry 7`".into()), ..job("7", State::DoneWithFailures) };
        failed.progress.files_failed = 2;
        let text = ending(&failed, &[], Paint::Plain);
        assert!(text.starts_with("job 7 is done, but 2 of 10 files failed: 10 files, 7 rows"));
        assert!(text.ends_with("\nhint: `sheaf retry 7`\n"), "{text}");

        let stopped = Job {
            reason: Some("the disk is full".into()),
            hint: Some("`sheaf resume 7`".into()),
            ..job("7", State::Stopped)
        };
        let text = ending(&stopped, &[], Paint::Plain);
        assert_eq!(text, "job 7 stopped: the disk is full\nhint: `sheaf resume 7`\n");
    }

    #[test]
    fn a_status_has_progress_and_reason() {
        let paused = Job { reason: Some("by\x1b you".into()), ..job("a", State::Paused) };
        let text = status(&paused, Paint::Plain);
        let expected = "job a: paused\n  50%  5/10 files · 500 B/1.00 kB · 2 s so far · 7 rows\n  \
                        why: by\\u{1b} you";
        assert_eq!(text, expected);
    }
}
