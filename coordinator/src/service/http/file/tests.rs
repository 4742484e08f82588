use super::*;

const BYTES: &[u8] = b"0123456789";

struct World {
    _folder: tempfile::TempDir,
    file: ServedFile,
}

fn world(bytes: &[u8]) -> World {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.xlsx");
    std::fs::write(&path, bytes).unwrap();

    let file = ServedFile {
        path,
        hash: Some(Hash([0xab; 32])),
        content_type: "text/csv".into(),
        name: Some("지미 \"x\".csv".into()),
    };
    World { _folder: folder, file }
}

async fn ask(world: &World, typed: &[(&'static str, &str)]) -> Result<(Response, Bytes), Failure> {
    let mut headers = HeaderMap::new();
    for (name, value) in typed {
        headers.append(*name, value.parse().unwrap());
    }

    let response = world.file.clone().answer(&headers).await?;
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    Ok((Response::from_parts(parts, Body::empty()), bytes))
}

fn tag() -> String {
    format!("\"{}\"", Hash([0xab; 32]))
}

#[tokio::test]
async fn a_whole_file_says_what_it_is() {
    let (response, bytes) = ask(&world(BYTES), &[]).await.unwrap();
    assert_eq!((response.status(), &bytes[..]), (StatusCode::OK, BYTES));

    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-length"), "10");
    assert_eq!(header("etag"), tag());
    assert_eq!(header("accept-ranges"), "bytes");
    assert_eq!(header("repr-digest"), "sha-256=:q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=:");
    assert_eq!(
        header("content-disposition"),
        "attachment; filename=\"__ _x_.csv\"; filename*=UTF-8''%EC%A7%80%EB%AF%B8%20%22x%22.csv"
    );
}

#[tokio::test]
async fn ranges_are_parts_of_the_file() {
    let world = world(BYTES);
    let cases = [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=3-", "3456789", "bytes 3-9/10"),
        ("bytes=8-99999999999999999999999", "89", "bytes 8-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-99", "0123456789", "bytes 0-9/10"),
    ];
    for (range, expected, named) in cases {
        let (response, bytes) = ask(&world, &[("range", range)]).await.unwrap();
        assert_eq!((response.status().as_u16(), &bytes[..]), (206, expected.as_bytes()), "{range}");
        assert_eq!(response.headers()[CONTENT_RANGE], named);
        assert_eq!(response.headers()[CONTENT_LENGTH], expected.len().to_string());
    }
}

#[tokio::test]
async fn what_is_no_range_gives_everything() {
    let world = world(BYTES);
    for range in ["bytes=5-3", "bytes=0-1,3-4", "lines=0-1", "bytes=", "bytes=-", "bytes=+1-2"] {
        let (response, bytes) = ask(&world, &[("range", range)]).await.unwrap();
        assert_eq!((response.status().as_u16(), &bytes[..]), (200, BYTES), "{range}");
    }
}

#[tokio::test]
async fn a_range_outside_is_wrong() {
    for (bytes, range) in [(BYTES, "bytes=10-"), (BYTES, "bytes=-0"), (b"", "bytes=0-0")] {
        let failure = ask(&world(bytes), &[("range", range)]).await.unwrap_err();
        assert_eq!(failure.problem().status, 416, "{range}");
    }

    assert_eq!(ask(&world(b""), &[("range", "bytes=-5")]).await.unwrap().0.status(), 200);
}

#[tokio::test]
async fn a_changed_file_is_sent_whole() {
    let world = world(BYTES);
    let cases = [
        (tag(), 206),
        ("\"other\"".into(), 200),
        (format!("W/{}", tag()), 200),
        ("Sun, 29 Nov 2026 10:00:00 GMT".into(), 200),
    ];
    for (known, expected) in cases {
        let range = [("range", "bytes=5-"), ("if-range", known.as_str())];
        assert_eq!(ask(&world, &range).await.unwrap().0.status(), expected, "{known}");
    }
}

#[tokio::test]
async fn a_known_file_is_not_sent() {
    let world = world(BYTES);
    let cases = [
        (tag(), 304),
        ("*".into(), 304),
        (format!("\"a\", W/{}", tag()), 304),
        ("\"a\"".into(), 200),
    ];
    for (known, expected) in cases {
        let (response, bytes) = ask(&world, &[("if-none-match", &known)]).await.unwrap();
        assert_eq!(response.status(), expected, "{known}");
        assert_eq!(bytes.is_empty(), expected == 304);
        assert_eq!(response.headers()[ETAG], tag());
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_404() {
    let world = world(BYTES);
    std::fs::remove_file(&world.file.path).unwrap();
    assert_eq!(ask(&world, &[]).await.unwrap_err().problem().status, 404);
}

#[test]
fn base64_is_padded() {
    let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
    for (bytes, text) in cases {
        assert_eq!(base64(bytes.as_bytes()), text);
    }
}
