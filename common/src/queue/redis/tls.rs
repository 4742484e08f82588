//! TLS to a server: the certificates that are trusted, and the client's own.

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How connections to a server are encrypted. Cheap to clone.
#[derive(Clone)]
pub struct Tls(TlsConnector);

/// The certificates in use, as PEM.
#[derive(Default)]
pub struct Certificates {
    /// Those of the authorities to trust; `None`: those of the system.
    pub authorities: Option<Vec<u8>>,
    /// The client's certificate, and its key.
    pub client: Option<(Vec<u8>, Vec<u8>)>,
}

impl Tls {
    /// # Errors
    /// In words, when a certificate or key cannot be used, or the system has no authorities.
    pub fn new(certificates: Certificates) -> Result<Self, String> {
        let roots = match &certificates.authorities {
            Some(pem) => of_pem(pem)?,
            None => of_system()?,
        };

        let config = ClientConfig::builder().with_root_certificates(roots);
        let config = match &certificates.client {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
                let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| error.to_string())?;
                let chain = chain.map_err(|error| error.to_string())?;
                config.with_client_auth_cert(chain, key).map_err(|error| error.to_string())?
            }
        };

        Ok(Tls(TlsConnector::from(Arc::new(config))))
    }

    /// # Errors
    /// Those of the socket and of TLS.
    pub async fn connect<S>(&self, host: &str, socket: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        self.0.connect(name, socket).await
    }
}

fn of_pem(pem: &[u8]) -> Result<RootCertStore, String> {
    // One damaged certificate is an error here, as the file was given on purpose.
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    Ok(roots)
}

fn of_system() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();

    // Skips certificates that this library does not understand.
    roots.add_parsable_certificates(found.certs);

    match (roots.is_empty(), found.errors.into_iter().next()) {
        (true, Some(error)) => Err(format!("could not load the system's certificates: {error}")),
        _ => Ok(roots),
    }
}
