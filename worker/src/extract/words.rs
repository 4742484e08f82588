//! Sizes and system errors for people.

use std::io;

/// `size` bytes in the largest binary unit that it fills, with at most one decimal: `512 MiB`, `1.5 GiB`, `17 bytes`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in UNITS {
        if bytes >> shift > 0 {
            let tenths = (bytes >> (shift - 10)) * 10 / 1024;
            return match tenths % 10 {
                0 => format!("{} {unit}", tenths / 10),
                tenth => format!("{}.{tenth} {unit}", tenths / 10),
            };
        }
    }
    if bytes == 1 { "1 byte".into() } else { format!("{bytes} bytes") }
}

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
    fn sizes_have_one_decimal_at_most() {
        let read = [0, 1, 17, 1024, 1536, 1 << 29, (1 << 30) + (1 << 29), u64::MAX].map(size);
        let expected = ["0 bytes", "1 byte", "17 bytes", "1 KiB", "1.5 KiB", "512 MiB", "1.5 GiB", "16777215.9 TiB"];
        assert_eq!(read, expected);
    }

    #[test]
    fn system_errors_are_clauses() {
        assert_eq!(system(&io::Error::from_raw_os_error(13)), "permission denied");
    }
}
