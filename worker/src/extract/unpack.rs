//! Reads through `.gz`, `.bz2`, `.zst` and `.xz`, by the extension of the path.

use std::borrow::Cow;
use std::io::{self, Read};
use std::path::Path;

use liblzma::stream::Stream;
use sheaf_common::human;

use super::{sniff, words};

/// A file may unpack to the memory limit divided by this: the text and the tree need the rest.
pub(super) const SHARE: u64 = 4;

/// The window that a packer may want in any case, in bytes: 8 MiB, as RFC 8878 (3.1.1.1.2) asks of
/// every decoder.
const WINDOW: usize = 8 << 20;

/// A way of packing, with its extension and the bytes that it begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Gzip,
    Bzip2,
    Zstd,
    Xz,
}

/// Why packed bytes were not unpacked.
enum Trouble {
    Damaged(io::Error),
    TooLarge,
    /// The packer looked back further than memory allows.
    Window,
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        // Neither library has a kind of its own for this, only words: "requires too much memory",
        // "memory limit reached".
        if error.to_string().to_lowercase().contains("memory") {
            Trouble::Window
        } else {
            Trouble::Damaged(error)
        }
    }
}

/// Whether the extension of a path says that what stands there is packed.
pub fn is_packed(path: &Path) -> bool {
    Format::of(path).is_some()
}

/// Unpacks `packed` if the extension of `path` says that it is packed, up to `limit` bytes.
///
/// Several packed parts after one another are one text, as `cat a.gz b.gz` makes them; zeros may
/// stand behind each, as tapes and the padding of .xz streams have them.
///
/// # Errors
/// A reason in the user's words: the bytes are not of that format, end too early, are damaged, are
/// followed by others, or hold more than `limit`.
pub(super) fn unpack<'a>(
    path: &Path,
    packed: Cow<'a, [u8]>,
    limit: u64,
) -> Result<Cow<'a, [u8]>, String> {
    let Some(format) = Format::of(path) else { return Ok(packed) };
    let name = format.name();

    if packed.is_empty() {
        return Err(format!("truncated: an empty file is not {name} data"));
    }
    if !format.begins(&packed) {
        // The file ends within the bytes that the format begins with.
        if format.magic().starts_with(&packed) {
            return Err(truncated(name));
        }

        let looks =
            sniff::known(&packed).map_or("".into(), |what| format!(", it looks like {what}"));
        return Err(format!(
            "not {name} data, though its name ends in `.{}`{looks}",
            format.extension()
        ));
    }

    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut plain = Vec::with_capacity(packed.len().saturating_mul(3).min(most));
    let mut rest: &[u8] = &packed;

    loop {
        rest =
            format.part(rest, &mut plain, most).map_err(|trouble| reason(trouble, name, limit))?;

        let padding = rest.iter().position(|&byte| byte != 0).unwrap_or(rest.len());
        rest = &rest[padding..];
        if rest.is_empty() {
            return Ok(Cow::Owned(plain));
        }

        if !format.begins(rest) {
            let extra = human::size(rest.len() as u64);
            return Err(format!(
                "damaged: {extra} that are not {name} data follow the {name} data"
            ));
        }
    }
}

/// Why the data of a format was not unpacked to `limit` bytes at most, in the user's words.
fn reason(trouble: Trouble, name: &str, limit: u64) -> String {
    let most = human::limit(limit);
    match trouble {
        Trouble::Damaged(error) if error.kind() == io::ErrorKind::UnexpectedEof => truncated(name),
        Trouble::Damaged(error) => {
            format!("damaged: the {name} data cannot be unpacked ({})", words::system(&error))
        }
        Trouble::Window => format!(
            "too large: the {name} data needs more than {most} to be unpacked, a quarter of \
             `--memory-limit`"
        ),
        Trouble::TooLarge => {
            format!("too large: unpacks to more than {most}, a quarter of `--memory-limit`")
        }
    }
}

