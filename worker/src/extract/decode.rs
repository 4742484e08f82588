//! Finds the encoding of bytes, and decodes them.
//!
//! A byte order mark always decides. Next comes the encoding that the user named. Without either:
//! the declaration in the document ([`meta`]), UTF-16 with a readable tag, UTF-8 if the bytes fit,
//! and finally a guess.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{DecoderResult, Encoding, REPLACEMENT, UTF_8};
use sheaf_common::job;

use super::meta;
use super::setup::SetupError;
use super::sniff;

/// The number of bytes that a guess considers, from shortly before the first that is not ASCII:
/// 1 MiB.
const GUESSED: usize = 1 << 20;
/// Text with at most one bad sequence for this many good ones is damaged UTF-8. Other encodings
/// match UTF-8's pattern only by chance.
const DAMAGED: u64 = 20;

/// The text of a file.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// Borrowed if the bytes are valid UTF-8.
    pub text: Cow<'a, str>,
    pub encoding: &'static Encoding,
    /// How the encoding was found.
    pub by: FoundBy,
    /// The number of U+FFFD that replace bytes which are invalid in the encoding.
    pub replaced: u64,
}

/// How the encoding of a text was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// A byte order mark, or a tag that is readable as UTF-16.
    Bytes,
    /// The user named it.
    Named,
    /// The document declares it.
    Declared,
    /// The bytes are UTF-8, perhaps damaged.
    Utf8,
    /// A guess by the detector.
    Guess,
}

/// The encoding that a job names; `None` if it names none.
///
/// # Errors
/// [`SetupError::Encoding`], for a name that the Encoding Standard lacks.
pub(super) fn named(choice: &job::Encoding) -> Result<Option<&'static Encoding>, SetupError> {
    let job::Encoding::Named(label) = choice else { return Ok(None) };
    let found = Encoding::for_label(label.as_bytes()).filter(|&encoding| encoding != REPLACEMENT);
    found
        .map(Some)
        .ok_or_else(|| SetupError::Encoding { label: label.clone(), hint: similar(label) })
}

/// A hint with the label that the user probably meant. Python's names differ from the standard's in
/// underscores and code pages.
fn similar(label: &str) -> String {
    let plain = label.trim().to_ascii_lowercase().replace('_', "-");
    let meant = match plain.as_str() {
        "cp949" | "uhc" | "ms949" | "johab" => "euc-kr",
        "cp932" | "mskanji" | "shift-jisx0213" | "shift-jis-2004" => "shift_jis",
        "euc-jis-2004" | "euc-jisx0213" => "euc-jp",
        "cp936" | "ms936" => "gbk",
        "cp950" | "ms950" => "big5",
        "utf-8-sig" | "utf8-sig" => "utf-8",
        "utf16" | "utf-16-le" => "utf-16le",
        "utf-16-be" => "utf-16be",
        other => Encoding::for_label(other.as_bytes())
            .filter(|&found| found != REPLACEMENT)
            .map_or("", |_| other),
    };

    match meant {
        "" => {
            "known are the names used on the web, such as `utf-8`, `euc-kr`, `shift_jis`, `gbk`, \
             `big5`, `windows-1251`"
                .into()
        }
        meant => format!("did you mean `{meant}`?"),
    }
}

/// Decodes a file's bytes. `encoding` is the one that the user named; `None`: to be detected.
pub fn decode<'a>(bytes: &'a [u8], encoding: Option<&'static Encoding>) -> Decoded<'a> {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        return decode_as(&bytes[length..], encoding, FoundBy::Bytes);
    }
    if let Some(encoding) = encoding {
        return decode_as(bytes, encoding, FoundBy::Named);
    }
    // Believed even if the bytes are valid UTF-8: a note then reports the contradiction.
    if let Some(encoding) = meta::declared(bytes) {
        return decode_as(bytes, encoding, FoundBy::Declared);
    }
    if let Some(encoding) = sniff::wide(bytes) {
        return decode_as(bytes, encoding, FoundBy::Bytes);
    }

    match std::str::from_utf8(bytes) {
        Ok(text) => {
            Decoded { text: Cow::Borrowed(text), encoding: UTF_8, by: FoundBy::Utf8, replaced: 0 }
        }
        // A few bad bytes must not turn UTF-8 into a guess.
        Err(_) if is_damaged_utf8(bytes) => decode_as(bytes, UTF_8, FoundBy::Utf8),
        Err(error) => decode_as(bytes, guess(bytes, error.valid_up_to()), FoundBy::Guess),
    }
}

/// Guesses the encoding of bytes that are not UTF-8. The first invalid byte is at `bad`.
fn guess(bytes: &[u8], bad: usize) -> &'static Encoding {
    let first = bytes[..bad].iter().position(|&byte| byte >= 0x80).unwrap_or(bad);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);

    // A little context before that byte helps to tell single-byte encodings apart.
    let begin = first.saturating_sub(64);
    detector.feed(&bytes[begin..bytes.len().min(begin + GUESSED)], true);
    detector.guess(None, Utf8Detection::Deny)
}

/// Whether bytes are UTF-8 but for a few sequences: see [`DAMAGED`].
fn is_damaged_utf8(bytes: &[u8]) -> bool {
    let mut good = 0u64;
    let mut bad = 0u64;
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().bytes().filter(|&byte| byte >= 0xc0).count() as u64;
        bad += u64::from(!chunk.invalid().is_empty());
    }

    good > 0 && bad * DAMAGED <= good
}

