//! Reads through `.gz`, `.bz2`, `.zst` and `.xz`, by the extension of the path.

use std::borrow::Cow;
use std::io::{self, Read};
use std::path::Path;

use liblzma::stream::Stream;
use sheaf_common::codec::Codec;
use sheaf_common::problem::{Damaged, FileProblem, TooLarge, words};

use super::sniff;

/// A file may unpack to the memory limit divided by this. The text and the tree need the rest.
pub(super) const SHARE: u64 = 4;

/// The window that is always allowed, in bytes: 8 MiB, which RFC 8878 (3.1.1.1.2) asks of every
/// decoder.
const WINDOW: usize = 8 << 20;

/// Why packed bytes were not unpacked.
enum Trouble {
    Damaged(io::Error),
    /// They unpack to more than the limit.
    TooLarge,
    /// They need a larger window than the limit allows.
    Window,
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        // Neither library has an error kind for this, only messages: "requires too much memory",
        // "memory limit reached".
        if error.to_string().to_lowercase().contains("memory") {
            Trouble::Window
        } else {
            Trouble::Damaged(error)
        }
    }
}

/// Unpacks `packed` if the extension of `path` says that it is packed, up to `limit` bytes.
///
/// Joins several packed parts, as `cat a.gz b.gz` makes them. Zeros may follow each part, as on
/// tapes and in the padding of .xz streams.
///
/// # Errors
/// The bytes have another format, are cut off or damaged, are followed by something else, or unpack
/// to more than `limit` bytes.
pub(super) fn unpack<'a>(
    path: &Path,
    packed: Cow<'a, [u8]>,
    limit: u64,
) -> Result<Cow<'a, [u8]>, FileProblem> {
    let Some(codec) = Codec::of(path) else { return Ok(packed) };

    if packed.is_empty() {
        return Err(FileProblem::Damaged(Damaged::Empty(codec)));
    }
    if !begins(codec, &packed) {
        // The file ends within the magic bytes of its format.
        if magic(codec).starts_with(&packed) {
            return Err(FileProblem::Damaged(Damaged::Truncated(codec)));
        }
        return Err(FileProblem::Misnamed { codec, looks: sniff::known(&packed) });
    }

    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut plain = Vec::with_capacity(packed.len().saturating_mul(3).min(most));
    let mut rest: &[u8] = &packed;

    loop {
        rest = part(codec, rest, &mut plain, most)
            .map_err(|trouble| problem(trouble, codec, limit))?;

        let padding = rest.iter().position(|&byte| byte != 0).unwrap_or(rest.len());
        rest = &rest[padding..];
        if rest.is_empty() {
            return Ok(Cow::Owned(plain));
        }

        if !begins(codec, rest) {
            let extra = rest.len() as u64;
            return Err(FileProblem::Damaged(Damaged::Followed { codec, extra }));
        }
    }
}

/// The problem of a file behind a trouble; `most` is the limit in bytes.
fn problem(trouble: Trouble, codec: Codec, most: u64) -> FileProblem {
    match trouble {
        Trouble::Damaged(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            FileProblem::Damaged(Damaged::Truncated(codec))
        }
        Trouble::Damaged(error) => {
            FileProblem::Damaged(Damaged::Wrong { codec, words: words(&error) })
        }
        Trouble::Window => FileProblem::TooLarge(TooLarge::ToUnpack { codec, most }),
        Trouble::TooLarge => FileProblem::TooLarge(TooLarge::Unpacked { most }),
    }
}

/// The magic bytes of a format.
fn magic(codec: Codec) -> &'static [u8] {
    match codec {
        Codec::Gzip => b"\x1f\x8b",
        Codec::Bzip2 => b"BZh",
        Codec::Zstd => b"\x28\xb5\x2f\xfd",
        Codec::Xz => b"\xfd7zXZ\0",
    }
}

/// Whether a packed part begins here.
fn begins(codec: Codec, bytes: &[u8]) -> bool {
    // A zstd file may begin with skippable frames (RFC 8878, 3.1.2).
    let skippable = |bytes: &[u8]| matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    bytes.starts_with(magic(codec)) || (codec == Codec::Zstd && skippable(bytes))
}

/// Unpacks the first part of `packed` and appends it to `plain`, up to `most` bytes in all. Returns
/// the bytes after the part.
fn part<'a>(
    codec: Codec,
    packed: &'a [u8],
    plain: &mut Vec<u8>,
    most: usize,
) -> Result<&'a [u8], Trouble> {
    match codec {
        Codec::Gzip => {
            let mut decoder = flate2::bufread::GzDecoder::new(packed);
            drain(&mut decoder, plain, most)?;
            Ok(decoder.into_inner())
        }
        Codec::Bzip2 => {
            let mut decoder = bzip2::bufread::BzDecoder::new(packed);
            drain(&mut decoder, plain, most)?;
            Ok(decoder.into_inner())
        }
        Codec::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?.single_frame();

            // The window is in memory, too. Let it be as large as the text, within zstd's bounds.
            let window = most.max(WINDOW).ilog2().min(31);
            decoder.window_log_max(window)?;

            drain(&mut decoder, plain, most)?;
            Ok(decoder.finish())
        }
        Codec::Xz => {
            // The dictionary of xz is in memory, too: allow as much for it as for the text.
            let stream = Stream::new_stream_decoder(most.max(2 * WINDOW) as u64, 0)
                .map_err(io::Error::from)?;

            let mut decoder = liblzma::bufread::XzDecoder::new_stream(packed, stream);
            drain(&mut decoder, plain, most)?;
            Ok(decoder.into_inner())
        }
    }
}

