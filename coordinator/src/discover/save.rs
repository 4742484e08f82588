//! The list of files on disk, so that a later run can tell what has changed.
//!
//! Layout, all numbers as LEB128, signed ones in zigzag: magic · folders (count; length, bytes) ·
//! problems (the same, by the wire format) · entries (count; folder, problem, size, time less the time before, length
//! and bytes of the name) · CRC-32 of all that (4 bytes, little-endian).

use std::io::{self, Read, Write};

use sheaf_common::wire;

use super::sources::{Entry, Sources};

const MAGIC: &[u8; 8] = b"sheafsr2";
/// The most bytes of a folder's path, a name or a problem: more is damage.
const LONGEST: u64 = u16::MAX as u64;

impl Sources {
    /// Writes the list; give it a buffered writer.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn save(&self, out: &mut impl Write) -> io::Result<()> {
        let mut out = Summed { inner: out, crc: crc32fast::Hasher::new() };

        out.write_all(MAGIC)?;
        write_texts(&mut out, self.folders.iter().map(Vec::as_slice))?;
        let problems: Vec<Vec<u8>> = self.problems.iter().map(wire::encode).collect();
        write_texts(&mut out, problems.iter().map(Vec::as_slice))?;

        write_number(&mut out, self.entries.len() as u64)?;
        let mut before = 0;
        for entry in &self.entries {
            write_number(&mut out, entry.folder.into())?;
            write_number(&mut out, entry.problem.into())?;
            write_number(&mut out, entry.size)?;

            // Neighbours are often of one time: the step is a small number, of either sign.
            let step = entry.modified_ns.wrapping_sub(before);
            write_number(&mut out, ((step << 1) ^ (step >> 63)) as u64)?;
            before = entry.modified_ns;

            write_text(&mut out, self.names.get(entry.name))?;
        }

        let Summed { inner, crc } = out;
        inner.write_all(&crc.finalize().to_le_bytes())
    }

    /// Reads a list that [`Sources::save`] wrote; give it a buffered reader.
    ///
    /// # Errors
    /// Those of `input`, and [`io::ErrorKind::InvalidData`] for anything that is not a whole list.
    pub fn load(input: &mut impl Read) -> io::Result<Self> {
        let mut input = Summed { inner: input, crc: crc32fast::Hasher::new() };

        let mut magic = [0; MAGIC.len()];
        input.read_exact(&mut magic)?;
        if magic != *MAGIC {
            return Err(damaged());
        }

        let mut sources = Sources { folders: read_texts(&mut input)?, ..Sources::default() };
        for problem in read_texts(&mut input)? {
            sources.problems.push(wire::decode(&problem).map_err(|_| damaged())?);
        }

        let count = read_number(&mut input)?;
        let mut modified_ns = 0i64;
        for _ in 0..count {
            let folder = read_index(&mut input, sources.folders.len())?;
            let problem = read_index(&mut input, sources.problems.len() + 1)?;
            let size = read_number(&mut input)?;
            let step = read_number(&mut input)?;
            modified_ns = modified_ns.wrapping_add((step >> 1) as i64 ^ -((step & 1) as i64));

            let name = sources.names.keep(&read_text(&mut input)?);
            sources.entries.push(Entry { name, folder, problem, size, modified_ns });
        }

        // Taken before the stored one is read: it does not count itself.
        let computed = input.crc.clone().finalize();
        let mut stored = [0; 4];
        input.read_exact(&mut stored)?;

        if u32::from_le_bytes(stored) == computed { Ok(sources) } else { Err(damaged()) }
    }
}

/// Passes bytes through and sums them up.
struct Summed<'a, T> {
    inner: &'a mut T,
    crc: crc32fast::Hasher,
}

impl<T: Write> Summed<'_, T> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.crc.update(bytes);
        self.inner.write_all(bytes)
    }
}

impl<T: Read> Summed<'_, T> {
    fn read_exact(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact(bytes)?;
        self.crc.update(bytes);
        Ok(())
    }
}

fn write_texts<'a, T: Write>(
    out: &mut Summed<'_, T>,
    texts: impl ExactSizeIterator<Item = &'a [u8]>,
) -> io::Result<()> {
    write_number(out, texts.len() as u64)?;
    texts.into_iter().try_for_each(|text| write_text(out, text))
}

fn write_text<T: Write>(out: &mut Summed<'_, T>, text: &[u8]) -> io::Result<()> {
    let text = &text[..text.len().min(LONGEST as usize)];
    write_number(out, text.len() as u64)?;
    out.write_all(text)
}

fn write_number<T: Write>(out: &mut Summed<'_, T>, mut value: u64) -> io::Result<()> {
    let mut bytes = [0; 10];
    let mut length = 0;
    loop {
        bytes[length] = value as u8 & 0x7f | if value > 0x7f { 0x80 } else { 0 };
        length += 1;
        value >>= 7;
        if value == 0 {
            return out.write_all(&bytes[..length]);
        }
    }
}

fn read_texts<T: Read>(input: &mut Summed<'_, T>) -> io::Result<Vec<Vec<u8>>> {
    let count = read_number(input)?;

    // Collected one by one: a damaged count ends at the end of the input, not in one huge
    // allocation.
    let mut texts = Vec::new();
    for _ in 0..count {
        texts.push(read_text(input)?);
    }

    Ok(texts)
}

fn read_text<T: Read>(input: &mut Summed<'_, T>) -> io::Result<Vec<u8>> {
    let length = read_number(input)?;
    if length > LONGEST {
        return Err(damaged());
    }

    let mut text = vec![0; length as usize];
    input.read_exact(&mut text)?;

    Ok(text)
}

fn read_index<T: Read>(input: &mut Summed<'_, T>, below: usize) -> io::Result<u32> {
    let index = read_number(input)?;
    if index < below as u64 { u32::try_from(index).map_err(|_| damaged()) } else { Err(damaged()) }
}

fn read_number<T: Read>(input: &mut Summed<'_, T>) -> io::Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        input.read_exact(&mut byte)?;
        value |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok(value);
        }
    }

    Err(damaged())
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the list of files is damaged")
}

#[cfg(test)]
mod tests {
    use super::super::sources::tests::list;
    use super::*;
    use sheaf_common::problem::FileProblem;

    fn example() -> Sources {
        let mut sources = list(
            "dir",
            &[("a", 0, 0), ("한글", u64::MAX, i64::MAX), ("c", 300, i64::MIN), ("d", 1, -1)],
        );
        sources.problems.push(FileProblem::FolderLoop);
        sources.entries[3].problem = 1;
        sources
    }

    #[test]
    fn a_list_comes_back_as_it_was() {
        let mut bytes = Vec::new();
        example().save(&mut bytes).unwrap();
        let loaded = Sources::load(&mut bytes.as_slice()).unwrap();
        assert!(loaded.iter().eq(example().iter()));
        assert_eq!(loaded.digest(), example().digest());
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_found() {
        let mut bytes = Vec::new();
        example().save(&mut bytes).unwrap();
        for end in 0..bytes.len() {
            assert!(Sources::load(&mut &bytes[..end]).is_err(), "cut at {end}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Sources::load(&mut damaged.as_slice()).is_err(), "bit {bit}");
        }
    }
}
