//! Clients that are slow, rude, or not who they say.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::world::{FULL, READ, Wanted, files, rest, some, world};

#[tokio::test]
async fn a_slow_head_is_cut() {
    let world = world(Wanted::default()).await;
    let mut stream = world.connect().await;
    let began = Instant::now();
    for byte in b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " {
        if stream.write_all(&[*byte]).await.is_err() {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(rest(&mut stream).await.status, 0);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let world = world(Wanted::default()).await;
    let mut stream = world.connect().await;
    // Twice on one connection, with a pause that is longer than a head may take.
    for _ in 0..2 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut answer = [0; 2048];
        let count = stream.read(&mut answer).await.unwrap();
        assert!(answer[..count].starts_with(b"HTTP/1.1 200"));
        sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(rest(&mut stream).await.body, b"");
}

#[tokio::test]
async fn a_stalled_body_is_told_so() {
    let world = world(Wanted::default()).await;
    for line in ["POST /v1/contents/missing", "POST /v1/contents"] {
        let head = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Connection: close\r\nContent-Length: 10000\r\n\r\n"
        );
        let reply = world.send(head.as_bytes()).await;
        assert_eq!((reply.status, reply.code().as_str()), (408, "incomplete"), "{line}");
    }
}

#[tokio::test]
async fn oversized_heads_are_refused() {
    let world = world(Wanted::default()).await;
    let long = "x".repeat(200_000);
    let reply = world.send(format!("GET /{long} HTTP/1.1\r\n").as_bytes()).await;
    assert!(matches!(reply.status, 414 | 431), "{}", reply.head);

    let many = "A: b\r\n".repeat(1000);
    let reply = world.send(format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes()).await;
    assert_eq!(reply.status, 431, "{}", reply.head);

    let reply = world.send(b"\x16\x03\x01 this is TLS\r\n\r\n").await;
    assert_eq!(reply.status, 400, "{}", reply.head);
    assert_eq!(world.ask("GET /healthz", &[], b"").await.status, 200);
}

#[tokio::test]
async fn a_full_service_makes_room_or_says_so() {
    let mut wanted = Wanted::default();
    wanted.limits.connections = 2;
    wanted.limits.stall = Duration::from_secs(30);
    let world = world(wanted).await;

    // Two that idle: the older one goes.
    let mut idle = Vec::new();
    for _ in 0..2 {
        let mut stream = world.connect().await;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        some(&mut stream).await;
        idle.push(stream);
    }
    assert_eq!(world.ask("GET /healthz", &[], b"").await.status, 200);
    drop(idle);

    // Two that are busy: nobody goes.
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut stream = world.connect().await;
        stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        some(&mut stream).await;
        busy.push(stream);
    }
    let reply = world.ask("GET /healthz", &[], b"").await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "unavailable"));
    drop(busy);
    assert_eq!(world.ask("GET /healthz", &[], b"").await.status, 200);
}

#[tokio::test]
async fn a_panic_ends_one_request_only() {
    let world = world(Wanted::default()).await;
    for _ in 0..3 {
        let reply = world.ask("GET /panic", &[], b"").await;
        assert_eq!((reply.status, reply.code().as_str()), (500, "internal"));
        assert!(!reply.text().contains("on purpose"), "{}", reply.text());
    }
    assert_eq!(world.ask("GET /healthz", &[], b"").await.status, 200);
}

#[tokio::test]
async fn every_error_is_a_problem() {
    let world = world(Wanted::default()).await;
    let json = "Content-Type: application/json";
    /// Request, headers, body; status, code.
    type Case<'a> = (&'a str, &'a [&'a str], &'a [u8], u16, &'a str);
    let cases: [Case; 9] = [
        ("GET /absent", &[], b"", 404, "not-found"),
        ("DELETE /v1/contents", &[], b"", 405, "method-not-allowed"),
        ("BREW /healthz", &[], b"", 405, "method-not-allowed"),
        ("PUT /v1/contents/xyz", &[], b"x", 400, "bad-request"),
        ("POST /v1/contents/missing", &[], b"{}", 415, "unsupported-type"),
        ("POST /v1/contents/missing", &[json], b"{", 400, "bad-request"),
        ("POST /v1/contents/missing", &[json], b"{\"sha256\":[1]}", 400, "bad-request"),
        ("POST /v1/contents", &[], b"hello\n", 400, "bad-request"),
        ("GET /v1/contents/missing", &["Accept: text/html"], b"", 405, "method-not-allowed"),
    ];
    for (line, headers, body, status, code) in cases {
        let reply = world.ask(line, headers, body).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{line}");
        assert_eq!(reply.head.contains("\r\nallow: "), status == 405, "{line}: {}", reply.head);
        assert!(reply.head.contains("content-security-policy: default-src 'none'"));
        assert!(reply.head.contains("cache-control: no-store"));
    }
}

