//! `deploy/hosts/setup`: what it makes, what it keeps, what it refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sheaf_tests::binary::repository;
use sheaf_tests::{Finished, Run, skip_without};

fn setup(folder: &Path, typed: &str) -> Finished {
    Run::of(&repository().join("deploy/hosts/setup"), folder).typed(typed).finish()
}

/// The files below `folder`, by their path in it, with their content.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(
                files(&entry.path())
                    .into_iter()
                    .map(|(below, text)| (format!("{name}/{below}"), text)),
            ),
            false => _ = found.insert(name, fs::read_to_string(entry.path()).unwrap()),
        }
    }
    found
}

fn names(folder: &Path) -> String {
    let show = "x509 -in sheaf-hosts/redis/server.crt -noout -ext subjectAltName";
    Run::of(Path::new("openssl"), folder).typed(show).finish().code(0).stdout()
}

/// The lines of users but the default one, without passwords.
fn privileges(users: &str) -> Vec<String> {
    let lines = users.lines().filter(|line| !line.starts_with("user default"));
    let public = |line: &str| {
        let words = line.split(' ').filter(|word| !word.starts_with(['>', '#']));
        words.collect::<Vec<_>>().join(" ")
    };
    lines.map(public).collect()
}

#[test]
fn setup_makes_a_private_folder_for_each_role() {
    if skip_without("setup_makes_a_private_folder_for_each_role", &["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let said = setup(folder.path(), "redis.example 192.0.2.1 2001:db8::1").code(0).stdout();
    let made = files(&folder.path().join("sheaf-hosts"));
    let expected = [
        "ca.crt",
        "ca.key",
        "coordinator/ca.crt",
        "coordinator/coordinator.env",
        "names",
        "redis/redis-sheaf.conf",
        "redis/server.crt",
        "redis/server.key",
        "redis/users.acl",
        "worker/ca.crt",
        "worker/worker.env",
    ];
    assert_eq!(made.keys().map(String::as_str).collect::<Vec<_>>(), expected);
    for name in expected {
        let mode = fs::metadata(folder.path().join("sheaf-hosts").join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    for name in ["DNS:redis.example", "IP Address:192.0.2.1", "IP Address:2001:DB8:0:0:0:0:0:1"] {
        assert!(names(folder.path()).contains(name), "{}", names(folder.path()));
    }

    // Passwords are in the env files alone, each in its own.
    let mut passwords = Vec::new();
    for role in ["worker", "coordinator"] {
        let own = format!("{role}/{role}.env");
        let lines: Vec<&str> = made[&own].lines().collect();
        let [url, user, password, ca] = lines[..] else { panic!("{lines:?}") };
        assert_eq!(url, "SHEAF_REDIS=rediss://redis.example:6379");
        assert_eq!(
            (user, ca),
            (&*format!("SHEAF_REDIS_USER=sheaf-{role}"), "SHEAF_TLS_CA=/etc/sheaf/ca.crt")
        );
        let password = password.strip_prefix("SHEAF_REDIS_PASSWORD=").unwrap();
        assert_eq!(password.len(), 48);
        assert!(
            made.iter().all(|(name, text)| *name == own || !text.contains(password))
                && !said.contains(password)
        );
        passwords.push(password);
    }
    assert_ne!(passwords[0], passwords[1]);

    // Privileges are those of deploy/users.acl to the letter.
    let source = fs::read_to_string(repository().join("deploy/users.acl")).unwrap();
    assert_eq!(privileges(&made["redis/users.acl"]), privileges(&source));
    assert!(made["redis/users.acl"].starts_with("user default off "));
    assert!(
        !made["redis/users.acl"].contains('>')
            && made["redis/users.acl"].matches(" #").count() == 2
    );
}

#[test]
fn the_service_gets_tokens_and_a_certificate() {
    if skip_without("the_service_gets_tokens_and_a_certificate", &["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    setup(folder.path(), "-s jobs.example -s 192.0.2.9 redis.example").code(0).says(&[]);
    let made = files(&folder.path().join("sheaf-hosts"));

    let tokens = &made["service/serve/tokens"];
    let token = |kind: &str| {
        let found = tokens.lines().find_map(|line| line.strip_prefix(kind)).unwrap();
        assert_eq!(found.len(), 48, "{tokens}");
        found.to_owned()
    };
    assert_ne!(token("full "), token("read "));
    let client = format!(
        "SHEAF_SERVER=https://jobs.example:7878\nSHEAF_TOKEN={}\nSHEAF_CA=/etc/sheaf/ca.crt\n",
        token("full ")
    );
    assert_eq!(made["client/client.env"], client);

    // It is a coordinator for Redis, and shows a certificate of the same authority.
    for line in made["coordinator/coordinator.env"].lines() {
        assert!(made["service/serve.env"].lines().any(|own| own == line), "{line}");
    }
    let verify = "verify -CAfile sheaf-hosts/ca.crt -verify_hostname jobs.example \
                  sheaf-hosts/service/serve/https.crt";
    Run::of(Path::new("openssl"), folder.path()).typed(verify).finish().code(0);

    // Again, for a further name: tokens, key and settings stay.
    let env = folder.path().join("sheaf-hosts/service/serve.env");
    fs::write(&env, fs::read_to_string(&env).unwrap() + "SHEAF_KEEP=1d\n").unwrap();
    setup(folder.path(), "-s second.example").code(0);
    let after = files(&folder.path().join("sheaf-hosts"));
    for name in ["service/serve/tokens", "service/serve/https.key", "client/client.env"] {
        assert_eq!(after[name], made[name], "{name}");
    }
    assert_ne!(after["service/serve/https.crt"], made["service/serve/https.crt"]);
    let sorted = |text: &str| text.lines().map(String::from).collect::<BTreeSet<_>>();
    let expected = &sorted(&made["service/serve.env"]) | &sorted("SHEAF_KEEP=1d");
    assert_eq!(sorted(&after["service/serve.env"]), expected);
}

#[test]
fn a_second_setup_renews_only_the_certificate() {
    if skip_without("a_second_setup_renews_only_the_certificate", &["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    setup(folder.path(), "redis.example").code(0);
    let env = folder.path().join("sheaf-hosts/worker/worker.env");
    fs::write(&env, fs::read_to_string(&env).unwrap() + "SHEAF_PROCESSES=8\n").unwrap();
    let before = files(&folder.path().join("sheaf-hosts"));

    for (typed, known) in [("", false), ("second.example", true)] {
        setup(folder.path(), typed).code(0);
        assert!(names(folder.path()).contains("DNS:redis.example"));
        assert_eq!(names(folder.path()).contains("DNS:second.example"), known);
        let after = files(&folder.path().join("sheaf-hosts"));
        assert_ne!(after["redis/server.crt"], before["redis/server.crt"]);
        let kept = |name: &&String| *name != "redis/server.crt" && *name != "names";
        for name in before.keys().filter(kept) {
            assert!(after[name] == before[name], "{name} has changed");
        }
    }
    // What cannot be in a certificate leaves all as it was.
    let before = files(&folder.path().join("sheaf-hosts"));
    setup(folder.path(), "999.1.1.1").code(1).says(&["IP:999.1.1.1", "hint:"]);
    for (name, text) in before {
        assert_eq!(
            fs::read_to_string(folder.path().join("sheaf-hosts").join(&name)).unwrap(),
            text,
            "{name}"
        );
    }
    // An authority without its key cannot sign.
    fs::remove_file(folder.path().join("sheaf-hosts/ca.key")).unwrap();
    setup(folder.path(), "").code(1).says(&["ca.key", "hint:"]);
}

#[test]
fn setup_explains_wrong_usage_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (typed, said) in [
        ("", "no names"),
        ("--frobnicate redis.example", "unknown option"),
        ("redis.example -o elsewhere", "options stand before"),
        ("-o", "needs a folder"),
        ("-s", "needs a name"),
        ("-s jobs/example redis.example", "got `jobs/example`"),
        ("redis/example", "got `redis/example`"),
    ] {
        setup(folder.path(), typed).code(2).says(&["error:", said, "usage: setup"]);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(setup(folder.path(), "-h").code(0).stdout().contains("usage: setup"));
}
