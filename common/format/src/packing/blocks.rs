//! Finds the last block of a deflate stream (RFC 1951) without inflating it.
//!
//! Only the lengths of codes matter here. So one table look-up passes over several symbols:
//! literals, and the length code after them with its extra bits. A second one passes over the
//! distance.

use std::ops::Range;

/// The number of bits that index the tables; longer codes, which are rare, are read bit by bit.
const TABLE_BITS: u8 = 12;
/// The longest code of RFC 1951, in bits.
const LONGEST: usize = 15;
/// The symbol that ends a block.
const END_OF_BLOCK: usize = 256;

/// Extra bits of the length symbols 257…285.
const LENGTH_EXTRA: [u8; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
/// Extra bits of the distance symbols 0…29.
const DISTANCE_EXTRA: [u8; 30] = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13,
    13,
];
/// The order in which a dynamic block gives the lengths of the code for code lengths.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The bytes are not a deflate stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a deflate stream")]
pub struct NotDeflate;

/// The range of the last block, in bits: from its final bit to past its end of block.
///
/// # Errors
/// [`NotDeflate`] when the bytes end within or before a final block, or have an invalid code.
pub fn last_block(stream: &[u8]) -> Result<Range<usize>, NotDeflate> {
    let mut bits = Bits { stream, at: 0 };
    let mut tables = Tables::default();

    loop {
        let start = bits.at;
        let is_final = bits.take(1)? == 1;
        // The type of the block: stored, fixed codes, dynamic codes.
        match bits.take(2)? {
            0 => bits.skip_stored()?,
            1 => {
                tables.set_fixed();
                bits.skip_coded(&tables)?;
            }
            2 => {
                bits.read_codes(&mut tables)?;
                bits.skip_coded(&tables)?;
            }
            _ => return Err(NotDeflate),
        }

        if is_final {
            return Ok(start..bits.at);
        }
    }
}

