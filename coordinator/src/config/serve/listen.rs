//! Where the service listens, and who reaches it there.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use crate::cli::ServeArgs;
use crate::config::{UsageError, units};

/// The port if none is given.
const PORT: u16 = 7878;
const EXPECTED: &str = "an address such as `127.0.0.1:7878`, `localhost:7878` or `[::1]:7878`";

/// The addresses of `--listen`: `ADDRESS:PORT`, `ADDRESS`, `NAME:PORT` or `PORT`.
///
/// # Errors
/// When it is none of them, or nobody knows the name.
pub fn resolve(typed: &str) -> Result<Vec<SocketAddr>, UsageError> {
    if let Ok(address) = typed.parse() {
        return Ok(vec![address]);
    }
    if let Ok(port) = typed.parse() {
        return Ok(vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)]);
    }
    let bare = typed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(typed);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, PORT)]);
    }

    let wrong = || units::value("--listen", typed, EXPECTED);
    let (name, port) = match typed.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().map_err(|_| wrong())?),
        None => (typed, PORT),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(wrong());
    }

    let found = (name, port).to_socket_addrs().map_err(|error| UsageError::Setup {
        reason: format!("could not find the address of `{name}` (--listen): {error}"),
        hint: None,
    })?;
    let mut addresses: Vec<SocketAddr> = found.collect();
    // Clients that are told `127.0.0.1` are most.
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}

/// Refuses an address that others reach, unless the service knows who they are, and nobody on the
/// way can read or change what they send.
///
/// # Errors
/// When tokens or TLS are missing: what to do about it.
pub fn check_reach(listen: &[SocketAddr], args: &ServeArgs) -> Result<(), UsageError> {
    if listen.iter().all(|address| address.ip().is_loopback()) {
        return Ok(());
    }

    let has_tls = args.https_cert.is_some() || args.https_in_front;
    let missing = match (args.token_file.is_some(), has_tls) {
        (true, true) => return Ok(()),
        (true, false) => "without TLS others could read what is sent",
        (false, true) => "without tokens everybody could do everything",
        (false, false) => {
            "without tokens everybody could do everything, and without TLS others could read \
             what is sent"
        }
    };

    Err(UsageError::Setup {
        reason: format!("other machines reach `{}`: {missing}", args.listen),
        hint: Some(
            "give --token-file, and --https-cert with --https-key, or --https-in-front if \
             something in front does TLS; or listen on 127.0.0.1"
                .into(),
        ),
    })
}
