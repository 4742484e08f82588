//! Uploads that are whole, cut, resumed, wrong, and too many.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use super::world::{Wanted, World, hash, rest, world};

/// Some bytes that do not repeat soon.
fn bytes(count: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..)).take(count).collect()
}

fn target(content: &[u8]) -> String {
    format!("PUT /v1/contents/{}", hash(content))
}

async fn offset(world: &World, content: &[u8]) -> (u16, String) {
    let reply = world.ask(&format!("HEAD /v1/contents/{}", hash(content)), &[], b"").await;
    let value = reply.head.lines().find_map(|line| line.strip_prefix("upload-offset: "));
    (reply.status, value.unwrap_or_default().into())
}

#[tokio::test]
async fn a_content_is_stored_once() {
    let world = world(Wanted::default()).await;
    let content = bytes(3 << 20);
    assert_eq!(offset(&world, &content).await, (404, "0".into()));
    assert_eq!(world.ask(&target(&content), &[], &content).await.status, 201);
    assert_eq!(world.ask(&target(&content), &[], &content).await.status, 200);
    assert_eq!(offset(&world, &content).await, (200, String::new()));
    assert_eq!(std::fs::read(world.contents.path(hash(&content))).unwrap(), content);
}

#[tokio::test]
async fn a_body_without_length_is_taken() {
    let world = world(Wanted::default()).await;
    let line = target(b"hello");
    let request = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
    );
    assert_eq!(world.send(request.as_bytes()).await.status, 201);
}

#[tokio::test]
async fn a_cut_upload_goes_on_after_a_restart() {
    let mut world = world(Wanted::default()).await;
    let content = bytes(3 << 20);
    let half = content.len() / 2;

    let mut stream = world.connect().await;
    let head = format!(
        "{} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        target(&content),
        content.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&content[..half]).await.unwrap();
    stream.shutdown().await.unwrap();
    drop(stream);

    let came = loop {
        let came: usize = offset(&world, &content).await.1.parse().unwrap();
        // The last batch is written when the cut is seen.
        if came == half {
            break came;
        }
        sleep(Duration::from_millis(20)).await;
    };
    world = world.restarted(Wanted::default()).await;
    assert_eq!(offset(&world, &content).await.1, came.to_string());

    let range = |from: usize| {
        format!("Content-Range: bytes {from}-{}/{}", content.len() - 1, content.len())
    };
    let reply = world.ask(&target(&content), &[&range(7)], &content[7..]).await;
    assert_eq!((reply.status, reply.code().as_str()), (409, "wrong-offset"));
    assert!(reply.text().contains(&format!("\"received\":{came}")), "{}", reply.text());
    let reply = world.ask(&target(&content), &[&range(came)], &content[came..]).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(std::fs::read(world.contents.path(hash(&content))).unwrap(), content);
}

#[tokio::test]
async fn a_stalled_upload_keeps_what_came() {
    let world = world(Wanted::default()).await;
    let content = bytes(100_000);
    let mut stream = world.connect().await;
    let head = format!(
        "{} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        target(&content),
        content.len()
    );
    stream.write_all(&[head.as_bytes(), &content[..60_000]].concat()).await.unwrap();
    let reply = rest(&mut stream).await;
    assert_eq!((reply.status, reply.code().as_str()), (408, "incomplete"));
    assert_eq!(offset(&world, &content).await.1, "60000");
}

#[tokio::test]
async fn wrong_bytes_are_refused_and_removed() {
    let world = world(Wanted::default()).await;
    let reply = world.ask(&target(b"hello"), &[], b"jello").await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "wrong-hash"));
    assert_eq!(offset(&world, b"hello").await, (404, "0".into()));
    assert_eq!(world.ask(&target(b"hello"), &[], b"hello").await.status, 201);
}

#[tokio::test]
async fn the_second_sender_is_told_to_wait() {
    let mut wanted = Wanted::default();
    wanted.limits.stall = Duration::from_secs(10);
    let world = world(wanted).await;
    let content = bytes(2 << 20);

    let mut first = world.connect().await;
    let head = format!(
        "{} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        target(&content),
        content.len()
    );
    first.write_all(&[head.as_bytes(), &content[..1 << 20]].concat()).await.unwrap();
    while offset(&world, &content).await.1 == "0" {
        sleep(Duration::from_millis(20)).await;
    }

    let reply = world.ask(&target(&content), &[], &content).await;
    assert_eq!((reply.status, reply.code().as_str()), (409, "busy"));
    assert!(reply.head.contains("\r\nretry-after: 1\r\n"));
    first.write_all(&content[1 << 20..]).await.unwrap();
    assert_eq!(rest(&mut first).await.status, 201);
}

#[tokio::test]
async fn too_large_and_full_are_told_before() {
    let small = world(Wanted::default()).await;
    let head = |length: u64| {
        format!(
            "{} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n",
            target(b"hello")
        )
    };
    let reply = small.send(head((64 << 20) + 1).as_bytes()).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "too-large"));

    let full = world(Wanted { reserve: u64::MAX / 2, ..Wanted::default() }).await;
    let reply = full.send(head(5).as_bytes()).await;
    assert_eq!((reply.status, reply.code().as_str()), (507, "disk-full"));
    let bundle = format!("{} 5\nhello", hash(b"hello"));
    let reply = full.ask("POST /v1/contents", &[], bundle.as_bytes()).await;
    assert_eq!((reply.status, reply.code().as_str()), (507, "disk-full"));
}

#[tokio::test]
async fn a_bundle_stores_many() {
    let world = world(Wanted::default()).await;
    let contents: Vec<Vec<u8>> = (0..500).map(|number| bytes(number * 7)).collect();
    let mut body = Vec::new();
    for content in &contents {
        body.extend_from_slice(format!("{} {}\n", hash(content), content.len()).as_bytes());
        body.extend_from_slice(content);
    }
    let reply = world.ask("POST /v1/contents", &[], &body).await;
    assert_eq!((reply.status, reply.text()), (200, "{\"stored\":500}"));

    let hashes: Vec<String> = contents.iter().map(|content| hash(content).to_string()).collect();
    let asked = serde_json::json!({"sha256": hashes}).to_string();
    let json = ["Content-Type: application/json"];
    let reply = world.ask("POST /v1/contents/missing", &json, asked.as_bytes()).await;
    assert_eq!(reply.text(), "{\"missing\":[]}");
}

#[tokio::test]
async fn a_bundle_keeps_what_was_right() {
    let world = world(Wanted::default()).await;
    let body = format!("{} 1\na{} 1\nx{} 1\nc", hash(b"a"), hash(b"b"), hash(b"c"));
    let reply = world.ask("POST /v1/contents", &[], body.as_bytes()).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "wrong-hash"));
    assert!(reply.text().contains(&hash(b"b").to_string()), "{}", reply.text());
    assert_eq!(offset(&world, b"a").await.0, 200);
    assert_eq!(offset(&world, b"c").await.0, 404);
}
