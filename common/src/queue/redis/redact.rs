//! Hides the passwords in URLs.

/// A URL without its possible passwords: everything before the last `@` and after a `?`. The text
/// need not be a valid URL.
pub fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let shown = rest.rsplit_once('@').map_or(rest.to_owned(), |(_, host)| format!("…@{host}"));
    let shown = shown.split_once('?').map_or(shown.clone(), |(path, _)| format!("{path}?…"));

    if scheme.is_empty() { shown } else { format!("{scheme}://{shown}") }
}
