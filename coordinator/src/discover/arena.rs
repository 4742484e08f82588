//! Many short byte strings in one allocation.

/// Byte strings one after another; a [`Span`] finds each again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arena {
    bytes: Vec<u8>,
}

/// Offset and length of a string in its [`Arena`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The offset in the low 48 bits, the length in the high 16: file names have at most 255 bytes,
    /// paths 4095.
    packed: u64,
}

const PLACE_BITS: u32 = 48;

impl Arena {
    /// Stores a string. Of a string of more than 65,535 bytes only the head is stored; no system
    /// has such names.
    pub fn push(&mut self, text: &[u8]) -> Span {
        let text = &text[..text.len().min(u16::MAX as usize)];
        let place = self.bytes.len() as u64;
        self.bytes.extend_from_slice(text);
        Span { packed: place | (text.len() as u64) << PLACE_BITS }
    }

    /// The string at a span of this arena.
    pub fn get(&self, span: Span) -> &[u8] {
        let place = (span.packed & ((1 << PLACE_BITS) - 1)) as usize;
        &self.bytes[place..][..(span.packed >> PLACE_BITS) as usize]
    }

    /// The bytes that are allocated.
    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Frees what was allocated in advance.
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