fn truncated(name: &str) -> String {
    format!("truncated: the {name} data ends too early")
}

impl Format {
    fn of(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_str()?;
        [Format::Gzip, Format::Bzip2, Format::Zstd, Format::Xz]
            .into_iter()
            .find(|format| format.extension().eq_ignore_ascii_case(extension))
    }

    fn extension(self) -> &'static str {
        match self {
            Format::Gzip => "gz",
            Format::Bzip2 => "bz2",
            Format::Zstd => "zst",
            Format::Xz => "xz",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Format::Gzip => "gzip",
            Format::Bzip2 => "bzip2",
            Format::Zstd => "zstd",
            Format::Xz => "xz",
        }
    }

    fn magic(self) -> &'static [u8] {
        match self {
            Format::Gzip => b"\x1f\x8b",
            Format::Bzip2 => b"BZh",
            Format::Zstd => b"\x28\xb5\x2f\xfd",
            Format::Xz => b"\xfd7zXZ\0",
        }
    }

    fn begins(self, bytes: &[u8]) -> bool {
        // A zstd file may hold frames to be skipped (RFC 8878, 3.1.2).
        let skippable = |bytes: &[u8]| matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
        bytes.starts_with(self.magic()) || (self == Format::Zstd && skippable(bytes))
    }

    /// Unpacks the first part of `packed` onto `plain`, as far as `most` bytes in all; returns what
    /// follows the part.
    fn part<'a>(
        self,
        packed: &'a [u8],
        plain: &mut Vec<u8>,
        most: usize,
    ) -> Result<&'a [u8], Trouble> {
        match self {
            Format::Gzip => {
                let mut decoder = flate2::bufread::GzDecoder::new(packed);
                drain(&mut decoder, plain, most)?;
                Ok(decoder.into_inner())
            }
            Format::Bzip2 => {
                let mut decoder = bzip2::bufread::BzDecoder::new(packed);
                drain(&mut decoder, plain, most)?;
                Ok(decoder.into_inner())
            }
            Format::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?.single_frame();

                // The window is kept in memory: as large as the text may become, within zstd's own
                // bounds.
                let window = most.max(WINDOW).ilog2().min(31);
                decoder.window_log_max(window)?;

                drain(&mut decoder, plain, most)?;
                Ok(decoder.finish())
            }
            Format::Xz => {
                let stream = Stream::new_stream_decoder(most.max(2 * WINDOW) as u64, 0)
                    .map_err(io::Error::from)?;

                let mut decoder = liblzma::bufread::XzDecoder::new_stream(packed, stream);
                drain(&mut decoder, plain, most)?;
                Ok(decoder.into_inner())
            }
        }
    }
}