#[tokio::test]
async fn paths_are_never_files() {
    let world = world(Wanted::default()).await;
    let tricks = [
        "/..",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/style.css/..",
        "/v1/contents/%2e%2e",
        "/v1/contents/..%2f..%2fx",
        "/v1/contents/%00",
        "/%00",
        "/%ff",
        "/v1//contents",
        "/./",
        "/style.css%00.html",
        "/v1/contents/missing/",
    ];
    for path in tricks {
        for method in ["GET", "PUT", "HEAD"] {
            let reply = world.ask(&format!("{method} {path}"), &[], b"").await;
            assert!((400..500).contains(&reply.status), "{method} {path}: {}", reply.head);
        }
    }
    let reply = world.send(b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(reply.status, 400);
    assert_eq!(files(world.folder.path()), 0);
}

#[tokio::test]
async fn tokens_open_what_they_may() {
    let world = world(Wanted { tokens: true, ..Wanted::default() }).await;
    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    let (full, read, wrong) = (bearer(FULL), bearer(READ), bearer("wrong-wrong-wrong-wrong"));

    for line in ["GET /", "GET /openapi.json", "GET /healthz", "GET /readyz"] {
        assert_eq!(world.ask(line, &[], b"").await.status, 200, "{line}");
    }
    for header in ["X: y", &wrong, "Authorization: Basic eDp5"] {
        for line in ["GET /metrics", "GET /absent", "POST /v1/contents"] {
            let reply = world.ask(line, &[header], b"").await;
            assert_eq!((reply.status, reply.code().as_str()), (401, "unauthorized"), "{line}");
            assert!(reply.head.contains("\r\nwww-authenticate: Bearer"));
            assert!(!reply.text().contains("wrong-wrong"));
        }
    }
    assert_eq!(world.ask("GET /metrics", &[&read], b"").await.status, 200);
    assert_eq!(world.ask("POST /v1/contents", &[&read], b"").await.code(), "forbidden");
    assert_eq!(world.ask("POST /v1/contents", &[&full], b"").await.status, 200);

    // A large body behind a wrong token still gets its answer.
    let reply = world.ask("POST /v1/contents", &[&wrong], &vec![0; 4 << 20]).await;
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn other_origins_and_names_are_refused() {
    let world = world(Wanted::default()).await;
    let own = format!("Origin: http://localhost:{}", world.port);
    let reply = world.ask("POST /v1/contents", &["Origin: http://evil.example"], b"").await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "forbidden"));
    assert!(!reply.head.contains("access-control"), "{}", reply.head);
    // The client names no port in `Host`, so this is another one.
    assert_eq!(world.ask("POST /v1/contents", &[&own], b"").await.status, 403);
    assert_eq!(
        world.ask("POST /v1/contents", &["Origin: http://localhost"], b"").await.status,
        200
    );
    let preflight = ["Origin: http://evil.example", "Access-Control-Request-Method: PUT"];
    assert_eq!(world.ask("OPTIONS /v1/contents", &preflight, b"").await.status, 403);

    for host in ["evil.example", "evil.example:7878"] {
        let request = format!("GET /v1/x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(world.send(request.as_bytes()).await.code(), "forbidden");
    }
    let reply = world.send(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn requests_are_counted_by_pattern() {
    let world = world(Wanted::default()).await;
    for path in ["a", "b"] {
        world.ask(&format!("HEAD /v1/contents/{}", path.repeat(64)), &[], b"").await;
    }
    world.ask("GET /secret-name", &[], b"").await;

    let reply = world.ask("GET /metrics", &[], b"").await;
    let line = "sheaf_http_requests_total{method=\"HEAD\",route=\"/v1/contents/{sha256}\",\
                status=\"4xx\"} 2";
    assert!(reply.text().contains(line), "{}", reply.text());
    assert!(!reply.text().contains("secret-name"), "{}", reply.text());
}

#[tokio::test]
async fn a_stop_ends_events_and_finishes_requests() {
    let mut wanted = Wanted::default();
    wanted.limits.grace = Duration::from_secs(10);
    wanted.limits.stall = Duration::from_secs(10);
    let world = world(wanted).await;

    let mut events = world.connect().await;
    events.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    some(&mut events).await;
    let mut upload = world.connect().await;
    let head = b"POST /v1/contents HTTP/1.1\r\nHost: localhost\r\nContent-Length: 67\r\n\r\n";
    upload.write_all(head).await.unwrap();
    sleep(Duration::from_millis(100)).await;

    world.stop.send(true).unwrap();
    let mut tail = Vec::new();
    events.read_to_end(&mut tail).await.unwrap();
    let body = format!("{} 0\n", super::world::hash(b""));
    upload.write_all(body.as_bytes()).await.unwrap();
    assert_eq!(rest(&mut upload).await.status, 200);
    world.served.await.unwrap();
}
