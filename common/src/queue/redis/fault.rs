//! The meaning of errors: of the server, of the connection to it, or of an unexpected answer.

use redis::{ErrorKind, RedisError, ServerErrorKind, Value};

use crate::queue::{QueueError, Reason};

/// A failure of one request, sorted by what helps.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The connection is broken; another one may work.
    Broken(String),
    /// The server cannot do it just now.
    Busy(String),
    /// The server has reached its limit of clients.
    Crowded,
    /// Another node of the cluster has the queue: `MOVED SLOT HOST:PORT`.
    Moved(String),
    /// Another node of the cluster has these keys for now: `ASK SLOT HOST:PORT`.
    Ask(String),
    /// The server does not know the script; it was not run.
    NoScript,
    /// The server has no room.
    Full(String),
    /// This process has no open files left.
    Here(String),
    /// Only a change of settings helps.
    Hopeless { reason: String, hint: Option<String> },
}

/// The reason for a server that is no master any more. A new connection may lead to the new master.
const DEMOTED: &str = "this Redis has become a read-only replica, as after a failover: it is waited for until it is master \
                       again; else give the URL of the new master";

/// The reason for a server that accepts no more connections, whether it says so or not.
pub const TOO_MANY_CLIENTS: &str =
    "Redis allows no more connections (`maxclients`): raise that setting, or run fewer workers";

/// Makes a fault of an error's text.
type Meaning = fn(String) -> Fault;

/// Words in an error's text → the fault. By text, as an error within a script has its code inside
/// the text (and before Redis 7 always the code `ERR`). The first match counts.
const BY_TEXT: &[(&str, Meaning)] = &[
    ("OOM command not allowed", |_| Fault::Full("Redis has reached its `maxmemory`".into())),
    ("MISCONF", |_| {
        Fault::Busy(
            "Redis cannot save to its disk (`MISCONF`), and so takes no writes: give its disk room; its log says more"
                .into(),
        )
    }),
    ("READONLY", |_| Fault::Broken(DEMOTED.into())),
    ("LOADING", |_| Fault::Busy("Redis is still loading its data, and goes on by itself".into())),
    ("NOREPLICAS", |_| {
        Fault::Busy(
            "Redis has fewer replicas than its `min-replicas-to-write` asks for (`NOREPLICAS`), and so takes no writes: bring \
             its replicas back, or lower that setting"
                .into(),
        )
    }),
    ("max number of clients", |_| Fault::Crowded),
    ("max number of connections", |_| Fault::Crowded),
    ("protected mode", |_| {
        Fault::Hopeless {
        reason: "Redis is in protected mode: it has no password, and so talks to its own machine alone".into(),
        hint: Some(
            "give it a password (`requirepass`, then `SHEAF_REDIS_PASSWORD`); `deploy/hosts.md` sets up several hosts"
                .into(),
        ),
    }
    }),
    ("MASTERDOWN", Fault::Busy),
    ("CLUSTERDOWN", Fault::Busy),
    ("TRYAGAIN", Fault::Busy),
    ("BUSY ", Fault::Busy),
    ("UNBLOCKED", Fault::Busy),
    ("WRONGPASS", refused),
    ("invalid username-password", refused),
    ("invalid password", refused),
    ("without any password configured", |_| Fault::Hopeless {
        reason: "Redis asks for no password, but one was given".into(),
        hint: Some("leave the password out, or give the user that it belongs to".into()),
    }),
    ("NOAUTH", |_| Fault::Hopeless {
        reason: "Redis asks for a password, and none was given".into(),
        hint: Some(
            "put it into the URL, `redis://USER:PASSWORD@HOST`, or into `SHEAF_REDIS_PASSWORD`"
                .into(),
        ),
    }),
    ("NOPERM", |text| Fault::Hopeless {
        reason: format!("this Redis user may not do what Sheaf does: {text}"),
        hint: Some("`deploy/users.acl` has the least privileges that each side needs".into()),
    }),
    ("MOVED ", Fault::Moved),
    ("ASK ", Fault::Ask),
    ("SELECT is not allowed in cluster mode", |_| Fault::Hopeless {
        reason: "this Redis is a cluster, which has no database numbers".into(),
        hint: Some("leave the number out of the URL; `--queue NAME` keeps queues apart".into()),
    }),
];