/// A place in the stream, in bits.
struct Bits<'a> {
    stream: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// At least 56 bits from this place on, the first in the lowest bit; zeros past the end.
    #[inline(always)]
    fn window(&self) -> u64 {
        let byte = self.at / 8;
        let word = match self.stream.get(byte..byte + 8) {
            Some(eight) => u64::from_le_bytes(eight.try_into().expect("eight bytes")),
            None => {
                let rest = self.stream.get(byte..).unwrap_or_default();
                rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
            }
        };

        word >> (self.at % 8)
    }

    fn take(&mut self, count: u32) -> Result<usize, NotDeflate> {
        let value = self.window() & ((1 << count) - 1);
        self.at += count as usize;
        if self.at > self.stream.len() * 8 {
            return Err(NotDeflate);
        }

        usize::try_from(value).map_err(|_| NotDeflate)
    }

    fn skip_stored(&mut self) -> Result<(), NotDeflate> {
        // LEN and its complement follow at the next byte.
        self.at = self.at.next_multiple_of(8);
        let length = self.take(16)?;
        if self.take(16)? != length ^ 0xffff {
            return Err(NotDeflate);
        }

        self.at += length * 8;
        if self.at > self.stream.len() * 8 { Err(NotDeflate) } else { Ok(()) }
    }

    /// Passes over the symbols of a block, its end included.
    fn skip_coded(&mut self, tables: &Tables) -> Result<(), NotDeflate> {
        let limit = self.stream.len() * 8;
        loop {
            let window = self.window();
            let entry = tables.symbols.table[(window & TABLE_MASK) as usize];
            let distance = tables.distances.table[(window >> entry.bits & TABLE_MASK) as usize];

            // No branch between literals and matches, as the processor could not predict it: after
            // literals alone, the mask cancels the look-up of a distance.
            if entry.plain && distance.plain | (entry.distance_mask == 0) {
                self.at += entry.bits as usize + (distance.bits & entry.distance_mask) as usize;
                if self.at > limit {
                    return Err(NotDeflate);
                }
                continue;
            }

            if self.skip_slowly(tables)? {
                return Ok(());
            }
        }
    }

    /// Passes over one symbol, bit by bit; `true` if it ended the block.
    fn skip_slowly(&mut self, tables: &Tables) -> Result<bool, NotDeflate> {
        match self.symbol(&tables.symbols)? {
            0..END_OF_BLOCK => Ok(false),
            END_OF_BLOCK => Ok(true),
            length => {
                let extra = *LENGTH_EXTRA.get(length - END_OF_BLOCK - 1).ok_or(NotDeflate)?;
                self.take(u32::from(extra))?;

                let distance = self.symbol(&tables.distances)?;
                let extra = *DISTANCE_EXTRA.get(distance).ok_or(NotDeflate)?;
                self.take(u32::from(extra))?;
                Ok(false)
            }
        }
    }

    /// Reads one symbol bit by bit, by the canonical numbering of codes.
    fn symbol(&mut self, codes: &Codes) -> Result<usize, NotDeflate> {
        let mut code = 0usize;
        let mut first = 0usize;
        let mut index = 0usize;
        for length in 1..=LONGEST {
            code |= self.take(1)?;
            let count = codes.counts[length] as usize;
            if code < first + count {
                return Ok(codes.symbols[index + code - first] as usize);
            }

            // Codes of one length are consecutive numbers; those of the next length begin at twice
            // the number after them.
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(NotDeflate)
    }

    /// Reads the header of a dynamic block.
    fn read_codes(&mut self, tables: &mut Tables) -> Result<(), NotDeflate> {
        // HLIT, HDIST and HCLEN (RFC 1951, 3.2.7).
        let symbols = self.take(5)? + 257;
        let distances = self.take(5)? + 1;
        let given = self.take(4)? + 4;

        let mut lengths = [0u8; 19];
        for &place in &ORDER[..given] {
            lengths[place] = u8::try_from(self.take(3)?).map_err(|_| NotDeflate)?;
        }

        let mut code_lengths = Codes::default();
        code_lengths.set(&lengths)?;

        // The lengths of both codes are one sequence: a repetition may cross from one to the other.
        let mut all = [0u8; 288 + 32];
        let total = symbols + distances;
        let mut at = 0;
        while at < total {
            let (value, times) = match self.symbol(&code_lengths)? {
                length @ 0..=15 => (u8::try_from(length).map_err(|_| NotDeflate)?, 1),
                16 if at > 0 => (all[at - 1], 3 + self.take(2)?),
                17 => (0, 3 + self.take(3)?),
                18 => (0, 11 + self.take(7)?),
                _ => return Err(NotDeflate),
            };

            all.get_mut(at..(at + times).min(total)).ok_or(NotDeflate)?.fill(value);
            at += times;
        }

        if at > total {
            return Err(NotDeflate);
        }

        tables.set(&all[..symbols], &all[symbols..total])
    }
}

const TABLE_MASK: u64 = (1 << TABLE_BITS) - 1;

/// The symbols at the beginning of [`TABLE_BITS`] bits.
#[derive(Clone, Copy, Default)]
struct Entry {
    /// The number of bits to pass over.
    bits: u8,
    /// How many of them are codes; the rest are extra bits of any value.
    code: u8,
    /// All ones if a distance follows, zero otherwise.
    distance_mask: u8,
    /// Whether the entry is complete. If not (a long code, the end of the block), the symbol is
    /// read bit by bit.
    plain: bool,
}

/// One code: the canonical numbering to read bit by bit, and the table for fast look-ups.
struct Codes {
    counts: [u16; LONGEST + 1],
    symbols: Vec<u16>,
    table: Box<[Entry; 1 << TABLE_BITS]>,
}

impl Default for Codes {
    fn default() -> Self {
        Codes {
            counts: [0; LONGEST + 1],
            symbols: Vec::new(),
            table: Box::new([Entry::default(); 1 << TABLE_BITS]),
        }
    }
}

