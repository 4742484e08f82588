//! The rules for the name of a sheet.

use super::UsageError;

/// The most UTF-16 code units in the name of a sheet.
const UNITS: usize = 31;
/// The characters that Excel forbids in the name of a sheet.
const FORBIDDEN: &str = "[]:*?/\\";

/// Checks a name by Excel's rules ("Rename a worksheet", support.microsoft.com) and one of ours:
/// `overflow` is the sheet of long cells. Excel ignores case when it compares names.
pub fn check(name: &str) -> Result<(), UsageError> {
    let lower = name.to_lowercase();
    let units = name.encode_utf16().count();

    let reason = if name.trim().is_empty() {
        "it is blank".into()
    } else if units > UNITS {
        format!("it has {units} characters, Excel allows {UNITS}")
    } else if let Some(c) = name.chars().find(|c| FORBIDDEN.contains(*c)) {
        format!("Excel does not allow `{c}` (nor any of `{FORBIDDEN}`)")
    } else if name.chars().any(char::is_control) {
        "it has a control character".into()
    } else if let Some(c) = name.chars().find(|c| is_noncharacter(*c)) {
        format!("U+{:04X} is no character", u32::from(c))
    } else if name.starts_with('\'') || name.ends_with('\'') {
        "Excel does not allow `'` at its ends".into()
    // For the sheet of tracked changes.
    } else if lower == "history" {
        "Excel keeps this name for itself".into()
    } else if is_overflow(&lower) {
        "long cells are carried on in a sheet of this name".into()
    } else {
        return Ok(());
    };

    Err(UsageError::SheetName { name: name.into(), reason })
}

/// Whether a code point is a noncharacter: XML cannot hold some of them, and no program shows any.
fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

/// Whether it is `overflow` or the name of a further such sheet, as `overflow 2`.
fn is_overflow(lower: &str) -> bool {
    lower.strip_prefix("overflow").is_some_and(|rest| {
        rest.is_empty()
            || rest
                .strip_prefix(' ')
                .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_excel_takes() {
        for name in [
            "rows",
            "지미 카터",
            "Bob's",
            "overflowing",
            "history 2",
            &"x".repeat(31),
            &"😀".repeat(15),
        ] {
            assert!(check(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn names_that_excel_refuses() {
        let cases = [
            ("", "blank"),
            ("   ", "blank"),
            ("a/b", "`/`"),
            ("a[1]", "`[`"),
            ("'a", "at its ends"),
            ("a'", "at its ends"),
            ("HISTORY", "keeps"),
            ("Overflow", "carried on"),
            ("overflow 2", "carried on"),
            ("a\tb", "control"),
            ("a\u{fffe}", "U+FFFE"),
            ("\u{ffff}b", "U+FFFF"),
            ("a\u{fdd0}b", "U+FDD0"),
            ("a\u{1fffe}b", "U+1FFFE"),
            (&"x".repeat(32), "32 characters"),
            (&"😀".repeat(16), "32 characters"),
        ];
        for (name, reason) in cases {
            let error = check(name).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
