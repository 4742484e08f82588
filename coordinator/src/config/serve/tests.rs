use super::*;
use clap::Parser;
use std::os::unix::fs::PermissionsExt;

#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Typed {
    #[command(flatten)]
    args: ServeArgs,
}

fn resolve(typed: &[&str]) -> Result<ServeConfig, UsageError> {
    let typed = [&["--data", "/data"], typed].concat();
    ServeConfig::resolve(&Typed::parse_from(typed).args, NonZeroUsize::new(4).unwrap())
}

fn refused(typed: &[&str]) -> UsageError {
    resolve(typed).err().unwrap_or_else(|| panic!("{typed:?} is taken"))
}

/// A folder with a token file.
fn token_file() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    std::fs::write(&path, "full abcdefghijklmnop\n").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn the_defaults_are_those_of_the_help() {
    let config = resolve(&[]).unwrap();
    assert_eq!(config.listen, ["127.0.0.1:7878".parse().unwrap()]);
    assert_eq!(config.data, Path::new("/data"));
    assert_eq!(config.processes.unwrap().get(), 4);
    assert_eq!(config.keep, Some(Duration::from_secs(7 * 86400)));
    assert_eq!((config.reserve, config.largest_file), (1 << 30, 4 << 30));
    assert!(config.redis.is_none() && config.tokens.is_none() && config.tls.is_none());
    assert!(config.roots.is_empty() && config.verbosity == Verbosity::Normal);
    assert!(config.guard().loopback_only && config.guard().scheme == Scheme::Http);
}

#[test]
fn what_is_typed_is_what_is_set() {
    let typed = ["--keep", "forever", "--reserve", "2G", "--largest-file", "10M", "-q"];
    let config = resolve(&typed).unwrap();
    assert_eq!((config.keep, config.reserve, config.largest_file), (None, 2 << 30, 10 << 20));
    assert_eq!(config.verbosity, Verbosity::Quiet);

    let config = resolve(&["--redis", "redis://host", "--root", "/", "--keep", "2w"]).unwrap();
    assert!(config.redis.is_some() && config.processes.is_none());
    assert_eq!(config.roots, [Path::new("/")]);
    assert_eq!(config.keep, Some(Duration::from_secs(14 * 86400)));
}

#[test]
fn addresses_may_be_short() {
    let cases = [
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("8080", "127.0.0.1:8080"),
        ("127.0.0.2", "127.0.0.2:7878"),
        ("[::1]", "[::1]:7878"),
        ("::1", "[::1]:7878"),
        ("[::1]:0", "[::1]:0"),
    ];
    for (typed, expected) in cases {
        let config = resolve(&["--listen", typed]).unwrap();
        assert_eq!(config.listen, [expected.parse().unwrap()], "{typed}");
    }

    let config = resolve(&["--listen", "localhost:7000"]).unwrap();
    assert!(config.listen.iter().all(|address| address.ip().is_loopback()));

    for typed in ["", ":80", "a b:80", "127.0.0.1:port", "127.0.0.1:99999", "http://localhost"] {
        let error = refused(&["--listen", typed]).to_string();
        assert!(error.contains("for `--listen`: expected an address"), "{typed}: {error}");
    }
}

#[test]
fn other_machines_need_tokens_and_tls() {
    let (_folder, tokens) = token_file();
    for listen in ["0.0.0.0:7878", "[::]:7878", "192.0.2.7"] {
        let tokens = ["--token-file", &tokens];
        let front = ["--https-in-front"];

        for typed in [&[][..], &tokens, &front] {
            let error = refused(&[&["--listen", listen], typed].concat());
            assert!(error.to_string().contains("other machines reach"), "{error}");
            assert!(error.hint().unwrap().contains("--token-file"));
        }

        let config = resolve(&[&["--listen", listen], &tokens[..], &front].concat()).unwrap();
        assert!(!config.guard().loopback_only && config.guard().scheme == Scheme::Either);
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    let cases: [(&[&str], &str); 6] = [
        (&["--keep", "soon"], "for `--keep`: expected a time such as"),
        (&["--reserve", "much"], "for `--reserve`: expected a size"),
        (&["--largest-file", "-1"], "for `--largest-file`: expected a size"),
        (&["--root", "/absent"], "could not find the root `/absent`"),
        (&["--root", "/dev/null"], "for `--root`: expected a folder"),
        (&["--token-file", "/absent"], "could not read the token file `/absent`: No such file"),
    ];
    for (typed, expected) in cases {
        // A value that looks like an option must stand behind `=`.
        let joined: Vec<String> = typed.chunks(2).map(|pair| pair.join("=")).collect();
        let error = refused(&joined.iter().map(String::as_str).collect::<Vec<_>>()).to_string();
        assert!(error.contains(expected), "{typed:?}: {error}");
    }
}

#[test]
fn certificate_and_key_belong_together() {
    for typed in [["--https-cert", "a"], ["--https-key", "a"]] {
        assert!(Typed::try_parse_from(typed).is_err());
    }
    let error = refused(&["--https-cert", "/dev/null", "--https-key", "/dev/null"]);
    assert!(error.to_string().contains("no certificate in `/dev/null`"), "{error}");
}

#[test]
fn the_data_has_a_usual_place() {
    let place = |set: &[(&str, &str)]| {
        let set: Vec<(String, OsString)> =
            set.iter().map(|(name, value)| ((*name).into(), value.into())).collect();
        data_folder(&|name| set.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone()))
    };

    let home = ("HOME", "/home/a");
    let state = ("XDG_STATE_HOME", "/state");
    assert_eq!(place(&[home]).unwrap(), Path::new("/home/a/.local/state/sheaf"));
    assert_eq!(place(&[home, state]).unwrap(), Path::new("/state/sheaf"));
    assert_eq!(place(&[home, ("XDG_STATE_HOME", "x")]), place(&[home]));
    let systemd = ("STATE_DIRECTORY", "/var/lib/sheaf:/var/lib/other");
    assert_eq!(place(&[home, state, systemd]).unwrap(), Path::new("/var/lib/sheaf"));
    assert_eq!(place(&[]), None);
}
