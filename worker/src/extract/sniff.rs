//! Refuses bytes that are not text.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use sheaf_common::problem::FileProblem;

use super::foreign;

/// The number of bytes to search for control characters, from the beginning: 32 KiB.
const SAMPLE: usize = 32 << 10;
/// This many control characters are always allowed: a text with a few NULs is still text.
const FEW: usize = 16;
/// More than one control character in this many bytes is not text. Random bytes have one in 9.
const SPARSE: usize = 20;

/// First bytes that occur in no text, and the format that they show.
const MAGICS: &[(&[u8], &str)] = &[
    (b"%PDF-", "a PDF"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"\x7fELF", "a program (ELF)"),
    (b"\xca\xfe\xba\xbe", "a program (Java class or Mach-O)"),
    (b"\xcf\xfa\xed\xfe", "a program (Mach-O)"),
    (b"\0asm", "a program (WebAssembly)"),
    (b"\x1f\x8b", "gzip data (it is read through if its name ends in `.gz`)"),
    (b"BZh91AY&SY", "bzip2 data (it is read through if its name ends in `.bz2`)"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"\xfd7zXZ\0", "xz data (it is read through if its name ends in `.xz`)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"Obj\x01", "Avro data"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"ARROW1\0\0", "an Arrow (Feather) file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"AT&TFORM", "a DjVu document"),
    (b"\x04\x22\x4d\x18", "lz4 data"),
    (b"\x1f\x9d", "data packed by `compress` (.Z)"),
    (b"LZIP\x01", "lzip data"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document (.doc, .xls, .ppt)"),
    (b"OggS\0", "Ogg audio or video"),
    (b"fLaC\0", "FLAC audio"),
    (b"\x1a\x45\xdf\xa3", "Matroska video"),
    (b"wOFF\0", "a font"),
    (b"wOF2\0", "a font"),
    (b"\0\x01\0\0\0", "a font"),
    (b"OTTO\0", "a font"),
];

/// Refuses bytes that are not text. `encoding` is the one that the user named, if any.
///
/// # Errors
/// [`FileProblem::Foreign`], if their format is known; [`FileProblem::NotText`]; those of
/// [`foreign::refuse`].
pub(super) fn refuse(bytes: &[u8], encoding: Option<&'static Encoding>) -> Result<(), FileProblem> {
    if let Some(format) = known(bytes) {
        return Err(FileProblem::Foreign { format, is_text: false });
    }
    foreign::refuse(bytes)?;

    // UTF-16 is full of NULs, so counting control characters shows nothing.
    let wide = Encoding::for_bom(bytes).is_some() || wide(bytes).is_some();
    if wide || encoding.is_some_and(|encoding| encoding == UTF_16LE || encoding == UTF_16BE) {
        return Ok(());
    }

    let sample = &bytes[..bytes.len().min(SAMPLE)];
    let controls = sample.iter().filter(|&&byte| is_control(byte)).count();
    if controls > FEW && controls * SPARSE > sample.len() {
        let controls = (controls * 100 / sample.len()) as u64;
        return Err(FileProblem::NotText { controls });
    }

    Ok(())
}

/// The name of a known binary format, if the bytes have it.
pub(super) fn known(bytes: &[u8]) -> Option<String> {
    let at = |offset: usize, magic: &[u8]| {
        bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    };

    if at(0, b"PK\x03\x04") {
        return Some(zip(bytes).into());
    }

    if at(0, b"RIFF") && bytes.len() >= 12 {
        return match &bytes[8..12] {
            b"WEBP" => Some("a WebP image".into()),
            b"WAVE" => Some("WAV audio".into()),
            b"AVI " => Some("AVI video".into()),
            _ => bytes[4..8].iter().any(|&byte| is_control(byte)).then(|| "a RIFF file".into()),
        };
    }

    if at(4, b"ftyp") && at(0, b"\0\0") {
        return Some("MP4 video or a HEIF image".into());
    }
    if at(0, b"ID3") && bytes.get(3).is_some_and(|&version| version < 0x20) {
        return Some("MP3 audio".into());
    }
    if at(0, b"PAR1")
        && (bytes.ends_with(b"PAR1") || bytes.get(4).is_some_and(|&byte| is_control(byte)))
    {
        return Some("a Parquet file".into());
    }

    // The last byte is the length of the postscript, which ends in the same letters.
    if at(0, b"ORC") && bytes.len() > 7 && at(bytes.len() - 4, b"ORC") {
        return Some("an ORC file".into());
    }

    if at(257, b"ustar") {
        return Some("a tar archive".into());
    }
    // A text may begin with these letters, too, but not go on with zeros.
    if at(0, b"MZ") && bytes.iter().take(64).filter(|&&byte| byte == 0).count() > FEW {
        return Some("a Windows program".into());
    }

    MAGICS.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, what)| (*what).into())
}