/// Appends the output of `decoder` to `plain`, up to `most` bytes in all.
fn drain(decoder: &mut impl Read, plain: &mut Vec<u8>, most: usize) -> Result<(), Trouble> {
    let room = (most - plain.len()) as u64;
    // One byte more than allowed shows that there is too much.
    decoder.take(room.saturating_add(1)).read_to_end(plain)?;
    if plain.len() > most { Err(Trouble::TooLarge) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sheaf_common::fit;
    use std::io::Write;

    const LIMIT: u64 = 1 << 20;

    fn pack(codec: Codec, plain: &[u8]) -> Vec<u8> {
        match codec {
            Codec::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Codec::Bzip2 => {
                let mut encoder =
                    bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Codec::Zstd => {
                let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
                encoder.include_checksum(true).unwrap();
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            Codec::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    fn open(codec: Codec, packed: &[u8]) -> Result<Vec<u8>, FileProblem> {
        let path = format!("x.{}", codec.extension());
        unpack(Path::new(&path), Cow::Borrowed(packed), LIMIT).map(Cow::into_owned)
    }

    fn text() -> Vec<u8> {
        (0..40_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
    }

    #[test]
    fn parts_are_joined_and_padding_is_skipped() {
        for codec in Codec::ALL {
            let (packed, plain) = (pack(codec, &text()), text());
            assert_eq!(open(codec, &packed).unwrap(), plain);

            let twice =
                [packed.clone(), vec![0; 8], pack(codec, b""), packed.clone(), vec![0; 512]]
                    .concat();
            assert_eq!(open(codec, &twice).unwrap(), [plain.clone(), plain].concat(), "{codec:?}");
        }
    }

    #[test]
    fn zstd_frames_to_be_skipped_are_skipped() {
        let packed =
            [b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec(), pack(Codec::Zstd, b"text")].concat();
        assert_eq!(open(Codec::Zstd, &packed).unwrap(), b"text");
    }

    #[test]
    fn the_extension_decides_and_the_content_must_agree() {
        let plain = unpack(Path::new("x.html"), Cow::Borrowed(b"\x1f\x8b"), LIMIT).unwrap();
        assert!(matches!(plain, Cow::Borrowed(_)));
        assert_eq!(
            open(Codec::Gzip, b"<doc>").unwrap_err().to_string(),
            "not gzip data, though its name ends in `.gz`"
        );

        let reason = open(Codec::Xz, &pack(Codec::Zstd, b"text")).unwrap_err().to_string();
        assert_eq!(reason, "not xz data, though its name ends in `.xz`, it looks like zstd data");

        let path = Path::new("X.GZ");
        assert_eq!(*unpack(path, Cow::Owned(pack(Codec::Gzip, b"a")), LIMIT).unwrap(), *b"a");
    }

    #[test]
    fn damage_is_named() {
        for codec in Codec::ALL {
            let packed = pack(codec, &text());
            for cut in [0, 1, 2, 5, 20, packed.len() / 2, packed.len() - 1] {
                let reason = open(codec, &packed[..cut]).unwrap_err().to_string();
                assert!(reason.starts_with("truncated:"), "{codec:?} {cut}: {reason}");
            }

            let mut garbage = packed.clone();
            garbage.extend(b"garbage");
            let reason = open(codec, &garbage).unwrap_err().to_string();
            assert!(reason.starts_with("damaged: 7 B that are not"), "{codec:?}: {reason}");

            let mut flipped = packed.clone();
            let middle = flipped.len() / 2;
            flipped[middle] ^= 0x10;
            let reason = open(codec, &flipped).map(|_| ()).unwrap_err().to_string();
            assert!(
                reason.starts_with("damaged:") || reason.starts_with("truncated:"),
                "{codec:?}: {reason}"
            );
        }
    }

    #[test]
    fn a_window_past_the_limit_is_named() {
        // A frame with a window of 128 MiB (RFC 8878, 3.1.1.1.2), and a stream with a dictionary of
        // 64 MiB (level 9).
        let frame = b"\x28\xb5\x2f\xfd\x00\x88\x09\0\0a";
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 9);
        encoder.write_all(&text()).unwrap();

        for (codec, packed) in
            [(Codec::Zstd, frame.to_vec()), (Codec::Xz, encoder.finish().unwrap())]
        {
            let reason = open(codec, &packed).unwrap_err().to_string();
            assert!(reason.contains("needs more than 1 MiB to be unpacked"), "{codec:?}: {reason}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        for codec in Codec::ALL {
            let reason = open(codec, &pack(codec, &vec![b'a'; fit::size(LIMIT) + 1]))
                .unwrap_err()
                .to_string();
            assert_eq!(reason, "too large: unpacks to more than 1 MiB", "{codec:?}");

            let full = pack(codec, &vec![b'a'; fit::size(LIMIT)]);
            assert_eq!(open(codec, &full).unwrap().len(), fit::size(LIMIT));

            let reason =
                open(codec, &[full.clone(), pack(codec, b"b")].concat()).unwrap_err().to_string();
            assert!(reason.starts_with("too large"), "{codec:?}");
        }
    }
}
