//! The natural order of names: `file_2` before `file_10`.

use std::cmp::Ordering;

/// Compares names: runs of digits as numbers, everything else byte by byte.
///
/// A total order that depends on the bytes alone, not on a locale. Names of equal numbers (`7`,
/// `007`) are ordered by their bytes. Numbers may be of any length.
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let mut i = 0;
    let mut j = 0;
    while i < a.len() && j < b.len() {
        if a[i].is_ascii_digit() && b[j].is_ascii_digit() {
            let x = number(&a[i..]);
            let y = number(&b[j..]);

            // Without leading zeros the longer number is the larger.
            let order = x.digits.len().cmp(&y.digits.len()).then_with(|| x.digits.cmp(y.digits));
            if order.is_ne() {
                return order;
            }

            i += x.length;
            j += y.length;
        } else {
            if a[i] != b[j] {
                return a[i].cmp(&b[j]);
            }

            i += 1;
            j += 1;
        }
    }

    // One is a prefix of the other, or they are equal but for leading zeros.
    (a.len() - i).cmp(&(b.len() - j)).then_with(|| a.cmp(b))
}

struct Number<'a> {
    /// Without leading zeros; empty for zero.
    digits: &'a [u8],
    /// With leading zeros.
    length: usize,
}

/// The number at the start of `text`.
fn number(text: &[u8]) -> Number<'_> {
    let length = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let zeros = text[..length].iter().position(|byte| *byte != b'0').unwrap_or(length);
    Number { digits: &text[zeros..length], length }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(names: &[&str]) -> Vec<String> {
        let mut names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        names.sort_by(|a, b| compare(a.as_bytes(), b.as_bytes()));
        names
    }

    #[test]
    fn digits_count_as_numbers() {
        let expected = ["file_0", "file_1", "file_2", "file_10", "file_10a", "file_16", "file_100"];
        assert_eq!(
            sorted(&["file_10a", "file_100", "file_16", "file_2", "file_0", "file_10", "file_1"]),
            expected
        );
        assert_eq!(sorted(&["a10b2", "a10b10", "a2b3", "a"]), ["a", "a2b3", "a10b2", "a10b10"]);
        let (long, longer) = ("9".repeat(40), format!("1{}", "0".repeat(40)));
        assert_eq!(sorted(&[&longer, &long]), [long.as_str(), longer.as_str()]);
    }

    #[test]
    fn leading_zeros_break_ties_only() {
        assert_eq!(sorted(&["8", "7", "007", "07"]), ["007", "07", "7", "8"]);
        assert_eq!(sorted(&["a7z", "a07b"]), ["a07b", "a7z"]);
    }

    /// The order is total and consistent for all words of up to four letters of a nasty alphabet.
    #[test]
    fn the_order_is_total() {
        let alphabet = [b'0', b'1', b'9', b'/', b':', 0xff];
        let mut words: Vec<Vec<u8>> = vec![vec![]];
        let mut from = 0;
        for _ in 0..3 {
            let to = words.len();
            for at in from..to {
                for letter in alphabet {
                    words.push([words[at].as_slice(), &[letter]].concat());
                }
            }

            from = to;
        }

        for a in &words {
            for b in &words {
                assert_eq!(compare(a, b), compare(b, a).reverse(), "{a:?} {b:?}");
                assert_eq!(compare(a, b).is_eq(), a == b, "{a:?} {b:?}");
            }
        }

        // Transitive: in sorted order, every word is below every later one.
        words.sort_by(|a, b| compare(a, b));
        for (at, a) in words.iter().enumerate() {
            assert!(words[at + 1..].iter().all(|b| compare(a, b).is_lt()), "{a:?}");
        }
    }
}
