//! TLS with a certificate and a key from files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What handshakes need.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
}

/// Why certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("could not read `{}`", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("there is no certificate in `{}`", .0.display())]
    NoCertificate(PathBuf),
    #[error("there is no private key in `{}`", .0.display())]
    NoKey(PathBuf),
    #[error("`{}` is not PEM", path.display())]
    NotPem { path: PathBuf, source: PemError },
    #[error("`{}` and `{}` do not fit each other", cert.display(), key.display())]
    Unusable { cert: PathBuf, key: PathBuf, source: rustls::Error },
}

impl TlsError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            TlsError::Unreadable { .. } => None,
            TlsError::NoCertificate(_) => {
                Some("the file begins with `-----BEGIN CERTIFICATE-----`: the service's own first")
            }
            TlsError::NoKey(_) => Some(
                "the file has a block `-----BEGIN PRIVATE KEY-----`; a key with a password cannot \
                 be used",
            ),
            TlsError::NotPem { .. } => {
                Some("convert it: `openssl x509 -inform DER -in FILE -out FILE.pem`")
            }
            TlsError::Unusable { .. } => Some("the key must be the one of the first certificate"),
        }
    }
}

impl Tls {
    /// Reads certificates (the service's own first, then those that it is signed with) and key.
    ///
    /// # Errors
    /// When a file cannot be read, or they cannot be used together.
    pub fn read(cert: &Path, key: &Path) -> Result<Tls, TlsError> {
        let chain = certificates(cert)?;
        let secret = match PrivateKeyDer::from_pem_slice(&read(key)?) {
            Ok(secret) => secret,
            Err(PemError::NoItemsFound) => return Err(TlsError::NoKey(key.into())),
            Err(source) => return Err(TlsError::NotPem { path: key.into(), source }),
        };

        let unusable = |source| TlsError::Unusable { cert: cert.into(), key: key.into(), source };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];

        Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Does the handshake of a connection.
    ///
    /// # Errors
    /// When the client ends it, or they have nothing in common.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.into(), source })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|source| TlsError::NotPem { path: path.into(), source })?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(path.into()));
    }

    Ok(chain)
}
