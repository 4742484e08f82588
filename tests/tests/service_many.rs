//! Many jobs at once, large and small.

use serde_json::Value;
use sheaf_tests::service::{Service, files_below};
use sheaf_tests::{Run, corpus};

const SMALL: usize = 46;

#[test]
fn small_jobs_are_not_starved_by_large_ones() {
    let folder = tempfile::tempdir().unwrap();
    for (name, files, repeat) in [("large", 300, 4000), ("small", 3, 50)] {
        for file in 0..files {
            let text = format!("{name} {file} ").repeat(repeat);
            corpus::write(
                &folder.path().join(name),
                &format!("{file:05}"),
                corpus::doc("1", "t", &text),
            );
        }
        let command = format!("run {name} -o {name}.xlsx -q");
        Run::sheaf(folder.path()).typed(&command).finish().code(0);
    }

    let service = Service::start(&folder.path().join("data"), "-p 2");
    let large = service.wish(&files_below(folder.path(), "large"));
    let small = service.wish(&files_below(folder.path(), "small"));

    let large: Vec<String> = (0..4).map(|_| service.create(&large)).collect();
    let small: Vec<String> = (0..SMALL).map(|_| service.create(&small)).collect();
    let end_of = |id: &String| service.until_state(id, "done");
    let small_jobs: Vec<Value> = small.iter().map(end_of).collect();
    let large_jobs: Vec<Value> = large.iter().map(end_of).collect();

    for (name, ids) in [("small", &small), ("large", &large)] {
        let expected = std::fs::read(folder.path().join(format!("{name}.xlsx"))).unwrap();
        assert!(ids.iter().all(|id| service.output(id, 0) == expected), "{name}");
    }

    // Created last, and yet finished first.
    let finished = |job: &Value| job["times"]["finished"].as_str().unwrap().to_owned();
    let last_small = small_jobs.iter().map(finished).max();
    let last_large = large_jobs.iter().map(finished).max();
    assert!(last_small < last_large, "{last_small:?} {last_large:?}");
}

#[test]
fn urgent_jobs_overtake_those_before_them() {
    let folder = tempfile::tempdir().unwrap();
    for file in 0..1500 {
        let docs: String = (0..400).map(|id| corpus::doc(&id.to_string(), "t", "text")).collect();
        corpus::write(&folder.path().join("in"), &format!("{file:05}"), docs);
    }

    let service = Service::start(&folder.path().join("data"), "-p 2");
    let mut wish = service.wish(&files_below(folder.path(), "in"));
    let mut create = |priority: &str| {
        wish["priority"] = priority.into();
        // Each is another job, so that none reuses what another read.
        wish["options"] = serde_json::json!({"source_column": priority});
        service.create(&wish)
    };
    let low = create("low");
    let normal = create("normal");
    let raised = create("low");
    service.until_state(&raised, "running");
    let change = serde_json::json!({"priority": "high"});
    let path = format!("/v1/jobs/{raised}");
    let body = change.to_string();
    service.request("PATCH", &path, body.as_bytes(), "application/json").status(200);

    let finished = |id: &String| {
        let job = service.until_state(id, "done");
        job["times"]["finished"].as_str().unwrap().to_owned()
    };
    let [low, normal, raised] = [&low, &normal, &raised].map(finished);
    assert!(raised < normal && normal < low, "{raised} {normal} {low}");
}