fn decode_as<'a>(bytes: &'a [u8], encoding: &'static Encoding, by: FoundBy) -> Decoded<'a> {
    if encoding == UTF_8
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Decoded { text: Cow::Borrowed(text), encoding, by, replaced: 0 };
    }

    // Not the decoder's own replacement, which does not count the replaced sequences.
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let room = decoder
        .max_utf8_buffer_length_without_replacement(bytes.len().min(1 << 16))
        .unwrap_or(1 << 18);
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 2);
    let mut rest = bytes;
    let mut replaced = 0;

    loop {
        let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut text, true);
        rest = &rest[read..];

        match result {
            DecoderResult::InputEmpty => break,
            // Grow by half at least, so that a long text is copied only a few times.
            DecoderResult::OutputFull => text.reserve(room.max(text.len() / 2)),
            DecoderResult::Malformed(_, _) => {
                text.push(char::REPLACEMENT_CHARACTER);
                replaced += 1;
            }
        }
    }

    Decoded { text: Cow::Owned(text), encoding, by, replaced }
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{
        BIG5, EUC_JP, EUC_KR, GBK, KOI8_R, SHIFT_JIS, UTF_16BE, UTF_16LE, WINDOWS_1251,
    };

    const KOREAN: &str = "<doc>대한민국은 동아시아의 한반도 군사 분계선 남부에 위치한 나라이다. 수도는 서울이다.</doc>";
    const JAPANESE: &str =
        "<doc>日本国は、東アジアに位置し、日本列島および周辺の島々からなる国である。</doc>";
    const CHINESE: &str =
        "<doc>中华人民共和国位于亚洲东部，太平洋西岸，首都为北京，是世界上人口众多的国家。</doc>";
    const TAIWAN: &str =
        "<doc>臺灣位於亞洲東部，太平洋西北側，是一個島嶼，首都設於臺北市，人口眾多。</doc>";
    const RUSSIAN: &str =
        "<doc>Россия — государство в Восточной Европе и Северной Азии, столица — Москва.</doc>";

    fn found(bytes: &[u8], text: &str) -> &'static str {
        let decoded = decode(bytes, None);
        assert_eq!(decoded.text, text, "{}", decoded.encoding.name());
        assert_eq!(decoded.replaced, 0);
        decoded.encoding.name()
    }

    #[test]
    fn encodings_are_guessed() {
        for (encoding, text) in [
            (EUC_KR, KOREAN),
            (SHIFT_JIS, JAPANESE),
            (EUC_JP, JAPANESE),
            (GBK, CHINESE),
            (BIG5, TAIWAN),
            (WINDOWS_1251, RUSSIAN),
        ] {
            assert_eq!(found(&encoding.encode(text).0, text), encoding.name());
        }

        let text = RUSSIAN.replace('—', "-");
        assert!(found(&KOI8_R.encode(&text).0, &text).starts_with("KOI8"));
    }

    #[test]
    fn utf8_is_borrowed_and_needs_no_declaration() {
        let decoded = decode(KOREAN.as_bytes(), None);
        assert!(matches!(decoded.text, Cow::Borrowed(_)));
        assert_eq!(decoded.encoding, UTF_8);
    }

    #[test]
    fn a_mark_decides_over_everything() {
        let marked = [b"\xef\xbb\xbf", KOREAN.as_bytes()].concat();
        assert!(matches!(decode(&marked, Some(EUC_KR)).text, Cow::Borrowed(KOREAN)));

        for encoding in [UTF_16LE, UTF_16BE] {
            let bytes = |unit: u16| {
                if encoding == UTF_16LE { unit.to_le_bytes() } else { unit.to_be_bytes() }
            };

            let wide: Vec<u8> =
                format!("\u{feff}{KOREAN}").encode_utf16().flat_map(bytes).collect();
            assert_eq!(found(&wide, KOREAN), encoding.name());
            assert_eq!(found(&wide[2..], KOREAN), encoding.name());
        }
    }

    #[test]
    fn a_named_encoding_goes_before_a_declared_one() {
        let text = format!("<meta charset=utf-8>{JAPANESE}");
        let bytes = SHIFT_JIS.encode(&text).0;
        assert_eq!(decode(&bytes, Some(SHIFT_JIS)).text, text);
        assert!(decode(&bytes, None).replaced > 0);

        let text = format!("<meta charset=x-sjis>{RUSSIAN}").replace('—', "-");
        assert_eq!(found(&SHIFT_JIS.encode(&text).0, &text), "Shift_JIS");
    }

    #[test]
    fn damaged_utf8_stays_utf8_and_is_counted() {
        let mut bytes = KOREAN.as_bytes().to_vec();
        bytes.truncate(bytes.len() - "다. 수도는 서울이다.</doc>".len() + 1);

        let decoded = decode(&bytes, None);
        assert_eq!((decoded.encoding, decoded.replaced), (UTF_8, 1));
        assert!(decoded.text.ends_with('\u{fffd}'));
    }

    #[test]
    fn labels_are_the_webs() {
        let named = |label: &str| named(&job::Encoding::Named(label.into()));
        assert_eq!(named("EUC-KR").unwrap(), Some(EUC_KR));

        let hint = |label| named(label).unwrap_err().hint().unwrap();
        assert_eq!(hint("cp949"), "did you mean `euc-kr`?");
        assert_eq!(hint("euc_kr"), "did you mean `euc-kr`?");

        assert!(hint("klingon").contains("`windows-1251`"));
        assert!(named("hz-gb-2312").is_err());
        assert_eq!(super::named(&job::Encoding::Auto), Ok(None));
    }
}
