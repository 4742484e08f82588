//! The segments of an earlier run, by what decides them.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use sheaf_common::fit;
use sheaf_common::outcome::{Segment, Stream};

use super::digest::Digest;
use crate::spool::{Part, read_journal, stream_path};

/// The segments of an earlier run. Files stay open, so that the folder may be removed.
pub struct EarlierSegments {
    streams: HashMap<Stream, File>,
    units: HashMap<Digest, Vec<Place>>,
}

/// A segment, and where it is in the file of its stream.
struct Place {
    part: Part,
    at: u64,
}

impl EarlierSegments {
    /// Opens the segments in the folder of a run.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let mut ends: HashMap<Stream, u64> = HashMap::new();
        let mut units = HashMap::new();

        for entry in read_journal(folder)? {
            let mut places = Vec::with_capacity(entry.segments.len());
            for part in entry.segments {
                let end = ends.entry(part.stream).or_default();
                let at = *end;
                *end += part.packed;
                places.push(Place { part, at });
            }

            if let Some(unit) = entry.unit {
                units.insert(unit, places);
            }
        }

        let open = |stream| Ok((stream, File::open(stream_path(folder, stream))?));
        let streams = ends.into_keys().map(open).collect::<io::Result<_>>()?;

        Ok(EarlierSegments { streams, units })
    }

    /// The segments of a unit; `None` if it is not there, or its bytes are not those of the journal.
    pub fn get(&self, unit: &Digest) -> Option<Vec<Segment>> {
        self.units.get(unit)?.iter().map(|place| self.read(place)).collect()
    }

    fn read(&self, Place { part, at }: &Place) -> Option<Segment> {
        let mut bytes = vec![0; fit::size(part.packed)];
        self.streams.get(&part.stream)?.read_exact_at(&mut bytes, *at).ok()?;
        if crc32fast::hash(&bytes) != part.packed_crc32 {
            return None;
        }

        let Part { stream, crc32, length, .. } = *part;
        Some(Segment { stream, bytes, crc32, length, meta: part.meta.clone() })
    }
}
