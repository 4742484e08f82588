//! The numbers of files, tasks, units and blocks, each with its own type, so that none can be taken
//! for another. On the wire and in the journal each is the bare number.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Defines a number that counts things from 0.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The number after this one; the largest number returns itself.
            pub fn next(self) -> Self {
                $name(self.0.saturating_add(1))
            }

            /// Its index in a list of all of them; `usize::MAX`, behind the end of every list, if
            /// it is too large for this machine.
            pub fn index(self) -> usize {
                usize::try_from(self.0).unwrap_or(usize::MAX)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, ParseIntError> {
                text.parse().map($name)
            }
        }
    };
}

number! {
    /// A file's place in the order of all inputs, from 0.
    FileIndex(u64)
}

number! {
    /// The number of a task among those of its job and class. An extract task and its repair have
    /// the same number; a render task has the number of its first unit.
    TaskNumber(u64)
}

number! {
    /// A unit's place among those of its run, from 0.
    UnitNumber(u64)
}

number! {
    /// A block's place among the blocks of rows of its task, from 0.
    BlockNumber(u32)
}

impl FileIndex {
    /// The number that news of a nap have in place of a file's: that of its task.
    pub fn of_nap(task: TaskNumber) -> Self {
        FileIndex(task.0)
    }

    /// The file at this index of the list of all inputs.
    pub fn at(index: usize) -> Self {
        FileIndex(index as u64)
    }
}

impl BlockNumber {
    /// The numbers before this one, from 0 on.
    pub fn all_before(self) -> impl Iterator<Item = BlockNumber> {
        (0..self.0).map(BlockNumber)
    }
}

impl TaskNumber {
    /// The number of the render task that begins with this unit.
    pub fn of_render(first: UnitNumber) -> Self {
        TaskNumber(first.0)
    }
}

impl UnitNumber {
    /// The number `places` after this one.
    pub fn after(self, places: usize) -> Self {
        UnitNumber(self.0.saturating_add(places as u64))
    }

    /// How many places this number is after `first`; `None`: it is before `first`.
    pub fn places_after(self, first: UnitNumber) -> Option<usize> {
        self.0.checked_sub(first.0).map(|places| UnitNumber(places).index())
    }

    /// The first unit of the render task with this number: see [`TaskNumber::of_render`].
    pub fn first_of(render: TaskNumber) -> Self {
        UnitNumber(render.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    #[test]
    fn a_number_is_encoded_as_its_content() {
        for number in [0, 7, 300, u64::MAX] {
            assert_eq!(wire::encode(&FileIndex(number)), wire::encode(&number));
            assert_eq!(serde_json::to_string(&TaskNumber(number)).unwrap(), number.to_string());
        }
        assert_eq!(wire::encode(&BlockNumber(70_000)), wire::encode(&70_000_u32));
    }

    #[test]
    fn a_number_is_written_as_digits() {
        assert_eq!(format!("{} {:04}", UnitNumber(12), FileIndex(7)), "12 0007");
        assert_eq!("12".parse(), Ok(TaskNumber(12)));
    }
}
