//! Reads the answers of servers. `None` everywhere: the answer has another shape.

use redis::Value;

use super::fault::unexpected;
use crate::queue::QueueError;

/// The items of a list.
pub fn list(value: &Value) -> Option<&[Value]> {
    if let Value::Array(items) = value { Some(items) } else { None }
}

/// The items of a list that has exactly `N`.
pub fn items<const N: usize>(value: &Value) -> Option<&[Value; N]> {
    list(value)?.try_into().ok()
}

pub fn bytes(value: &Value) -> Option<&[u8]> {
    if let Value::BulkString(bytes) = value { Some(bytes) } else { None }
}

/// A text; `None` also for bytes that are not UTF-8.
pub fn text(value: &Value) -> Option<&str> {
    std::str::from_utf8(bytes(value)?).ok()
}

pub fn number(value: &Value) -> Option<i64> {
    if let Value::Int(number) = value { Some(*number) } else { None }
}

/// A number that is not negative.
pub fn count(value: &Value) -> Option<u64> {
    u64::try_from(number(value)?).ok()
}

/// The number that `operation` answers with.
///
/// # Errors
/// [`unexpected`] for anything else.
pub fn expect_count(operation: &str, answer: &Value) -> Result<u64, QueueError> {
    count(answer).ok_or_else(|| unexpected(operation, answer))
}

/// The 1 or 0 that `operation` answers with.
///
/// # Errors
/// [`unexpected`] for anything else.
pub fn expect_flag(operation: &str, answer: &Value) -> Result<bool, QueueError> {
    flag(answer).ok_or_else(|| unexpected(operation, answer))
}

/// The 1s and 0s that `operation` answers with, one for each of `count`.
///
/// # Errors
/// [`unexpected`] for anything else.
pub fn expect_flags(
    operation: &str,
    answer: &Value,
    count: usize,
) -> Result<Vec<bool>, QueueError> {
    let flags: Option<Vec<bool>> = list(answer).and_then(|flags| flags.iter().map(flag).collect());

    flags.filter(|flags| flags.len() == count).ok_or_else(|| unexpected(operation, answer))
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Int(0) => Some(false),
        Value::Int(1) => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_promised_is_read() {
        let list = |items| Value::Array(items);
        let flags = list(vec![Value::Int(1), Value::Int(0)]);
        assert_eq!(expect_flags("x", &flags, 2), Ok(vec![true, false]));
        assert!(expect_flags("x", &flags, 3).is_err());
        assert!(expect_flags("x", &list(vec![Value::Int(2)]), 1).is_err());
        assert!(expect_flag("x", &Value::Nil).is_err());

        assert!(expect_count("x", &Value::Int(-1)).is_err());
        assert_eq!(text(&Value::BulkString(vec![0xff])), None);
        assert!(items::<2>(&flags).is_some() && items::<1>(&flags).is_none());
    }
}
