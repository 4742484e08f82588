//! Reads the files of certificates that were typed, and checks that the options go together.

use std::path::Path;

use super::fault::unusable;
use super::settings::RedisSettings;
use super::tls::{Certificates, Tls};
use crate::queue::QueueError;

/// The encryption of connections; `None`: none.
pub fn tls(is_asked_for: bool, settings: &RedisSettings) -> Result<Option<Tls>, QueueError> {
    let client = match (&settings.cert, &settings.key) {
        (None, None) => None,
        (Some(cert), Some(key)) => Some((cert, key)),
        _ => {
            return Err(unusable(
                "a client's certificate needs its key, and the key its certificate".into(),
                "give both: `--tls-cert FILE --tls-key FILE`",
            ));
        }
    };

    let certificates = Certificates {
        authorities: settings
            .ca
            .as_deref()
            .map(|path| read_pem(path, "CERTIFICATE"))
            .transpose()?,
        client: match client {
            Some((cert, key)) => {
                Some((read_pem(cert, "CERTIFICATE")?, read_pem(key, "PRIVATE KEY")?))
            }
            None => None,
        },
    };

    if is_asked_for {
        return Tls::new(certificates).map(Some).map_err(|error| {
            unusable(format!("could not use the certificates: {error}"), "they must be PEM files")
        });
    }

    // A user who gives certificates expects an encrypted connection.
    if certificates.authorities.is_some() || certificates.client.is_some() {
        return Err(unusable(
            "certificates are of no use without TLS, and the URL asks for none".into(),
            "write `rediss://` instead of `redis://`",
        ));
    }
    Ok(None)
}

fn read_pem(path: &Path, kind: &str) -> Result<Vec<u8>, QueueError> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|error| {
        unusable(format!("could not read `{shown}`: {error}"), "check the path and its permissions")
    })?;

    // The TLS library would silently find no certificate in another kind of file.
    let text = String::from_utf8_lossy(&pem);
    if !text.lines().any(|line| line.starts_with("-----BEGIN") && line.contains(kind)) {
        let reason = format!("expected a PEM file with a {}, got `{shown}`", kind.to_lowercase());
        return Err(unusable(
            reason,
            "`openssl x509 -in FILE` turns a certificate into PEM, `openssl pkey` a key",
        ));
    }
    Ok(pem)
}