/// Reads all of `decoder` onto `plain`, as far as `most` bytes in all.
fn drain(decoder: &mut impl Read, plain: &mut Vec<u8>, most: usize) -> Result<(), Trouble> {
    let room = (most - plain.len()) as u64;
    // One byte more than may be shows that there is more.
    decoder.take(room.saturating_add(1)).read_to_end(plain)?;
    if plain.len() > most { Err(Trouble::TooLarge) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const LIMIT: u64 = 1 << 20;
    const FORMATS: [Format; 4] = [Format::Gzip, Format::Bzip2, Format::Zstd, Format::Xz];

    fn pack(format: Format, plain: &[u8]) -> Vec<u8> {
        match format {
            Format::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Format::Bzip2 => {
                let mut encoder =
                    bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Format::Zstd => {
                let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
                encoder.include_checksum(true).unwrap();
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Format::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    fn open(format: Format, packed: &[u8]) -> Result<Vec<u8>, String> {
        let path = format!("x.{}", format.extension());
        unpack(Path::new(&path), Cow::Borrowed(packed), LIMIT).map(Cow::into_owned)
    }

    fn text() -> Vec<u8> {
        (0..40_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
    }

    #[test]
    fn parts_are_joined_and_padding_is_skipped() {
        for format in FORMATS {
            let (packed, plain) = (pack(format, &text()), text());
            assert_eq!(open(format, &packed).unwrap(), plain);

            let twice =
                [packed.clone(), vec![0; 8], pack(format, b""), packed.clone(), vec![0; 512]]
                    .concat();
            assert_eq!(
                open(format, &twice).unwrap(),
                [plain.clone(), plain].concat(),
                "{format:?}"
            );
        }
    }

    #[test]
    fn zstd_frames_to_be_skipped_are_skipped() {
        let packed =
            [b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec(), pack(Format::Zstd, b"text")].concat();
        assert_eq!(open(Format::Zstd, &packed).unwrap(), b"text");
    }

    #[test]
    fn the_name_decides_and_the_first_bytes_must_agree() {
        let plain = unpack(Path::new("x.html"), Cow::Borrowed(b"\x1f\x8b"), LIMIT).unwrap();
        assert!(matches!(plain, Cow::Borrowed(_)));
        assert_eq!(
            open(Format::Gzip, b"<doc>").unwrap_err(),
            "not gzip data, though its name ends in `.gz`"
        );

        let reason = open(Format::Xz, &pack(Format::Zstd, b"text")).unwrap_err();
        assert_eq!(reason, "not xz data, though its name ends in `.xz`, it looks like zstd data");

        let path = Path::new("X.GZ");
        assert_eq!(*unpack(path, Cow::Owned(pack(Format::Gzip, b"a")), LIMIT).unwrap(), *b"a");
    }

    #[test]
    fn damage_is_named() {
        for format in FORMATS {
            let packed = pack(format, &text());
            for cut in [0, 1, 2, 5, 20, packed.len() / 2, packed.len() - 1] {
                let reason = open(format, &packed[..cut]).unwrap_err();
                assert!(reason.starts_with("truncated:"), "{format:?} {cut}: {reason}");
            }

            let mut garbage = packed.clone();
            garbage.extend(b"garbage");
            let reason = open(format, &garbage).unwrap_err();
            assert!(reason.starts_with("damaged: 7 B that are not"), "{format:?}: {reason}");

            let mut flipped = packed.clone();
            let middle = flipped.len() / 2;
            flipped[middle] ^= 0x10;
            let reason = open(format, &flipped).map(|_| ()).unwrap_err();
            assert!(
                reason.starts_with("damaged:") || reason.starts_with("truncated:"),
                "{format:?}: {reason}"
            );
        }
    }

    #[test]
    fn a_window_past_the_limit_is_named() {
        // A frame that wants 128 MiB of window (RFC 8878, 3.1.1.1.2), and a stream whose dictionary
        // is 64 MiB (level 9).
        let frame = b"\x28\xb5\x2f\xfd\x00\x88\x09\0\0a";
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 9);
        encoder.write_all(&text()).unwrap();

        for (format, packed) in
            [(Format::Zstd, frame.to_vec()), (Format::Xz, encoder.finish().unwrap())]
        {
            let reason = open(format, &packed).unwrap_err();
            assert!(
                reason.contains("needs more than 1 MiB to be unpacked"),
                "{format:?}: {reason}"
            );
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        for format in FORMATS {
            let reason = open(format, &pack(format, &vec![b'a'; LIMIT as usize + 1])).unwrap_err();
            assert_eq!(
                reason, "too large: unpacks to more than 1 MiB, a quarter of `--memory-limit`",
                "{format:?}"
            );

            let full = pack(format, &vec![b'a'; LIMIT as usize]);
            assert_eq!(open(format, &full).unwrap().len(), LIMIT as usize);

            let reason = open(format, &[full.clone(), pack(format, b"b")].concat()).unwrap_err();
            assert!(reason.starts_with("too large"), "{format:?}");
        }
    }
}
