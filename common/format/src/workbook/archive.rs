//! Writes a ZIP archive of parts whose checksums and lengths are known in advance.
//!
//! So they are in the header before each part, and a streaming reader finds the next part, also
//! past 4 GiB. Crates that write archives either seek back to fill the header in, which a pipe does
//! not allow, or put the lengths behind the part (a data descriptor), which Excel repairs where
//! they need 64 bits.
//!
//! Source: PKWARE's APPNOTE 6.3.10, 4.3 and 4.5.3.

use std::io::{self, Write};

/// A part of the archive, deflated already.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its name, in ASCII.
    pub name: &'a str,
    pub crc32: u32,
    /// Its length in the archive, in bytes.
    pub packed: u64,
    /// Its length before compression, in bytes.
    pub length: u64,
}

/// 1980-01-01, 00:00, the earliest time of the format: outputs must not depend on the clock.
const DATE: u16 = 1 << 5 | 1;
const TIME: u16 = 0;
const DEFLATE: u16 = 8;
/// The version of the format that a reader needs for deflate.
const VERSION: u16 = 20;
/// The version that a reader needs for lengths of 64 bits.
const VERSION_64: u16 = 45;
const EXTRA_64: u16 = 1;
/// Stands for a value that is in the extra field of 64 bits.
const ELSEWHERE: u32 = u32::MAX;

/// Writes an archive, part by part.
pub struct Archive<W> {
    out: Counted<W>,
    directory: Vec<u8>,
    entries: u64,
}

impl<W: Write> Archive<W> {
    pub fn new(out: W) -> Self {
        Archive { out: Counted { out, at: 0 }, directory: Vec::new(), entries: 0 }
    }

    /// Writes a part; `content` writes its bytes, exactly [`Entry::packed`] of them.
    ///
    /// # Errors
    /// Those of the writer and of `content`; [`io::ErrorKind::InvalidData`] if the number of bytes
    /// was another.
    pub fn entry(
        &mut self,
        entry: &Entry<'_>,
        content: impl FnOnce(&mut Counted<W>) -> io::Result<()>,
    ) -> io::Result<()> {
        let offset = self.out.at;
        self.out.write_all(&local_header(entry, offset))?;

        let begin = self.out.at;
        content(&mut self.out)?;
        let written = self.out.at - begin;

        // The header is already written with another length: such an archive cannot be read.
        if written != entry.packed {
            let wrong =
                format!("the part `{}` has {written} bytes, not {}", entry.name, entry.packed);
            return Err(io::Error::new(io::ErrorKind::InvalidData, wrong));
        }

        self.directory.extend(central_header(entry, offset));
        self.entries += 1;

        Ok(())
    }

    /// Writes the directory, which ends the archive.
    pub fn finish(mut self) -> io::Result<W> {
        let offset = self.out.at;
        self.out.write_all(&self.directory)?;

        let end = end_of_directory(self.entries, self.directory.len() as u64, offset);
        self.out.write_all(&end)?;
        self.out.flush()?;

        Ok(self.out.out)
    }
}

/// A writer that counts its bytes.
pub struct Counted<W> {
    out: W,
    at: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn long_sizes(entry: &Entry<'_>) -> bool {
    entry.packed.max(entry.length) >= ELSEWHERE.into()
}

fn version(entry: &Entry<'_>, offset: u64) -> u16 {
    if long_sizes(entry) || offset >= ELSEWHERE.into() { VERSION_64 } else { VERSION }
}

/// The header before a part (4.3.7).
fn local_header(entry: &Entry<'_>, offset: u64) -> Vec<u8> {
    let mut header = Vec::from(*b"PK\x03\x04");
    common_fields(&mut header, entry, offset);

    let extra = extra(&sizes_64(entry));
    fields(&mut header, &[short_length(entry.name.as_bytes()), short_length(&extra)]);
    header.extend_from_slice(entry.name.as_bytes());
    header.extend(extra);

    header
}

/// The entry of a part in the directory (4.3.12).
fn central_header(entry: &Entry<'_>, offset: u64) -> Vec<u8> {
    let mut header = Vec::from(*b"PK\x01\x02");

    // Made by this version, on no system in particular.
    fields(&mut header, &[version(entry, offset)]);
    common_fields(&mut header, entry, offset);

    // The offset follows the lengths, or is alone if only it needs 64 bits.
    let mut long = sizes_64(entry);
    long.extend((offset >= ELSEWHERE.into()).then_some(offset));
    let extra = extra(&long);
    fields(&mut header, &[short_length(entry.name.as_bytes()), short_length(&extra)]);
    fields(&mut header, &[0; 5]); // Comment, disk, and three of attributes: none.

    header.extend(short(offset).to_le_bytes());
    header.extend_from_slice(entry.name.as_bytes());
    header.extend(extra);

    header
}

/// The fields that both headers share: from the required version to the lengths.
fn common_fields(header: &mut Vec<u8>, entry: &Entry<'_>, offset: u64) {
    fields(header, &[version(entry, offset), 0, DEFLATE, TIME, DATE]);
    header.extend(entry.crc32.to_le_bytes());

    // If one length needs 64 bits, both go to the extra field.
    let long = long_sizes(entry);
    for length in [entry.packed, entry.length] {
        header.extend(if long { ELSEWHERE } else { short(length) }.to_le_bytes());
    }
}

/// The lengths for the extra field, if they do not fit the header.
fn sizes_64(entry: &Entry<'_>) -> Vec<u64> {
    if long_sizes(entry) { vec![entry.length, entry.packed] } else { Vec::new() }
}

/// The extra field for values that need 64 bits (4.5.3); empty without values.
fn extra(values: &[u64]) -> Vec<u8> {
    let mut extra = Vec::new();
    if !values.is_empty() {
        fields(&mut extra, &[EXTRA_64, 8 * short_length(values)]);
        values.iter().for_each(|value| extra.extend(value.to_le_bytes()));
    }

    extra
}

/// The end of the archive (4.3.14 to 4.3.16).
fn end_of_directory(entries: u64, size: u64, offset: u64) -> Vec<u8> {
    let mut end = Vec::new();
    if entries >= u16::MAX.into() || size.max(offset) >= ELSEWHERE.into() {
        end.extend(*b"PK\x06\x06");
        end.extend(44u64.to_le_bytes()); // The bytes of this record that follow.

        // The last four are numbers of disks: there are none.
        fields(&mut end, &[VERSION_64, VERSION_64, 0, 0, 0, 0]);
        [entries, entries, size, offset].iter().for_each(|value| end.extend(value.to_le_bytes()));

        end.extend(*b"PK\x06\x07");
        end.extend(0u32.to_le_bytes());
        end.extend((offset + size).to_le_bytes()); // Where the record before this one begins.
        end.extend(1u32.to_le_bytes());
    }

    end.extend(*b"PK\x05\x06");
    let count = u16::try_from(entries).unwrap_or(u16::MAX);
    fields(&mut end, &[0, 0, count, count]);
    end.extend(short(size).to_le_bytes());
    end.extend(short(offset).to_le_bytes());
    fields(&mut end, &[0]);

    end
}

/// The length of something that a writer of workbooks keeps short: names of parts, extra fields.
fn short_length<T>(things: &[T]) -> u16 {
    u16::try_from(things.len()).expect("below 64 Ki")
}

fn short(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(ELSEWHERE)
}

fn fields(header: &mut Vec<u8>, values: &[u16]) {
    values.iter().for_each(|value| header.extend(value.to_le_bytes()));
}

#[cfg(test)]
mod tests;
