use super::*;

#[test]
fn figures_have_the_names_of_the_conventions() {
    let metrics = Arc::new(Metrics::new());
    metrics.set_jobs(&[(State::Running, 2)]);
    metrics.job_ended(State::Done, 7.0);
    metrics.add_files(10, 1);
    metrics.add_failures("damaged", 1);
    metrics.add_rows(100, 4096);
    metrics.set_workers(2, 1);
    metrics.set_slots(8, 5);
    metrics.add_step("parse", 1.5);
    metrics.upload_began().ended(true);
    drop(metrics.upload_began());
    metrics.add_uploaded(12);
    metrics.set_disk_free(1 << 30);

    let text = metrics.text().unwrap();
    let expected = [
        "sheaf_jobs{state=\"running\"} 2",
        "sheaf_jobs{state=\"queued\"} 0",
        "sheaf_job_duration_seconds_bucket{outcome=\"done\",le=\"15\"} 1",
        "sheaf_job_duration_seconds_count{outcome=\"done\"} 1",
        "sheaf_files_total{result=\"failed\"} 1",
        "sheaf_file_failures_total{kind=\"damaged\"} 1",
        "sheaf_rows_total 100",
        "sheaf_input_bytes_total 4096",
        "sheaf_workers{fits=\"false\"} 1",
        "sheaf_worker_slots 8",
        "sheaf_worker_slots_busy 5",
        "sheaf_step_seconds_total{step=\"parse\"} 1.5",
        "sheaf_uploads_total{result=\"stored\"} 1",
        "sheaf_uploads_total{result=\"cut\"} 1",
        "sheaf_uploads_open 0",
        "sheaf_uploaded_bytes_total 12",
        "sheaf_disk_free_bytes 1073741824",
        &format!("sheaf_build_info{{version=\"{}\"}} 1", sheaf_common::VERSION),
    ];
    for line in expected {
        assert!(text.lines().any(|have| have == line), "{line} is not in:\n{text}");
    }
}