fn refused(_: String) -> Fault {
    Fault::Hopeless {
        reason: "Redis refuses this user and password".into(),
        hint: Some(
            "check the user and the password in the URL or in `SHEAF_REDIS_PASSWORD`".into(),
        ),
    }
}

impl Fault {
    /// The fault of an error line: `-CODE text`.
    pub fn of_line(line: &str) -> Self {
        Fault::of_text(line.trim_start_matches('-').to_owned()).unwrap_or_else(|text| {
            Fault::Hopeless { reason: format!("Redis answered with an error: {text}"), hint: None }
        })
    }

    /// The fault of an address where something other than Redis answers.
    pub fn not_redis() -> Self {
        Fault::Hopeless {
            reason: "what answers there does not speak as Redis does".into(),
            hint: Some("check host and port; Redis usually listens on 6379".into()),
        }
    }

    /// The fault of a known text; else the text itself.
    fn of_text(text: String) -> Result<Self, String> {
        match BY_TEXT.iter().find(|(words, _)| text.contains(words)) {
            Some((_, fault)) => Ok(fault(text)),
            None => Err(text),
        }
    }
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Self {
        // The server's own words if there are any: those of the library change with its version.
        let text = match (error.code(), error.detail()) {
            (Some(code), Some(detail)) => format!("{code} {detail}"),
            _ => error.to_string(),
        };

        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoScript) => Fault::NoScript,
            ErrorKind::Io if is_tls(&text) => Fault::Hopeless {
                reason: format!("the TLS connection to Redis failed: {text}"),
                hint: Some(tls_hint(&text).into()),
            },
            ErrorKind::Io if has_no_files(&text) => Fault::Here(text),
            ErrorKind::Io if error.is_timeout() => {
                Fault::Broken("Redis does not answer in time".into())
            }
            ErrorKind::Io => Fault::Broken(text),
            // It answered the greeting, so it is a Redis: its answer broke off in the middle.
            ErrorKind::Parse => Fault::Broken(format!("an answer of Redis broke off ({text})")),
            _ => match Fault::of_text(text) {
                Ok(fault) => fault,
                Err(text) if error.is_unrecoverable_error() => Fault::Broken(text),
                Err(text) => Fault::Hopeless {
                    reason: format!("Redis answered with an error: {text}"),
                    hint: None,
                },
            },
        }
    }
}

impl From<Fault> for QueueError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Broken(text) if text == DEMOTED => QueueError::Refused(Reason::new(text)),
            Fault::Broken(text) => unreachable(text),
            Fault::Busy(text) => QueueError::Refused(Reason::new(text)),
            Fault::Moved(node) | Fault::Ask(node) => {
                unreachable(format!("the nodes of the cluster send each other the queue ({node})"))
            }
            Fault::Crowded => QueueError::Refused(Reason::new(TOO_MANY_CLIENTS)),
            Fault::NoScript => unreachable("Redis forgot a script as soon as it had it".into()),
            Fault::Full(text) => QueueError::Full(
                Reason::new(text)
                    .with_hint("give Redis more `maxmemory`, or Sheaf less: `--redis-budget`"),
            ),
            Fault::Here(text) => QueueError::Here(Reason::new(text).with_hint(
                "raise the limit of open files (`ulimit -n`, `LimitNOFILE=` of a service)",
            )),
            Fault::Hopeless { reason, hint } => QueueError::Unusable(Reason { text: reason, hint }),
        }
    }
}

fn unreachable(text: String) -> QueueError {
    let hint = if text.contains("maxclients") {
        "raise `maxclients` on the server, or start fewer workers and runs"
    } else {
        "is Redis running there, and does the network let this machine through?"
    };

    QueueError::Unreachable(Reason::new(text).with_hint(hint))
}

/// The error for settings that cannot be used as typed; `hint` says what to type.
pub fn unusable(reason: String, hint: &str) -> QueueError {
    QueueError::Unusable(Reason::new(reason).with_hint(hint))
}

