//! deploy/monitoring: what dashboard and alerts name is what service and workers export, and
//! Prometheus' own tool takes all of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sheaf_tests::binary::repository;
use sheaf_tests::corpus::{doc, write};
use sheaf_tests::http::get;
use sheaf_tests::job::LONG;
use sheaf_tests::place::{Place, connected, drain};
use sheaf_tests::process::wait_for;
use sheaf_tests::service::Service;
use sheaf_tests::{Run, server, skip_without};

fn folder() -> PathBuf {
    repository().join("deploy/monitoring")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

/// All names of figures in a text.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_part(c)).filter(|word| word.starts_with("sheaf_"));
    words.map(String::from).collect()
}

/// The names of the samples in what `/metrics` answers.
fn exported(metrics: &str) -> BTreeSet<String> {
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    let name = |line: &str| line.split(['{', ' ']).next().map(String::from);
    samples.filter_map(name).collect()
}

/// The figures of a service and of its worker, when they have done a job with a bad file.
fn figures(url: &str) -> (String, String) {
    let place = Place::at(url);
    let worker = place.new_worker("-p 1 --metrics 127.0.0.1:0").start();
    connected(&worker);
    let said = worker.stderr();
    let (_, rest) = said.split_once("figures are at http://").unwrap();
    let at = rest.split_once("/metrics").unwrap().0.to_owned();

    let data = tempfile::tempdir().unwrap();
    let mut service = Service::start(data.path(), &format!("--redis {url} --lease 2s"));
    write(place.folder(), "in/a", doc("1", "t", "x"));
    fs::write(place.folder().join("in/b"), b"%PDF-1.7\n").unwrap();
    let submit = service.client(place.folder()).typed("submit in -o x.jsonl --wait");
    submit.within(LONG).finish().code(1);

    // Some are taken every 2 s.
    let of_service = wait_for("the figures of the service", LONG, || {
        let text = String::from_utf8(service.get("/metrics").status(200).body).unwrap();
        text.contains("sheaf_workers{fits=\"true\"} 1").then_some(text)
    });
    let of_worker = get(&at, "/metrics").body;
    service.stop();
    drain(worker);
    (of_service, of_worker)
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_and_alerts_name_real_figures() {
    let server = server!("dashboard_and_alerts_name_real_figures");
    let (service, worker) = figures(&server.url());
    let known = &exported(&service) | &exported(&worker);

    for file in ["dashboard.json", "alerts.yml", "alerts.test.yml", "README.md"] {
        let named = named(&read(file));
        let unknown: Vec<&String> = named
            .iter()
            // The name of the network in the cluster on one machine.
            .filter(|name| *name != "sheaf_queue" && !known.contains(*name))
            .collect();
        assert!(!named.is_empty() && unknown.is_empty(), "{file}: {unknown:?} of {known:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_takes_what_both_export() {
    let server = server!("promtool_takes_what_both_export");
    if skip_without("promtool_takes_what_both_export", &["promtool"]) {
        return;
    }
    let (service, worker) = figures(&server.url());
    for text in [service, worker] {
        promtool("check metrics").stdin(text).finish().code(0);
    }
}

fn promtool(typed: &str) -> Run {
    Run::of(Path::new("promtool"), &folder()).typed(typed)
}

#[test]
fn promtool_takes_rules_and_their_tests() {
    if skip_without("promtool_takes_rules_and_their_tests", &["promtool"]) {
        return;
    }
    promtool("check rules --lint-fatal alerts.yml").finish().code(0);
    promtool("test rules alerts.test.yml").finish().code(0);
    promtool("check config --syntax-only prometheus.yml").finish().code(0);
}

#[test]
fn every_alert_is_tried() {
    let rules = read("alerts.yml");
    let tried = read("alerts.test.yml");
    let alerts: Vec<&str> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();

    assert!(alerts.len() > 5);
    for alert in alerts {
        assert!(tried.contains(&format!("alertname=\"{alert}\"")), "{alert}");
    }
}

#[test]
fn panels_of_the_dashboard_do_not_overlap() {
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());

    let mut taken = BTreeSet::new();
    for panel in panels {
        let place = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{}", panel["title"]);
        for y in place("y")..place("y") + place("h") {
            for x in place("x")..place("x") + place("w") {
                assert!(taken.insert((x, y)), "{} lies on another panel", panel["title"]);
            }
        }

        let is_row = panel["type"] == "row";
        assert_ne!(is_row, panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()));
    }
}
