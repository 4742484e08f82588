//! The token of a lease: its entry, its stream, its lease id, and whether the task's body is a
//! blob.

use std::fmt;
use std::str::FromStr;

use crate::queue::Lease;

/// Stands in front of a token when the task's body is a blob.
const BLOB: char = '+';
/// Stands in front of a token when the task is addressed to the holder.
const ADDRESSED: char = '@';

/// The proof of a lease: the state of the task must still name this very lease id.
///
/// A lease id, `US:WORKER`, is the server's clock in microseconds when the lease was given, and the
/// worker. A worker leases at most once in a microsecond, so no lease id is valid twice, even after
/// the server has lost everything. The leases of one call share theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub entry: String,
    pub lease_id: String,
    /// Whether the task's body is a blob.
    pub is_blob: bool,
    /// Whether the entry is on the stream of the tasks that are addressed to this worker.
    pub is_addressed: bool,
}

/// A token that this engine did not write; the lease that shows it is stale.
#[derive(Debug)]
pub struct ForeignToken;

impl Token {
    /// The token of a lease, if this engine wrote it.
    pub fn of(lease: &Lease) -> Option<Self> {
        lease.token.parse().ok()
    }

    /// The worker that holds the lease.
    pub fn consumer(&self) -> &str {
        self.lease_id.split_once(':').map_or("", |(_, consumer)| consumer)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_blob {
            write!(f, "{BLOB}")?;
        }
        if self.is_addressed {
            write!(f, "{ADDRESSED}")?;
        }
        write!(f, "{}:{}", self.entry, self.lease_id)
    }
}

impl FromStr for Token {
    type Err = ForeignToken;

    fn from_str(text: &str) -> Result<Self, ForeignToken> {
        let (text, is_blob) = text.strip_prefix(BLOB).map_or((text, false), |rest| (rest, true));
        let (text, is_addressed) =
            text.strip_prefix(ADDRESSED).map_or((text, false), |rest| (rest, true));
        let (entry, lease_id) = text.split_once(':').ok_or(ForeignToken)?;

        let is_number = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok()
        };

        // Redis answers any other id with an error, and the whole call would fail.
        let is_entry =
            entry.split_once('-').is_some_and(|(ms, number)| is_number(ms) && is_number(number));
        let is_lease_id = lease_id.split_once(':').is_some_and(|(us, _)| is_number(us));

        if is_entry && is_lease_id {
            Ok(Token { entry: entry.into(), lease_id: lease_id.into(), is_blob, is_addressed })
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
        for (is_blob, is_addressed) in [(false, false), (true, false), (false, true), (true, true)]
        {
            let token = Token {
                entry: "1700-0".into(),
                lease_id: "1700000:host:17:a".into(),
                is_blob,
                is_addressed,
            };
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