/// The error for an answer that `operation` never gives.
pub fn unexpected(operation: &str, value: &Value) -> QueueError {
    // Enough to recognize it: an answer may have megabytes.
    let shape: String = format!("{value:?}").chars().take(200).collect();
    let text = format!("`{operation}` gave an unexpected answer: {shape}");
    let hint = "is there another program that writes to `sheaf:*`?";

    QueueError::Unusable(Reason::new(text).with_hint(hint))
}

/// Whether the system gave no socket as too many files are open. By the number of the error in the
/// text (EMFILE, ENFILE): the client library passes only the text on.
fn has_no_files(text: &str) -> bool {
    ["(os error 24)", "(os error 23)"].iter().any(|number| text.contains(number))
}

/// Whether TLS itself failed, and not the connection below it. By the words of `rustls::Error`: the
/// client library passes only the text on.
fn is_tls(text: &str) -> bool {
    ["invalid peer certificate", "received fatal alert", "received corrupt message"]
        .iter()
        .any(|w| text.contains(w))
}

fn tls_hint(text: &str) -> &'static str {
    if text.contains("UnknownIssuer") || text.contains("CaUsedAsEndEntity") {
        "give the certificate of the authority that signed the server's: `--tls-ca FILE`"
    } else if text.contains("NotValidForName") {
        "use the host name that the server's certificate was made for"
    } else if text.contains("alert") && text.to_lowercase().contains("certificate") {
        "the server asks for a client's certificate that it trusts: `--tls-cert FILE --tls-key FILE`"
    } else if text.contains("corrupt message") || text.contains("InvalidContentType") {
        "the server does not speak TLS on this port: try `redis://` instead of `rediss://`"
    } else {
        "check the certificates, and that the port is the one for TLS"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: &str, detail: &str) -> Fault {
        let value = redis::parse_redis_value(format!("-{code} {detail}\r\n").as_bytes()).unwrap();
        value.extract_error().unwrap_err().into()
    }

    #[test]
    fn redis_6_script_errors_are_recognised_by_text() {
        let text = "Error running script (call to f_1): @user_script:9: @user_script: 9: -OOM command not allowed when";
        assert!(matches!(server("ERR", text), Fault::Full(_)));
        assert!(matches!(
            server("ERR", "Error running script: -READONLY You can't write"),
            Fault::Broken(_)
        ));
        assert!(matches!(
            server("OOM", "command not allowed when used memory > 'maxmemory'."),
            Fault::Full(_)
        ));
        assert!(matches!(
            server("READONLY", "You can't write against a read only replica."),
            Fault::Broken(_)
        ));

        assert!(matches!(server("NOSCRIPT", "No matching script."), Fault::NoScript));
        assert!(matches!(
            server("MISCONF", "Redis is configured to save RDB snapshots"),
            Fault::Busy(_)
        ));
        assert!(matches!(server("LOADING", "Redis is loading"), Fault::Busy(_)));
    }

    #[test]
    fn each_refusal_comes_with_advice() {
        let said = |code, detail| QueueError::from(server(code, detail)).to_string();

        let denied = "Redis is running in protected mode because protected mode is enabled and no password is set for the \
                      default user.";

        for (code, detail, words) in [
            ("NOREPLICAS", "Not enough good replicas to write.", "bring its replicas back"),
            ("MISCONF", "Redis is configured to save RDB snapshots", "give its disk room"),
            ("READONLY", "You can't write against a read only replica.", "URL of the new master"),
            ("ERR", "max number of clients reached", "raise that setting"),
            ("DENIED", denied, "talks to its own machine alone"),
        ] {
            assert!(said(code, detail).contains(words), "{}", said(code, detail));
        }
    }

    #[test]
    fn credentials_are_told_apart() {
        let reason = |fault| match fault {
            Fault::Hopeless { reason, .. } => reason,
            other => panic!("{other:?}"),
        };

        assert!(reason(server("NOAUTH", "Authentication required.")).contains("none was given"));
        assert!(reason(server("WRONGPASS", "invalid username-password pair")).contains("refuses"));
        assert!(reason(server("NOPERM", "no permissions to run 'xadd'")).contains("xadd"));
    }
}
