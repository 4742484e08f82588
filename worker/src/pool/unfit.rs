//! Reasons why a machine cannot run a child, for which no file is to blame.

use std::io;

use nix::errno::Errno;

/// What can be done when this process may open no more files.
pub const OPEN_FILES: &str = "raise the limit of open files (`ulimit -n`, `LimitNOFILE=` of a \
                              service), or use fewer processes (`-p`)";

/// Why no child can be started here at present, and what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unfit {
    pub reason: String,
    pub hint: &'static str,
}

impl Unfit {
    /// The system refused a process, or the pipes to it.
    pub fn refused(error: &io::Error) -> Self {
        let hint = match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EMFILE) => OPEN_FILES,
            Some(Errno::ENFILE) => "the whole system has no open files left: raise `fs.file-max`",
            // The error of `fork` at any limit of processes.
            Some(Errno::EAGAIN) => {
                "raise the limit of processes (`ulimit -u`, `TasksMax=` of a service, \
                 `--pids-limit` of a container), or use fewer (`-p`)"
            }
            Some(Errno::ENOMEM) => {
                "give this machine or container more memory, or use fewer processes (`-p`)"
            }
            _ => "see what the system says, and whether this program can be started at all",
        };

        Unfit { reason: format!("no process can be started: {error}"), hint }
    }

    /// A process was started, but died or hung before it was ready.
    pub fn not_ready(reason: impl Into<String>) -> Self {
        let hint = "is there enough memory for so many processes (`-p`), and does a security \
                    policy let this program run?";
        Unfit { reason: format!("a process does not come up: {}", reason.into()), hint }
    }
}
