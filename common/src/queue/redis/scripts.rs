//! The scripts: one Lua file for each operation, and their calls.

use std::sync::LazyLock;

use redis::{Cmd, Script as Sha};

use super::keys;

/// A script, together with the files in front of it.
pub struct Script {
    pub name: &'static str,
    source: String,
    sha: String,
}

macro_rules! scripts {
    ($($name:ident: $($file:literal),+;)+) => {
        $(pub static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(stringify!($name), &[$(include_str!(concat!("lua/", $file, ".lua"))),+])
        });)+
    };
}

scripts! {
    PUSH: "prelude", "push";
    LEASE: "prelude", "turns", "unconfirmed", "lease";
    EXTEND: "prelude", "extend";
    RELEASE: "prelude", "release";
    STAGE: "prelude", "stage";
    COMPLETE: "prelude", "finished", "complete";
    COLLECT: "prelude", "collect";
    MISSING: "prelude", "losses", "missing";
    RESCUE: "prelude", "rescue";
    CLOSE: "prelude", "close";
    NOTIFY: "prelude", "notify";
    PAST: "prelude", "past";
    NOTE: "prelude", "note";
    GIVE_BACK: "prelude", "give_back";
    SWEEP: "prelude", "sweep";
    SIGN: "prelude", "sign";
    TEND: "prelude", "tend";
    JOBS: "prelude", "jobs";
    ANNOUNCE: "prelude", "announce";
    WORKERS: "prelude", "workers";
}

impl Script {
    fn new(name: &'static str, parts: &[&str]) -> Self {
        let source = keys::lua() + &parts.concat();
        let sha = Sha::new(&source).get_hash().to_owned();
        Script { name, source, sha }
    }
}

/// A call of a script: its keys and arguments, which may be sent several times.
pub struct Call {
    pub script: &'static Script,
    keys: Vec<String>,
    arguments: Vec<Vec<u8>>,
}

impl Call {
    pub fn new(script: &'static LazyLock<Script>) -> Self {
        Call { script, keys: Vec::new(), arguments: Vec::new() }
    }

    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.keys.push(key.into());
        self
    }

    pub fn keys<'a>(mut self, keys: impl IntoIterator<Item = &'a String>) -> Self {
        self.keys.extend(keys.into_iter().cloned());
        self
    }

    pub fn argument(mut self, argument: impl ToString) -> Self {
        self.push(argument.to_string());
        self
    }

    /// Appends an argument.
    pub fn push(&mut self, argument: impl Into<Vec<u8>>) {
        self.arguments.push(argument.into());
    }

    /// The command that runs the script by its hash, if the server has it.
    pub fn by_sha(&self) -> Cmd {
        self.command("EVALSHA", &self.script.sha)
    }

    /// The command that runs the script by its source, which the server then caches.
    pub fn by_source(&self) -> Cmd {
        self.command("EVAL", &self.script.source)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len()).arg(&self.keys).arg(&self.arguments);
        command
    }
}
