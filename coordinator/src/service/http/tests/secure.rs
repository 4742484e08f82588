//! TLS with a certificate made for the test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsConnector;

use super::world::{Wanted, rest, world};
use crate::service::http::tls::{Tls, TlsError};

/// A certificate for `localhost` and its key; `None`: this machine has no openssl.
fn certificate(folder: &Path, name: &str) -> Option<(PathBuf, PathBuf)> {
    let (cert, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    let options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
                   -subj /CN=localhost -addext subjectAltName=DNS:localhost \
                   -addext basicConstraints=critical,CA:FALSE";
    let mut openssl = Command::new("openssl");
    openssl.args(options.split_whitespace()).arg("-out").arg(&cert).arg("-keyout").arg(&key);
    let made = openssl.output().ok()?;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some((cert, key))
}

#[tokio::test]
async fn requests_come_through_tls() {
    let folder = tempfile::tempdir().unwrap();
    let Some((cert, key)) = certificate(folder.path(), "a") else { return };
    let tls = Tls::read(&cert, &key).unwrap();
    let world = world(Wanted { tls: Some(tls), ..Wanted::default() }).await;

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&cert).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, world.connect().await).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let reply = rest(&mut stream).await;
    assert_eq!((reply.status, reply.text()), (200, "ok\n"));

    // No TLS, and no handshake at all.
    assert_eq!(world.ask("GET /healthz", &[], b"").await.status, 0);
    let began = Instant::now();
    assert_eq!(rest(&mut world.connect().await).await.status, 0);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn files_that_do_not_fit_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let Some((cert, key)) = certificate(folder.path(), "a") else { return };
    let Some((_, other)) = certificate(folder.path(), "b") else { return };
    let absent = folder.path().join("absent");

    let read = |cert: &Path, key: &Path| Tls::read(cert, key).err().unwrap();
    assert!(matches!(read(&absent, &key), TlsError::Unreadable { .. }));
    assert!(matches!(read(&key, &key), TlsError::NoCertificate(_)));
    assert!(matches!(read(&cert, &cert), TlsError::NoKey(_)));
    assert!(matches!(read(&cert, &other), TlsError::Unusable { .. }));
}
