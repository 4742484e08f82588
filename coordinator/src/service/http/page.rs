//! The page: files that are part of the program.

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use super::file::names_tag;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file of the page, from the folder `page`.
macro_rules! part {
    ($path:literal, $kind:expr, $file:literal) => {
        ($path, $kind, include_bytes!(concat!("../page/", $file)))
    };
}

/// The files of the page: address, type, bytes.
const PARTS: &[(&str, &str, &[u8])] = &[
    part!("/", HTML, "index.html"),
    part!("/style.css", CSS, "style.css"),
    part!("/actions.js", SCRIPT, "actions.js"),
    part!("/api.js", SCRIPT, "api.js"),
    part!("/app.js", SCRIPT, "app.js"),
    part!("/dialogs.js", SCRIPT, "dialogs.js"),
    part!("/dom.js", SCRIPT, "dom.js"),
    part!("/downloads.js", SCRIPT, "downloads.js"),
    part!("/facts.js", SCRIPT, "facts.js"),
    part!("/figures.js", SCRIPT, "figures.js"),
    part!("/files.js", SCRIPT, "files.js"),
    part!("/format.js", SCRIPT, "format.js"),
    part!("/head.js", SCRIPT, "head.js"),
    part!("/job.js", SCRIPT, "job.js"),
    part!("/jobrow.js", SCRIPT, "jobrow.js"),
    part!("/jobs.js", SCRIPT, "jobs.js"),
    part!("/keys.js", SCRIPT, "keys.js"),
    part!("/live.js", SCRIPT, "live.js"),
    part!("/plot.js", SCRIPT, "plot.js"),
    part!("/states.js", SCRIPT, "states.js"),
    part!("/stream.js", SCRIPT, "stream.js"),
    part!("/workers.js", SCRIPT, "workers.js"),
];

/// Whether an address is a file of the page.
pub fn has(path: &str) -> bool {
    PARTS.iter().any(|(of, ..)| *of == path)
}

/// The files of the page. They are no part of the interface, so no description has them.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    PARTS.iter().fold(Router::new(), |router, (path, kind, bytes)| {
        let tag = format!("\"{}\"", hex(bytes));
        router.route(path, get(move |headers| part(headers, kind, bytes, tag)))
    })
}

/// The beginning of the SHA-256: enough to tell versions apart.
fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn part(
    headers: HeaderMap,
    kind: &'static str,
    bytes: &'static [u8],
    tag: String,
) -> Response {
    // Asked for each time: after an update of the service the old page would not fit.
    let same: [(HeaderName, &str); 2] = [(CACHE_CONTROL, "no-cache"), (ETAG, &tag)];
    if names_tag(&headers, IF_NONE_MATCH, &tag) {
        return (StatusCode::NOT_MODIFIED, same).into_response();
    }

    (same, [(CONTENT_TYPE, kind)], Bytes::from_static(bytes)).into_response()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_page_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service/page");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| format!("/{}", entry.unwrap().file_name().display()))
            .map(|path| if path == "/index.html" { "/".into() } else { path })
            .collect();
        files.sort();

        let mut served: Vec<&str> = PARTS.iter().map(|(path, ..)| *path).collect();
        served.sort_unstable();
        assert_eq!(served, files);
    }
}
