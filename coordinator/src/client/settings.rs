//! Where the service is, and how the client shows who it is.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use super::address;
use super::http::Server;
use crate::errors::{Exit, Failure};

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the service may say nothing, or take nothing. It sends a sign of life more often.
pub const SILENCE: Duration = Duration::from_secs(90);

/// The service that a command talks to.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Its address, as it was typed.
    pub url: String,
    /// A PEM file with the authorities to trust, instead of those of the system.
    pub ca: Option<PathBuf>,
    /// The token. Never shown.
    pub token: Option<OsString>,
    /// A file that holds the token.
    pub token_file: Option<PathBuf>,
}

/// Why a service cannot be asked at all. Exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("cannot use the address `{url}` of the service: {reason}")]
    Address { url: String, reason: String },
    #[error("cannot use the token: expected visible ASCII characters")]
    Token,
    #[error("could not read the token in `{}`", path.display())]
    TokenFile { path: PathBuf, source: io::Error },
    #[error("could not read the certificates in `{}`", path.display())]
    CaFile { path: PathBuf, source: io::Error },
    #[error("there is no certificate in `{}`: expected a PEM file", .0.display())]
    NoCertificate(PathBuf),
    #[error("this system has no certificates to trust")]
    NoSystemCertificates,
    #[error("a certificate is of no use without TLS, and {0} asks for none")]
    NoTls(String),
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Failure {
        let hint = match &error {
            SettingsError::NoSystemCertificates => Some("name some: `--ca FILE`"),
            SettingsError::NoTls(_) => Some("write `https://` instead of `http://`"),
            _ => None,
        };

        let failure = Failure::new(Exit::Usage, error);
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

impl ServerSettings {
    /// A client for the service. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address, the token or the certificates cannot be used.
    pub fn server(&self) -> Result<Server, SettingsError> {
        let address = |reason| SettingsError::Address { url: self.url.clone(), reason };
        let base = address::base(&self.url).map_err(address)?;
        let is_tls = base.starts_with("https://");
        if !is_tls && self.ca.is_some() {
            return Err(SettingsError::NoTls(base));
        }

        let mut config = ureq::Agent::config_builder()
            .user_agent(concat!("sheaf/", env!("CARGO_PKG_VERSION")))
            // The service never redirects; a token must not follow anybody elsewhere.
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE))
            // While many requests wait for the same service, none need wait for a connection.
            .max_idle_connections_per_host(4);

        // A proxy cannot reach the loopback of this machine.
        if address::is_loopback(&base) {
            config = config.proxy(None);
        }
        if is_tls {
            config = config.tls_config(self.tls()?);
        }

        let bearer = self.bearer()?;
        Ok(Server::new(ureq::Agent::new_with_config(config.build()), base, bearer))
    }

    fn bearer(&self) -> Result<Option<String>, SettingsError> {
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => token.to_str().ok_or(SettingsError::Token)?.to_string(),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| SettingsError::TokenFile { path: path.clone(), source })?;
                in_file(&text).into()
            }
            (None, None) => return Ok(None),
        };

        let token = token.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SettingsError::Token);
        }

        Ok(Some(format!("Bearer {token}")))
    }

    fn tls(&self) -> Result<TlsConfig, SettingsError> {
        let roots = match &self.ca {
            Some(path) => of_file(path)?,
            None => of_system()?,
        };

        Ok(TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build())
    }
}

/// The token in a file: alone, or in the form of the service's own file, whose variable has the same
/// name. Of several, the first that may change things.
fn in_file(text: &str) -> &str {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut tokens = lines().filter(|line| !line.starts_with('#'));
    let full = tokens.clone().find_map(|line| line.strip_prefix("full "));
    let token = full.or_else(|| tokens.next()).unwrap_or_default();

    token.strip_prefix("read ").unwrap_or(token).trim()
}

fn of_file(path: &Path) -> Result<Vec<Certificate<'static>>, SettingsError> {
    let pem = std::fs::read(path)
        .map_err(|source| SettingsError::CaFile { path: path.into(), source })?;

    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();

    match certificates.is_empty() {
        true => Err(SettingsError::NoCertificate(path.into())),
        false => Ok(certificates),
    }
}

fn of_system() -> Result<Vec<Certificate<'static>>, SettingsError> {
    // Some of the system's certificates may be broken: the others are used.
    let found = rustls_native_certs::load_native_certs().certs;
    let found: Vec<_> =
        found.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();

    if found.is_empty() { Err(SettingsError::NoSystemCertificates) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> ServerSettings {
        ServerSettings { url: url.into(), ca: None, token: None, token_file: None }
    }

    #[test]
    fn a_token_comes_from_the_variable_or_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "from-file\n").unwrap();

        let with = |token: Option<&str>, file: Option<PathBuf>| ServerSettings {
            token: token.map(Into::into),
            token_file: file,
            ..settings("http://a")
        };

        let bearer = |settings: ServerSettings| settings.bearer();
        assert_eq!(bearer(with(None, None)).unwrap(), None);
        assert_eq!(bearer(with(None, Some(file.clone()))).unwrap().unwrap(), "Bearer from-file");
        assert_eq!(bearer(with(Some("typed"), Some(file))).unwrap().unwrap(), "Bearer typed");

        // A line end in a header would begin another one.
        assert!(matches!(bearer(with(Some("a\nb"), None)), Err(SettingsError::Token)));
        assert!(bearer(with(None, Some(folder.path().join("absent")))).is_err());
    }

    #[test]
    fn the_file_of_the_service_has_tokens_too() {
        assert_eq!(in_file("# ours\n\nread a\nfull b\nfull c\n"), "b");
        assert_eq!(in_file("read a\nread b"), "a");
        assert_eq!([in_file("alone\n"), in_file("# none\n")], ["alone", ""]);
    }

    #[test]
    fn certificates_need_tls_and_must_be_some() {
        let ca = |url: &str, path: &Path| {
            ServerSettings { ca: Some(path.into()), ..settings(url) }.server().err()
        };
        let file = tempfile::NamedTempFile::new().unwrap();

        assert!(matches!(ca("http://a", file.path()), Some(SettingsError::NoTls(_))));
        assert!(matches!(ca("https://a", file.path()), Some(SettingsError::NoCertificate(_))));
        assert!(matches!(
            ca("https://a", Path::new("/absent")),
            Some(SettingsError::CaFile { .. })
        ));
    }
}
