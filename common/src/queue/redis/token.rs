//! What a lease's token says: which entry, whose, and the how-manieth hold on it.

use std::fmt;
use std::str::FromStr;

use crate::queue::Lease;

/// The proof of a hold: the pending entry must still be this consumer's, with this count of holds.
///
/// Every hold on an entry has another count, a release included: it only ever grows. So no token is right twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub entry: String,
    pub holds: u64,
    pub consumer: String,
}

/// A token that this engine did not write; the lease that shows it is stale.
#[derive(Debug)]
pub struct ForeignToken;

impl Token {
    /// The token of a lease, if this engine wrote it.
    pub fn of(lease: &Lease) -> Option<Self> {
        lease.token.parse().ok()
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.entry, self.holds, self.consumer)
    }
}

impl FromStr for Token {
    type Err = ForeignToken;

    fn from_str(text: &str) -> Result<Self, ForeignToken> {
        let mut parts = text.splitn(3, ':');
        let (Some(entry), Some(holds), Some(consumer)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(ForeignToken);
        };
        // Anything else as an id would be an error of the command, not an answer.
        let numbers = entry.split_once('-').is_some_and(|(ms, seq)| [ms, seq].iter().all(|n| n.parse::<u64>().is_ok()));
        let holds = holds.parse().map_err(|_| ForeignToken)?;
        if !numbers {
            return Err(ForeignToken);
        }
        Ok(Token { entry: entry.into(), holds, consumer: consumer.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_and_its_consumer_may_hold_colons() {
        let token = Token { entry: "1700-0".into(), holds: 2, consumer: "host:17:a".into() };
        assert_eq!(token.to_string().parse::<Token>().unwrap(), token);
    }

    #[test]
    fn other_engines_tokens_are_foreign() {
        for text in ["", "7", "a-b:1:c", "1-2:x:c", "1:1:c", "1-1"] {
            assert!(text.parse::<Token>().is_err(), "{text}");
        }
    }
}
