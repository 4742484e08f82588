//! The address of a service, as it is typed.

/// The root of a service: `http://HOST[:PORT][/PATH]`, without a `/` at the end.
///
/// # Errors
/// In words, with the address that was probably meant, when it cannot be one.
pub fn base(typed: &str) -> Result<String, String> {
    let typed = typed.trim();
    let rest = typed.strip_prefix("http://").or_else(|| typed.strip_prefix("https://"));
    let Some(rest) = rest else {
        // `localhost:7878` is a URI, too, with a scheme that nobody means.
        return Err(format!(
            "expected a URL such as `http://127.0.0.1:7878`; did you mean `http://{typed}`?"
        ));
    };

    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Err(
            "expected a URL without a name or password: the token belongs in the variable \
                    SHEAF_TOKEN"
                .into(),
        );
    }
    if host.is_empty() || rest.contains(['?', '#']) || typed.parse::<ureq::http::Uri>().is_err() {
        return Err("expected a URL such as `http://127.0.0.1:7878`".into());
    }

    Ok(typed.trim_end_matches('/').into())
}

/// Whether the host of a [`base`] is this machine, without asking for the name.
pub fn is_loopback(base: &str) -> bool {
    let uri = base.parse::<ureq::http::Uri>().ok();
    let host = uri.as_ref().and_then(|uri| uri.host()).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let ip = host.parse::<std::net::IpAddr>();
    ip.map_or(host == "localhost", |ip| ip.is_loopback())
}

/// A text as a part of a path or query: all but letters, digits and `-._~` is escaped.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }

    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_and_host() {
        assert_eq!(base("http://127.0.0.1:7878/").unwrap(), "http://127.0.0.1:7878");
        assert_eq!(base("https://a.b/sheaf/").unwrap(), "https://a.b/sheaf");
        for wrong in ["", "localhost:7878", "ftp://a", "http://", "http://a b", "http://u:p@a"] {
            assert!(base(wrong).is_err(), "{wrong}");
        }
        assert!(base("localhost:7878").unwrap_err().contains("`http://localhost:7878`"));
    }

    #[test]
    fn this_machine_is_recognised() {
        for here in
            ["http://127.0.0.1:1", "http://[::1]:7", "https://localhost", "http://127.9.9.9"]
        {
            assert!(is_loopback(here), "{here}");
        }
        for there in ["http://10.0.0.1", "http://localhost.example.org", "https://a"] {
            assert!(!is_loopback(there), "{there}");
        }
    }

    #[test]
    fn what_means_something_in_a_url_is_escaped() {
        assert_eq!(escaped("a@b+c:d/é 1"), "a%40b%2Bc%3Ad%2F%C3%A9%201");
    }
}
