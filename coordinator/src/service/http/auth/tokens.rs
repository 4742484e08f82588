//! The token file.
//!
//! ```text
//! # the night shift
//! full 3Hh0…
//! read Zk7w…
//! ```

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::Access;

/// The fewest characters of a token: those of 12 random bytes in base64.
pub const LEAST: usize = 16;
/// The most bytes of a token file: some thousand tokens.
const MOST_BYTES: u64 = 1 << 20;
/// The permissions that a token file must not give.
const OTHERS: u32 = 0o007;

/// The tokens of the service, as hashes: the tokens themselves are not kept.
pub struct Tokens {
    known: Vec<([u8; 32], Access)>,
}

/// Shows no token.
impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.known.len())
    }
}

/// Why a token file cannot be used. No text names a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("could not read the token file `{}`", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("others may read or change the token file `{}` (its mode is {mode:03o})", path.display())]
    Open { path: PathBuf, mode: u32 },
    #[error("the token file `{}` is larger than 1 MiB", .0.display())]
    TooLarge(PathBuf),
    #[error("line {0} of the token file: expected `full TOKEN` or `read TOKEN`")]
    Line(usize),
    #[error("line {0} of the token file: the token has fewer than {LEAST} characters")]
    Short(usize),
    #[error("line {0} of the token file: a token has visible ASCII characters only")]
    Characters(usize),
    #[error("there is no token in the token file")]
    Empty,
}

impl TokenError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            TokenError::Open { path, .. } => Some(format!("chmod o= '{}'", path.display())),
            TokenError::Line(_)
            | TokenError::Short(_)
            | TokenError::Characters(_)
            | TokenError::Empty => {
                Some("a new line for it: `echo \"full $(openssl rand -hex 16)\"`".into())
            }
            TokenError::Unreadable { .. } | TokenError::TooLarge(_) => None,
        }
    }
}

impl Tokens {
    /// Reads a token file.
    ///
    /// # Errors
    /// When it cannot be read, is open to others than its owner and group, or has a line that is
    /// no token.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let unreadable = |source| TokenError::Unreadable { path: path.into(), source };

        // The mode is that of the file that is read, whatever the name stands for by then.
        let file = File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
        if mode & OTHERS != 0 {
            return Err(TokenError::Open { path: path.into(), mode });
        }

        let mut text = String::new();
        file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > MOST_BYTES {
            return Err(TokenError::TooLarge(path.into()));
        }

        Tokens::parse(&text)
    }

    /// Reads the text of a token file.
    ///
    /// # Errors
    /// The first line that is no token; or there is none.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let mut known = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }

            let mut words = line.split_whitespace();
            let (access, token) = match (words.next(), words.next(), words.next()) {
                (Some("full"), Some(token), None) => (Access::Full, token),
                (Some("read"), Some(token), None) => (Access::Read, token),
                _ => return Err(TokenError::Line(number)),
            };
            if token.len() < LEAST {
                return Err(TokenError::Short(number));
            }
            if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(TokenError::Characters(number));
            }
            known.push((Sha256::digest(token).into(), access));
        }

        if known.is_empty() { Err(TokenError::Empty) } else { Ok(Tokens { known }) }
    }

    /// What a token allows; `None`: it is unknown. The time that this takes tells nothing about
    /// the tokens that are known: hashes are compared, and all of them.
    pub fn access(&self, token: &[u8]) -> Option<Access> {
        let hash: [u8; 32] = Sha256::digest(token).into();

        let mut found = 0u8;
        for (known, access) in &self.known {
            let is_same: Choice = known[..].ct_eq(&hash[..]);
            let worth = match access {
                Access::Read => 1,
                Access::Full => 2,
            };
            found.conditional_assign(&worth, is_same);
        }

        match found {
            0 => None,
            1 => Some(Access::Read),
            _ => Some(Access::Full),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_tokens() {
        let text = "# ours\n\n full  abcdefghijklmnop \nread 0123456789abcdef\n";
        let tokens = Tokens::parse(text).unwrap();
        assert_eq!(tokens.access(b"abcdefghijklmnop"), Some(Access::Full));
        assert_eq!(tokens.access(b"0123456789abcdef"), Some(Access::Read));
        for wrong in ["", "abcdefghijklmno", "abcdefghijklmnopq", "full", "# ours"] {
            assert_eq!(tokens.access(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(format!("{tokens:?}"), "Tokens(2)");
    }

    #[test]
    fn lines_that_are_no_tokens_are_refused() {
        let cases = [
            ("full short", "line 1 of the token file: the token has fewer than 16 characters"),
            ("\nadmin abcdefghijklmnop", "line 2 of the token file: expected"),
            ("abcdefghijklmnop", "line 1 of the token file: expected"),
            ("full abcdefghijklmnop more", "line 1 of the token file: expected"),
            ("full abcdefghijklmnöp", "visible ASCII"),
            ("# none", "there is no token"),
        ];
        for (text, expected) in cases {
            let error = Tokens::parse(text).unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn a_file_open_to_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        std::fs::write(&path, "full abcdefghijklmnop\n").unwrap();
        let mode = |mode| {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            Tokens::read(&path)
        };

        assert!(mode(0o600).is_ok() && mode(0o640).is_ok());
        for open in [0o644, 0o602, 0o777] {
            let error = mode(open).unwrap_err();
            assert!(error.to_string().contains(&format!("{open:o}")), "{error}");
            assert!(error.hint().unwrap().starts_with("chmod o= '/"));
        }
        assert!(matches!(
            Tokens::read(&folder.path().join("absent")),
            Err(TokenError::Unreadable { .. })
        ));
    }
}
