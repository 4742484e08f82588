//! The verdicts as a table, and the commands that repeat failed runs.

use std::fmt::Write;
use std::time::Duration;

use super::judge::{Verdict, folder_of_logs};

/// A Markdown table with a row for each kind, in the order of the verdicts, and the sum.
pub fn table(verdicts: &[Verdict]) -> String {
    let mut kinds: Vec<&str> = Vec::new();
    for verdict in verdicts {
        if !kinds.contains(&verdict.kind.as_str()) {
            kinds.push(&verdict.kind);
        }
    }

    let mut text = String::from(
        "| fault | times | time lost: median | worst | result |\n|---|--:|--:|--:|---|\n",
    );
    for kind in &kinds {
        let of_kind: Vec<&Verdict> =
            verdicts.iter().filter(|verdict| verdict.kind == *kind).collect();
        let _ = writeln!(text, "{}", row(kind, &of_kind));
    }

    let failed = verdicts.iter().filter(|verdict| verdict.failed()).count();
    let strikes: usize = verdicts.iter().map(|verdict| verdict.strikes).sum();
    let _ = writeln!(
        text,
        "\n{} kinds, {} runs, {strikes} faults, {failed} runs failed.",
        kinds.len(),
        verdicts.len()
    );

    text
}

fn row(kind: &str, verdicts: &[&Verdict]) -> String {
    let strikes: usize = verdicts.iter().map(|verdict| verdict.strikes).sum();
    let mut lost: Vec<Duration> =
        verdicts.iter().flat_map(|verdict| verdict.lost.clone()).collect();
    lost.sort_unstable();
    let shown = |lost: Option<&Duration>| {
        lost.map_or("–".into(), |lost| format!("{:.1} s", lost.as_secs_f64()))
    };
    let median = shown(lost.get(lost.len() / 2));
    let worst = shown(lost.last());
    format!("| {kind} | {strikes} | {median} | {worst} | {} |", result(verdicts))
}

/// The results of the runs of a kind, in few words.
fn result(verdicts: &[&Verdict]) -> String {
    let played = verdicts.iter().filter(|verdict| verdict.skipped.is_none()).count();
    let failed = verdicts.iter().filter(|verdict| verdict.failed()).count();
    let unstruck =
        verdicts.iter().filter(|verdict| verdict.skipped.is_none() && verdict.strikes == 0).count();

    let mut words = Vec::new();
    if failed > 0 {
        words.push(format!("**{failed} of {played} failed**"));
    } else if played > 0 {
        words.push("same bytes".into());
    }

    let gave_up = verdicts.iter().filter(|verdict| verdict.gave_up > 0).count();
    if gave_up > 0 {
        words.push(format!("{gave_up} ended with exit code 3, and went on with the same command"));
    }

    if unstruck > 0 {
        words.push(format!("{unstruck} ended before the fault"));
    }

    if let Some(reason) = verdicts.iter().find_map(|verdict| verdict.skipped.as_ref()) {
        words.push(format!("{} not possible: {reason}", verdicts.len() - played));
    }

    words.join("; ")
}

/// A verdict in one line.
pub fn line(verdict: &Verdict) -> String {
    let Verdict { kind, seed, server, strikes, took, .. } = verdict;
    let result = match (&verdict.skipped, verdict.failed()) {
        (Some(reason), _) => format!("not possible: {reason}"),
        (None, false) => "ok".into(),
        (None, true) => format!("FAILED: {}", verdict.sentences().join("; ")),
    };

    let lost: Vec<String> =
        verdict.lost.iter().map(|lost| format!("{:.1} s", lost.as_secs_f64())).collect();
    let server = &server.name;
    let took = took.as_secs_f64();
    format!(
        "{kind} {seed} ({server}): {strikes} faults, lost {}, took {took:.1} s: {result}",
        lost.join(" and ")
    )
}

/// For each failed run its problems, and the command that repeats it. `more` has further arguments
/// of that command.
pub fn failures(verdicts: &[Verdict], more: &str) -> String {
    let mut text = String::new();
    for verdict in verdicts.iter().filter(|verdict| verdict.failed()) {
        let kind = &verdict.kind;
        let seed = verdict.seed;
        let _ = writeln!(text, "\n{kind}, seed {seed}, {}:", verdict.server.name);
        for problem in verdict.sentences() {
            let _ = writeln!(text, "* {problem}");
        }
        let _ = writeln!(text, "* what it said: {}", folder_of_logs(kind, seed).display());
        let server = verdict.server.program.display();
        let _ = writeln!(
            text,
            "\n    {COMMAND} --seed {seed} --runs 1 --kinds {kind} --redis {server}{more}"
        );
    }

    text
}

/// The command that runs this program.
const COMMAND: &str = "cargo run --release -p sheaf-tests --bin faults --";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::kinds;
    use crate::faults::plan::plans;
    use crate::faults::server_version::ServerVersion;

    fn verdicts() -> Vec<Verdict> {
        let kinds = kinds::named(&["redis-flush".into(), "worker-kill".into()]).unwrap();
        let server = ServerVersion::parsed_for_tests("Redis server v=7.0.15");
        let mut verdicts: Vec<Verdict> =
            plans(&kinds, 5, 4).iter().map(|plan| Verdict::of(plan, &server)).collect();
        for (verdict, lost) in verdicts.iter_mut().zip([1, 2, 3, 4]) {
            (verdict.strikes, verdict.lost) = (1, vec![Duration::from_secs(lost)]);
        }
        verdicts
    }

    #[test]
    fn kinds_are_summed_up() {
        let text = table(&verdicts());
        assert!(text.contains("| redis-flush | 2 | 3.0 s | 3.0 s | same bytes |"), "{text}");
        assert!(text.contains("2 kinds, 4 runs, 4 faults, 0 runs failed."), "{text}");
        assert_eq!(failures(&verdicts(), ""), "");
    }

    #[test]
    fn failed_runs_show_the_command_to_repeat_them() {
        let mut verdicts = verdicts();
        verdicts[3].problems.push("other bytes in final.xlsx".into());
        assert!(
            table(&verdicts).contains("| worker-kill | 2 | 4.0 s | 4.0 s | **1 of 2 failed** |")
        );

        let text = failures(&verdicts, " --lease 2s");
        assert!(text.contains("* other bytes in final.xlsx"), "{text}");
        assert!(
            text.contains(
                "--bin faults -- --seed 8 --runs 1 --kinds worker-kill --redis redis --lease 2s"
            ),
            "{text}"
        );
    }

    #[test]
    fn impossible_faults_have_a_reason() {
        let mut verdicts = verdicts();
        for verdict in &mut verdicts {
            *verdict = Verdict {
                skipped: Some("it needs root".into()),
                strikes: 0,
                lost: Vec::new(),
                ..verdict.clone()
            };
        }

        assert!(
            table(&verdicts)
                .contains("| worker-kill | 0 | – | – | 2 not possible: it needs root |")
        );
    }
}
