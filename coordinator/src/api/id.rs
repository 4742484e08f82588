//! How jobs are named, and how users point at them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The longest id, in bytes.
const LONGEST: usize = 128;

/// The name of a job: a number that the service counts, or the caller's own.
///
/// 1 to 128 of `A-Z a-z 0-9 . _ : @ + -`, not beginning with `.` or `-`, and not `last`. So it never
/// is a path, an option, or a word with a meaning of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(String);

/// A text that is not a [`JobId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot be the id of a job: expected 1 to 128 letters, digits or `._:@+-`, not beginning \
     with `.` or `-`, and not `last`"
)]
pub struct BadId(String);

/// The pattern of an id for other programs; `last` is excluded beside it.
const PATTERN: &str = "^[A-Za-z0-9_:@+][A-Za-z0-9._:@+-]{0,127}$";

impl JobId {
    /// The id of a number.
    pub fn of_number(number: u64) -> Self {
        JobId(number.to_string())
    }

    /// The number that it is; `None`: it is another text.
    pub fn number(&self) -> Option<u64> {
        // Without signs and leading zeros: `007` is not 7.
        self.0.parse().ok().filter(|number: &u64| number.to_string() == self.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for JobId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:@+-".contains(&byte);
        let is_id = !text.is_empty()
            && text.len() <= LONGEST
            && text.bytes().all(is_allowed)
            && !text.starts_with(['.', '-'])
            && text != "last";

        if is_id { Ok(JobId(text.into())) } else { Err(BadId(text.into())) }
    }
}

impl TryFrom<String> for JobId {
    type Error = BadId;

    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> String {
        id.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialSchema for JobId {
    fn schema() -> RefOr<Schema> {
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(PATTERN))
            .description(Some("The name of a job: a number, or the caller's own; not `last`"));
        schema.into()
    }
}

impl ToSchema for JobId {}

/// How a user points at jobs: `last`, an id, a unique beginning of one, or a range of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The job that was submitted last.
    Last,
    /// An id, or a beginning that only one id has. An id that is equal wins, even over a range.
    Named { text: String, range: Option<(u64, u64)> },
}

impl Selector {
    /// The selector that a text means. Any text means one, though maybe no job.
    pub fn of(text: &str) -> Self {
        if text == "last" {
            return Selector::Last;
        }

        let number = |digits: &str| {
            let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<u64>().ok().filter(|_| is_plain)
        };
        let range = text
            .split_once('-')
            .and_then(|(first, last)| Some((number(first)?, number(last)?)))
            .filter(|(first, last)| first <= last);

        Selector::Named { text: text.into(), range }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_never_a_path_or_option() {
        for good in ["1", "nightly-2026-11-29", "a.b_c:d@e+f", &"x".repeat(128)] {
            assert!(good.parse::<JobId>().is_ok(), "{good}");
        }
        for bad in ["", "..", ".a", "-a", "a/b", "a b", "last", "é", "a\n", &"x".repeat(129)] {
            assert!(bad.parse::<JobId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_plain_numbers_count_as_numbers() {
        let number = |text: &str| text.parse::<JobId>().unwrap().number();

        assert_eq!(number("12"), Some(12));
        assert_eq!([number("007"), number("+7"), number("a7")], [None; 3]);
    }

    #[test]
    fn a_range_has_two_numbers() {
        let range = |text: &str| match Selector::of(text) {
            Selector::Named { range, .. } => range,
            Selector::Last => None,
        };

        assert_eq!(range("4-9"), Some((4, 9)));
        assert_eq!(["9-4", "4", "4-", "2026-11-29", "a-9"].map(range), [None; 5]);
        assert_eq!(Selector::of("last"), Selector::Last);
    }
}
