//! Several hosts on one machine: network namespaces on a switch, each with its own address and
//! `/etc`.
//!
//! The switch is in a namespace, too, so that the machine's own network, firewall and bridges do
//! not interfere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::Run;
use crate::skip::{skip, skip_without};

/// The script around a command on a host. `/etc` and `/var/lib` hold only the host's own files, the
/// hidden folders are empty, and the variables of /etc/sheaf/*.env are set, as by systemd and
/// docker. The variables for this machine's certificates are unset, as their paths are gone.
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

/// Hosts that reach each other only through their switch. Dropping this removes them all.
pub struct Network {
    name: String,
    /// The names of the namespaces: first the switch, then the hosts.
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

/// The other hosts that a host can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    All,
    /// Only hosts with [`Reach::All`]: the switch isolates these hosts from one another.
    Servers,
}

impl Network {
    /// A switch without hosts. `None`, and the test `name` is skipped, where the system allows
    /// none.
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
        let switch = self.namespaces[0].clone();
        let namespace = self.namespace_name(&number.to_string());
        let port = format!("port{number}");
        let address = format!("10.77.0.{number}");
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

    /// The folder for this host's `/etc`. A command sees the files that are there when it starts.
    pub fn etc(&self) -> &Path {
        &self.etc
    }

    /// Hides a folder from this host.
    pub fn without(mut self, folder: &Path) -> Self {
        self.hidden.push(folder.to_path_buf());
        self
    }

    /// A program on this host, not yet started. [`crate::Running::pid`] is the id of the program
    /// itself.
    pub fn run(&self, program: &Path, cwd: &Path) -> Run {
        // A private mount namespace: its mounts must never reach this machine's /etc.
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

    /// Unplugs the host from the switch.
    pub fn cut(&self) {
        succeed(&["-n", &self.switch, "link", "set", &self.port, "down"]);
    }

    /// Plugs the host in again.
    pub fn join(&self) {
        succeed(&["-n", &self.switch, "link", "set", &self.port, "up"]);
    }

    /// Whether something accepts a connection there within 2 s, a long time between namespaces.
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
