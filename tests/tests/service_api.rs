//! The description of the service's interface, `/openapi.json`, against the running service.
//! What is checked stands in `tests/python/schemathesis.toml`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use sheaf_tests::binary::repository;
use sheaf_tests::service::Service;
use sheaf_tests::skip::skip;
use sheaf_tests::{Run, corpus, python};

const TOKEN: &str = "full-0123456789abcdef";

/// A service with a token, a job that is done, one with failures, and one that was cancelled.
fn service(folder: &Path) -> Service {
    let tokens = folder.join("tokens");
    fs::write(&tokens, format!("full {TOKEN}\n")).unwrap();
    fs::set_permissions(&tokens, fs::Permissions::from_mode(0o600)).unwrap();
    let arguments = format!("-p 1 --token-file {}", tokens.display());
    let service = Service::start(&folder.join("data"), &arguments).with_token(TOKEN);

    let good = ("in/a.html".to_owned(), corpus::doc("1", "t", "text").into_bytes());
    let bad = ("in/b.gz".to_owned(), b"not packed".to_vec());
    let mut wish = service.wish(std::slice::from_ref(&good));
    wish["options"] = json!({"outputs": ["final.xlsx", "rows.csv.gz"]});
    let done = service.create(&wish);
    service.until_state(&done, "done");
    let failed = service.create(&service.wish(&[good, bad]));
    service.until_state(&failed, "done-with-failures");

    service
}

#[test]
fn the_description_of_the_interface_is_true() {
    let name = "the_description_of_the_interface_is_true";
    let Some(python) = python::python(name) else { return };
    let program = python.with_file_name("schemathesis");
    if !program.exists() {
        skip(name, "`schemathesis` is not in target/python: `./tests/run` installs it");
        return;
    }

    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    let tests = repository().join("tests/python");
    let mut command = Command::new(program);
    command.current_dir(folder.path()); // It leaves a cache there.
    command.arg("--config-file").arg(tests.join("schemathesis.toml"));

    let run = Run::command(command)
        .typed("--no-color run")
        .arg(format!("{}/openapi.json", service.url))
        .env("SHEAF_TOKEN", TOKEN)
        .env("SHEAF_API_HOOKS", tests.join("api_hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .within(Duration::from_secs(180))
        .finish();
    assert!(run.status.success(), "{}\n{}", run.stdout(), run.stderr());

    // It must not be because nothing was asked.
    let said = run.stdout();
    let tested = said.lines().find_map(|line| line.trim().strip_prefix("Tested: "));
    let tested: usize = tested.and_then(|count| count.trim().parse().ok()).expect(&said);
    assert!(tested >= 25, "{said}");
    service.get("/healthz").status(200);
}
