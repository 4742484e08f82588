//! Several hosts on one machine: network namespaces on a switch, each with an address and a folder
//! `/etc` of its own.
//!
//! The switch stands in a namespace too, so that this machine's own network, firewall and bridges
//! have no part in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::Run;
use crate::skip::{skip, skip_without};

/// What a command on a host runs in: `/etc` and `/var/lib` hold what the host has there and nothing
/// else, the folders that it may not see are empty, and the variables of /etc/sheaf/*.env are set,
/// as systemd and docker set them. (Those with the places of this machine's own certificates are
/// not, as there is nothing at these.)
const ROOM: &str = r#"
    mount -t tmpfs tmpfs /etc
    cp -a "$0/." /etc/
    mount -t tmpfs tmpfs /var/lib
    mkdir /var/lib/redis
    until [ "$1" = -- ]; do mount -t tmpfs -o ro tmpfs "$1"; shift; done
    shift
    unset SSL_CERT_FILE SSL_CERT_DIR
    for file in /etc/sheaf/*.env; do [ ! -e "$file" ] || { set -a; . "$file"; set +a; }; done
    exec "$@"
"#;

/// Hosts that reach each other only through their switch; all gone when dropped.
pub struct Network {
    name: String,
    /// For each namespace by its name: the switch, and the hosts.
    namespaces: Vec<String>,
    folder: TempDir,
}

/// A host of a [`Network`].
pub struct Host {
    switch: String,
    namespace: String,
    port: String,
    address: String,
    etc: PathBuf,
    hidden: Vec<PathBuf>,
}

/// Whom a host can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    All,
    /// Only those who reach all: the switch keeps such hosts apart.
    Servers,
}

impl Network {
    /// A switch without hosts; the test `name` skips where there can be none.
    pub fn new(name: &str) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if skip_without(name, &["ip", "bridge", "unshare", "timeout", "bash"]) {
            return None;
        }
        let network =
            format!("sheaf-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut network = Network { name: network, namespaces: Vec::new(), folder };
        let switch = network.namespace_name("switch");
        if let Err(said) = ip(&["netns", "add", &switch]) {
            skip(name, &format!("network namespaces need root and a kernel that has them: {said}"));
            return None;
        }
        network.namespaces.push(switch.clone());
        succeed(&["-n", &switch, "link", "add", "switch", "type", "bridge"]);
        succeed(&["-n", &switch, "link", "set", "switch", "up"]);
        Some(network)
    }

    /// Plugs in a host with the address 10.77.0.`number`.
    pub fn host(&mut self, number: u8, reach: Reach) -> Host {
        let (switch, namespace) =
            (self.namespaces[0].clone(), self.namespace_name(&number.to_string()));
        let (port, address) = (format!("port{number}"), format!("10.77.0.{number}"));
        succeed(&["netns", "add", &namespace]);
        self.namespaces.push(namespace.clone());
        succeed(&[
            "-n", &switch, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns",
            &namespace,
        ]);
        succeed(&["-n", &switch, "link", "set", &port, "master", "switch", "up"]);
        if reach == Reach::Servers {
            run("bridge", &["-n", &switch, "link", "set", "dev", &port, "isolated", "on"])
                .expect("bridge");
        }
        succeed(&["-n", &namespace, "address", "add", &format!("{address}/24"), "dev", "eth0"]);
        succeed(&["-n", &namespace, "link", "set", "eth0", "up"]);
        succeed(&["-n", &namespace, "link", "set", "lo", "up"]);
        let etc = self.folder.path().join(format!("etc-{number}"));
        fs::create_dir(&etc).expect("the folder is made");
        Host { switch, namespace, port, address, etc, hidden: Vec::new() }
    }

    fn namespace_name(&self, of: &str) -> String {
        format!("{}-{of}", self.name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for namespace in &self.namespaces {
            let _ = ip(&["netns", "delete", namespace]);
        }
    }
}

impl Host {
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where this host's `/etc` is made; what stands there when a command starts is what the
    /// command sees.
    pub fn etc(&self) -> &Path {
        &self.etc
    }

    /// Nothing of this folder is on this host from now on.
    pub fn without(mut self, folder: &Path) -> Self {
        self.hidden.push(folder.to_path_buf());
        self
    }

    /// A program on this host, not yet started; its process has the number of
    /// [`crate::Running::pid`].
    pub fn run(&self, program: &Path, cwd: &Path) -> Run {
        // A mount namespace of our own making: its mounts must never reach this machine's /etc.
        let room = [
            "netns",
            "exec",
            &self.namespace,
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-ec",
            ROOM,
        ];
        let run = room
            .into_iter()
            .fold(Run::of(Path::new("ip"), cwd), |run, word| run.arg(word))
            .arg(&self.etc);
        self.hidden.iter().fold(run, |run, folder| run.arg(folder)).arg("--").arg(program)
    }

    /// Pulls the plug.
    pub fn cut(&self) {
        succeed(&["-n", &self.switch, "link", "set", &self.port, "down"]);
    }

    /// Puts it back.
    pub fn join(&self) {
        succeed(&["-n", &self.switch, "link", "set", &self.port, "up"]);
    }

    /// Whether someone accepts a connection there within a time that is long between namespaces.
    pub fn reaches(&self, address: &str, port: u16) -> bool {
        let connect = format!("exec 3<>/dev/tcp/{address}/{port}");
        ip(&["netns", "exec", &self.namespace, "timeout", "2", "bash", "-c", &connect]).is_ok()
    }
}

fn succeed(arguments: &[&str]) {
    ip(arguments).unwrap_or_else(|said| panic!("ip {}: {said}", arguments.join(" ")));
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    run("ip", arguments)
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let Output { status, stderr, .. } =
        Command::new(program).args(arguments).output().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&stderr).trim().to_owned()) }
}