impl Codes {
    /// Numbers the codes of these lengths (RFC 1951, 3.2.2). The code may be incomplete, but not
    /// oversubscribed.
    fn set(&mut self, lengths: &[u8]) -> Result<(), NotDeflate> {
        self.counts = [0; LONGEST + 1];
        for &length in lengths {
            self.counts[length as usize] += 1;
        }
        // A length of 0 means that the symbol has no code.
        self.counts[0] = 0;

        let mut starts = [0u16; LONGEST + 2];
        let mut left = 1i32;
        for length in 1..=LONGEST {
            starts[length + 1] = starts[length] + self.counts[length];
            left = (left << 1) - i32::from(self.counts[length]);
            // More codes than there are numbers of this length.
            if left < 0 {
                return Err(NotDeflate);
            }
        }

        self.symbols.clear();
        self.symbols.resize(starts[LONGEST + 1] as usize, 0);
        for (symbol, &length) in (0..).zip(lengths) {
            if length > 0 {
                self.symbols[starts[length as usize] as usize] = symbol;
                starts[length as usize] += 1;
            }
        }

        Ok(())
    }

    /// Fills the table with an entry for every code that is short enough; `entry` makes it from a
    /// symbol and the length of its code.
    fn fill(&mut self, entry: impl Fn(usize, u8) -> Entry) {
        self.table.fill(Entry::default());

        let mut code = 0u32;
        let mut index = 0usize;
        for length in 1..=TABLE_BITS {
            for _ in 0..self.counts[usize::from(length)] {
                // The stream begins with the highest bit of a code, the index with its lowest.
                let reversed = code.reverse_bits() as usize >> (32 - length);
                let filled = entry(self.symbols[index] as usize, length);
                self.table[reversed..]
                    .iter_mut()
                    .step_by(1 << length)
                    .for_each(|slot| *slot = filled);

                code += 1;
                index += 1;
            }
            code <<= 1;
        }
    }
}

/// The two codes of a block.
#[derive(Default)]
struct Tables {
    symbols: Codes,
    distances: Codes,
    singles: Vec<Entry>,
}

impl Tables {
    fn set_fixed(&mut self) {
        let mut lengths = [8u8; 288];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);

        self.set(&lengths, &[5; 32]).expect("the fixed codes are valid");
    }

    fn set(&mut self, symbols: &[u8], distances: &[u8]) -> Result<(), NotDeflate> {
        self.symbols.set(symbols)?;
        self.symbols.fill(|symbol, bits| match symbol {
            0..END_OF_BLOCK => Entry { bits, code: bits, distance_mask: 0, plain: true },
            // Incomplete, so that the loop leaves its fast path and sees the end.
            END_OF_BLOCK => Entry::default(),
            length => match LENGTH_EXTRA.get(length - END_OF_BLOCK - 1) {
                Some(extra) => {
                    Entry { bits: bits + extra, code: bits, distance_mask: 0xff, plain: true }
                }
                None => Entry::default(),
            },
        });

        self.distances.set(distances)?;
        self.distances.fill(|symbol, bits| match DISTANCE_EXTRA.get(symbol) {
            Some(extra) => Entry { bits: bits + extra, code: bits, distance_mask: 0, plain: true },
            None => Entry::default(),
        });

        self.chain_literals();
        Ok(())
    }

    /// Extends entries of literals by the symbols that follow, as long as their codes lie within
    /// the index.
    fn chain_literals(&mut self) {
        self.singles.clear();
        self.singles.extend_from_slice(&self.symbols.table[..]);
        for (index, entry) in self.symbols.table.iter_mut().enumerate() {
            let is_literal = |entry: &Entry| entry.plain && entry.distance_mask == 0;
            while is_literal(entry) && entry.bits < TABLE_BITS {
                let next = self.singles[index >> entry.bits];
                // Here the bits above the index read as zeros, so the next symbol is known only if
                // its code lies below them.
                if !next.plain || entry.bits + next.code > TABLE_BITS {
                    break;
                }

                *entry =
                    Entry { bits: entry.bits + next.bits, code: entry.bits + next.code, ..next };
            }
        }
    }
}