/// The encoding of bytes that begin with an ASCII `<` in UTF-16, without a byte order mark.
pub(super) fn wide(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [b'<', 0, 0x20..=0x7e, 0, ..] => Some(UTF_16LE),
        [0, b'<', 0, 0x20..=0x7e, ..] => Some(UTF_16BE),
        _ => None,
    }
}

/// Whether this byte occurs in no text, in any encoding of the web. ESC does, in ISO-2022-JP.
fn is_control(byte: u8) -> bool {
    matches!(byte, 0x00..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f)
}

/// The kind of document in a zip archive, by the names near its beginning and its end.
fn zip(bytes: &[u8]) -> &'static str {
    const ENDS: usize = 64 << 10;
    let head = &bytes[..bytes.len().min(ENDS)];
    // The central directory with all names is at the end.
    let tail = &bytes[bytes.len().saturating_sub(ENDS)..];
    let has = |name: &[u8]| {
        [head, tail].iter().any(|part| part.windows(name.len()).any(|window| window == name))
    };

    if has(b"word/document") {
        "a Word document (.docx)"
    } else if has(b"xl/workbook") {
        "an Excel workbook (.xlsx)"
    } else if has(b"ppt/presentation") {
        "a PowerPoint presentation (.pptx)"
    } else if has(b"application/epub+zip") {
        "an EPUB book"
    } else if has(b"application/vnd.oasis.opendocument") {
        "an OpenDocument file"
    } else {
        "a zip archive"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(bytes: &[u8]) -> String {
        refuse(bytes, None).unwrap_err().to_string()
    }

    #[test]
    fn known_formats_are_named() {
        assert_eq!(reason(b"%PDF-1.7\n"), "not text: looks like a PDF");
        assert_eq!(
            reason(b"PK\x03\x04....word/document.xml"),
            "not text: looks like a Word document (.docx)"
        );
        assert_eq!(reason(b"PK\x03\x04"), "not text: looks like a zip archive");
        assert_eq!(reason(b"RIFF\x10\0\0\0WEBP"), "not text: looks like a WebP image");
        assert_eq!(reason(b"PAR1\x15\x04....PAR1"), "not text: looks like a Parquet file");
        assert_eq!(reason(b"ORC\n\x0b....\x08ORC\x17"), "not text: looks like an ORC file");
        assert!(reason(b"{\"a\": 1}").starts_with("not HTML: looks like JSON"));

        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(reason(&tar), "not text: looks like a tar archive");

        for (magic, what) in MAGICS {
            assert_eq!(reason(magic), format!("not text: looks like {what}"));
        }
    }

    #[test]
    fn unknown_binary_is_refused_by_its_control_characters() {
        let bytes: Vec<u8> =
            (0..4000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert!(reason(&bytes).contains("control characters"));
    }

    #[test]
    fn text_is_let_through() {
        let shift_jis = encoding_rs::SHIFT_JIS.encode("日本語のテキスト").0;
        let iso_2022_jp = encoding_rs::ISO_2022_JP.encode("日本語のテキスト").0;
        let wide: Vec<u8> = "<doc>한국어</doc>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let texts: [&[u8]; 10] = [
            b"PAR1 for the course",
            b"ORCs and others",
            b"",
            b"a",
            b"<doc>a\0b\0\0</doc>",
            &shift_jis,
            &iso_2022_jp,
            &wide,
            b"PK and MZ",
            b"RIFF raff rolls",
        ];

        for text in texts {
            assert_eq!(refuse(text, None), Ok(()), "{text:?}");
        }

        let plain: Vec<u8> =
            "wide without a mark".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(refuse(&plain, None).is_err());
        assert_eq!(refuse(&plain, Some(UTF_16BE)), Ok(()));
    }
}
