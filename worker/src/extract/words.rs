//! System errors in words for people.

use std::io;

/// A system error as a clause: lowercase, without its number.
pub(super) fn system(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();

    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => "unknown error".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_are_clauses() {
        assert_eq!(system(&io::Error::from_raw_os_error(13)), "permission denied");
    }
}
