//! What an error means: of the server, of the way to it, or of an answer that no script gives.

use redis::{ErrorKind, RedisError, ServerErrorKind, Value};

use crate::queue::QueueError;

/// What went wrong with one request, by what helps.
#[derive(Debug)]
pub enum Fault {
    /// The connection is of no use any more; another one may be.
    Broken(String),
    /// The server cannot just now.
    Busy(String),
    /// The server does not know the script; it was not run.
    NoScript,
    /// The server has no room.
    Full(String),
    /// This process has no open files left.
    Here(String),
    /// Nothing but a change of settings helps.
    Hopeless { reason: String, hint: Option<String> },
}

/// Makes a fault of an error's text.
type Meaning = fn(String) -> Fault;

/// Words in an error's text → what it means. By text, as a script's error carries its code within (and before Redis 7 no
/// other code than `ERR`). The first that fits counts.
const BY_TEXT: &[(&str, Meaning)] = &[
    ("OOM command not allowed", |_| Fault::Full("Redis has reached its `maxmemory`".into())),
    ("MISCONF", |_| Fault::Busy("Redis cannot save to its disk, and so takes no writes".into())),
    ("READONLY", |_| Fault::Broken("this Redis is a read-only replica now".into())),
    ("LOADING", |_| Fault::Busy("Redis is still loading its data".into())),
    ("MASTERDOWN", Fault::Busy),
    ("CLUSTERDOWN", Fault::Busy),
    ("TRYAGAIN", Fault::Busy),
    ("BUSY ", Fault::Busy),
    ("max number of clients reached", Fault::Busy),
    ("NOREPLICAS", Fault::Busy),
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
        hint: Some("put it into the URL, `redis://USER:PASSWORD@HOST`, or into `SHEAF_REDIS_PASSWORD`".into()),
    }),
    ("NOPERM", |text| Fault::Hopeless {
        reason: format!("this Redis user may not do what Sheaf does: {text}"),
        hint: Some("`deploy/users.acl` has the least privileges that each side needs".into()),
    }),
    ("MOVED", |text| Fault::Hopeless {
        reason: format!("this Redis is one node of a cluster, and the queue lives on another: {text}"),
        hint: Some("give the URL of the node that the message names".into()),
    }),
];

fn refused(_: String) -> Fault {
    Fault::Hopeless {
        reason: "Redis refuses this user and password".into(),
        hint: Some("check the user and the password in the URL or in `SHEAF_REDIS_PASSWORD`".into()),
    }
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Self {
        // As the server wrote it, where it did: the library's own words differ from version to version.
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
            ErrorKind::Io if error.is_timeout() => Fault::Broken("Redis does not answer in time".into()),
            ErrorKind::Io => Fault::Broken(text),
            ErrorKind::Parse => Fault::Hopeless {
                reason: "what answers there does not speak as Redis does".into(),
                hint: Some("check host and port; Redis usually listens on 6379".into()),
            },
            _ => match BY_TEXT.iter().find(|(words, _)| text.contains(words)) {
                Some((_, fault)) => fault(text),
                None if error.is_unrecoverable_error() => Fault::Broken(text),
                None => Fault::Hopeless { reason: format!("Redis answered with an error: {text}"), hint: None },
            },
        }
    }
}

impl From<Fault> for QueueError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Broken(reason) | Fault::Busy(reason) => QueueError::Unreachable(reason),
            Fault::NoScript => QueueError::Unreachable("Redis forgot a script as soon as it had it".into()),
            Fault::Full(reason) => QueueError::Full(reason),
            Fault::Here(reason) => QueueError::Here(reason),
            Fault::Hopeless { reason, hint } => QueueError::Unusable { reason, hint },
        }
    }
}

/// An answer that `operation` is not documented to give.
pub fn unexpected(operation: &str, value: &Value) -> QueueError {
    let shape: String = format!("{value:?}").chars().take(200).collect();
    let reason = format!("`{operation}` answered with what it never answers: {shape}");
    QueueError::Unusable { reason, hint: Some("is there another program that writes to `sheaf:*`?".into()) }
}

/// Whether the system gave no socket, as too many files are open: by the number of the error (EMFILE, ENFILE), which the
/// client library hands on as text alone.
fn has_no_files(text: &str) -> bool {
    ["(os error 24)", "(os error 23)"].iter().any(|number| text.contains(number))
}

/// Whether TLS itself failed, and not the way to the server. By the words of `rustls::Error`: the client library hands
/// that error on as text alone.
fn is_tls(text: &str) -> bool {
    ["invalid peer certificate", "received fatal alert", "received corrupt message"].iter().any(|w| text.contains(w))
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
    fn a_scripts_error_is_known_by_its_text_as_redis_6_writes_it() {
        let text = "Error running script (call to f_1): @user_script:9: @user_script: 9: -OOM command not allowed when";
        assert!(matches!(server("ERR", text), Fault::Full(_)));
        assert!(matches!(server("ERR", "Error running script: -READONLY You can't write"), Fault::Broken(_)));
        assert!(matches!(server("OOM", "command not allowed when used memory > 'maxmemory'."), Fault::Full(_)));
        assert!(matches!(server("READONLY", "You can't write against a read only replica."), Fault::Broken(_)));
        assert!(matches!(server("NOSCRIPT", "No matching script."), Fault::NoScript));
        assert!(matches!(server("MISCONF", "Redis is configured to save RDB snapshots"), Fault::Busy(_)));
        assert!(matches!(server("LOADING", "Redis is loading"), Fault::Busy(_)));
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
