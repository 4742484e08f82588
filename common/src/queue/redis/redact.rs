//! URLs as they may be shown.

/// A URL that may be no URL, without what may be a password: all before the last `@`, and all
/// behind a `?`.
pub fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let shown = rest.rsplit_once('@').map_or(rest.to_owned(), |(_, host)| format!("…@{host}"));
    let shown = shown.split_once('?').map_or(shown.clone(), |(path, _)| format!("{path}?…"));

    if scheme.is_empty() { shown } else { format!("{scheme}://{shown}") }
}
