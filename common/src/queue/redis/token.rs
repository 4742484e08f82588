//! The token of a lease: it says which entry of which stream is held, by which hold, and whether the
//! task's body stands apart.

use std::fmt;
use std::str::FromStr;

use crate::queue::Lease;

/// Stands in front of a token when the task's body is a blob.
const APART: char = '+';
/// Stands in front of a token when the entry is on the stream of the holder alone.
const OWN: char = '@';

/// The proof of a hold: the task's state must still be this very hold.
///
/// A hold is the server's clock in microseconds when a lease was given, and the worker: a worker
/// leases once in a microsecond at most, so no hold is right twice, even after the server has lost
/// everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub entry: String,
    pub hold: String,
    pub apart: bool,
    /// Whether the entry is on the stream of this worker alone.
    pub own: bool,
}

/// A token that this engine did not write; the lease that shows it is stale.
#[derive(Debug)]
pub struct ForeignToken;

impl Token {
    /// The token of a lease, if this engine wrote it.
    pub fn of(lease: &Lease) -> Option<Self> {
        lease.token.parse().ok()
    }

    /// The worker that holds.
    pub fn consumer(&self) -> &str {
        self.hold.split_once(':').map_or("", |(_, consumer)| consumer)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.apart {
            write!(f, "{APART}")?;
        }
        if self.own {
            write!(f, "{OWN}")?;
        }
        write!(f, "{}:{}", self.entry, self.hold)
    }
}

impl FromStr for Token {
    type Err = ForeignToken;

    fn from_str(text: &str) -> Result<Self, ForeignToken> {
        let (text, apart) = text.strip_prefix(APART).map_or((text, false), |rest| (rest, true));
        let (text, own) = text.strip_prefix(OWN).map_or((text, false), |rest| (rest, true));
        let (entry, hold) = text.split_once(':').ok_or(ForeignToken)?;

        let is_number = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok()
        };

        // Anything else as an id would be an error of the command, not an answer.
        let is_entry =
            entry.split_once('-').is_some_and(|(ms, number)| is_number(ms) && is_number(number));
        let is_hold = hold.split_once(':').is_some_and(|(us, _)| is_number(us));

        if is_entry && is_hold {
            Ok(Token { entry: entry.into(), hold: hold.into(), apart, own })
        } else {
            Err(ForeignToken)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_whose_consumer_has_colons_reads_back() {
        for (apart, own) in [(false, false), (true, false), (false, true), (true, true)] {
            let token =
                Token { entry: "1700-0".into(), hold: "1700000:host:17:a".into(), apart, own };
            assert_eq!(token.to_string().parse::<Token>().unwrap(), token);
            assert_eq!(token.consumer(), "host:17:a");
        }
    }

    #[test]
    fn other_engines_tokens_are_foreign() {
        for text in ["", "7", "a-b:1:c", "1-2:x:c", "1:1:c", "1-1", "+", "+1-1:1", "@+1-1:1:c"] {
            assert!(text.parse::<Token>().is_err(), "{text}");
        }
    }
}
