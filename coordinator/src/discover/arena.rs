//! Many short byte strings in one allocation.

/// Byte strings one after another, each known by its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arena {
    bytes: Vec<u8>,
}

/// Where a string stands in its [`Arena`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The place in the low 48 bits, the length in the high 16: a file name has at most 255 bytes,
    /// a path 4095.
    packed: u64,
}

const PLACE_BITS: u32 = 48;

impl Arena {
    /// Stores a string; only the head of one that is longer than 65,535 bytes (no system has such
    /// names).
    pub fn push(&mut self, text: &[u8]) -> Span {
        let text = &text[..text.len().min(u16::MAX as usize)];
        let place = self.bytes.len() as u64;
        self.bytes.extend_from_slice(text);
        Span { packed: place | (text.len() as u64) << PLACE_BITS }
    }

    pub fn get(&self, span: Span) -> &[u8] {
        let place = (span.packed & ((1 << PLACE_BITS) - 1)) as usize;
        &self.bytes[place..][..(span.packed >> PLACE_BITS) as usize]
    }

    /// The bytes that are taken.
    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives back what was reserved in advance.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let mut arena = Arena::default();
        let spans: Vec<Span> =
            [&b"a"[..], b"", b"\xff\0", &[7; 70_000]].iter().map(|text| arena.push(text)).collect();
        assert_eq!(arena.get(spans[0]), b"a");
        assert_eq!(arena.get(spans[1]), b"");
        assert_eq!(arena.get(spans[2]), b"\xff\0");
        assert_eq!(arena.get(spans[3]).len(), 65_535);
    }
}
