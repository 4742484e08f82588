//! The differences between two lists of files.

use std::cmp::Ordering;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use super::sources::{Entry, Sources, index_of};
use crate::human::{count, number, shown};

/// The differences between the files of an earlier run and those of this one.
///
/// Displayed for people as ``2 files changed (first: `a/b.html`), 1 new, 3 gone``.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files that are in the new list only.
    pub added: u64,
    /// Files that are in the old list only.
    pub removed: u64,
    /// Files whose size, time or problem differs.
    pub changed: u64,
    /// The same files in another order. Only checked if nothing else differs.
    pub reordered: bool,
    /// The first of each kind, by path.
    pub first_added: Option<String>,
    pub first_removed: Option<String>,
    pub first_changed: Option<String>,
}

impl Changes {
    /// Whether the lists are the same.
    pub fn is_empty(&self) -> bool {
        *self == Changes::default()
    }
}

impl Sources {
    /// How many files at the front are the same as in `old`: path, size, time, problem.
    pub fn same_front(&self, old: &Sources) -> u64 {
        let is_same = |(a, b): &(&Entry, &Entry)| {
            (a.size, a.modified_ns) == (b.size, b.modified_ns)
                && self.problem(a) == old.problem(b)
                && self.path_bytes(a).eq(old.path_bytes(b))
        };

        self.entries.iter().zip(&old.entries).take_while(is_same).count() as u64
    }

    /// What has changed since `old`.
    pub fn diff(&self, old: &Sources) -> Changes {
        let now = by_path(self);
        let then = by_path(old);
        let mut changes = Changes::default();

        // Both are sorted by path, so a file of one list alone shows as a gap in the other.
        let mut i = 0;
        let mut j = 0;
        while i < now.len() || j < then.len() {
            // Past the end of one list, the rest of the other has no partner.
            let order = match (now.get(i), then.get(j)) {
                (Some(&a), Some(&b)) => self
                    .path_bytes(&self.entries[a as usize])
                    .cmp(old.path_bytes(&old.entries[b as usize])),
                (Some(_), None) => Ordering::Less,
                (None, _) => Ordering::Greater,
            };

            match order {
                Ordering::Less => note(&mut changes.added, &mut changes.first_added, self, now[i]),
                Ordering::Greater => {
                    note(&mut changes.removed, &mut changes.first_removed, old, then[j])
                }
                Ordering::Equal => {
                    let a = &self.entries[now[i] as usize];
                    let b = &old.entries[then[j] as usize];
                    let same = (a.size, a.modified_ns) == (b.size, b.modified_ns)
                        && self.problem(a) == old.problem(b);
                    if !same {
                        note(&mut changes.changed, &mut changes.first_changed, self, now[i]);
                    }
                }
            }

            i += usize::from(order.is_le());
            j += usize::from(order.is_ge());
        }

        changes.reordered = changes.is_empty() && now != then;
        changes
    }
}

/// The indices of files, sorted by path.
fn by_path(sources: &Sources) -> Vec<u32> {
    let mut order: Vec<u32> = (0..index_of(sources.len())).collect();
    let path = |index: u32| sources.path_bytes(&sources.entries[index as usize]);
    order.sort_unstable_by(|a, b| path(*a).cmp(path(*b)));
    order
}

fn note(counter: &mut u64, first: &mut Option<String>, sources: &Sources, index: u32) {
    *counter += 1;
    first.get_or_insert_with(|| shown(sources.get(index as usize).path.as_os_str().as_bytes()));
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reordered {
            return f.write_str("the same files in another order");
        }

        let kinds = [
            (self.changed, "changed", &self.first_changed),
            (self.added, "new", &self.first_added),
            (self.removed, "gone", &self.first_removed),
        ];

        let mut said = false;
        for (files, word, first) in kinds.into_iter().filter(|(files, ..)| *files > 0) {
            if said {
                write!(f, ", {} {word}", number(files))?;
            } else {
                write!(f, "{} {word}", count(files, "file"))?;
            }

            match first {
                Some(path) if files == 1 => write!(f, " (`{path}`)")?,
                Some(path) => write!(f, " (first: `{path}`)")?,
                None => {}
            }

            said = true;
        }

        if said { Ok(()) } else { f.write_str("nothing has changed") }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sources::tests::list;

    #[test]
    fn every_kind_of_change_is_told() {
        let old = list("d", &[("a", 1, 1), ("b", 1, 1), ("c", 1, 1), ("e", 1, 1)]);
        let new = list("d", &[("b", 2, 1), ("a", 1, 1), ("c", 1, 9), ("x\n", 1, 1)]);
        let changes = new.diff(&old);
        assert_eq!(
            changes.to_string(),
            "2 files changed (first: `d/b`), 1 new (`d/x\\n`), 1 gone (`d/e`)"
        );

        assert!(!changes.reordered);
    }

    #[test]
    fn order_counts_where_nothing_else_differs() {
        let old = list("d", &[("a", 1, 1), ("b", 1, 1)]);
        assert!(old.diff(&old).is_empty());
        assert_eq!(old.diff(&old).to_string(), "nothing has changed");
        let turned = list("d", &[("b", 1, 1), ("a", 1, 1)]);
        assert_eq!(turned.diff(&old).to_string(), "the same files in another order");
    }

    #[test]
    fn the_same_front_ends_at_the_first_difference() {
        let old = list("d", &[("a", 1, 1), ("b", 1, 1), ("c", 1, 1)]);
        let front = |files: &[(&str, u64, i64)]| list("d", files).same_front(&old);
        assert_eq!(front(&[("a", 1, 1), ("b", 1, 1), ("c", 1, 1), ("d", 1, 1)]), 3);
        assert_eq!(front(&[("a", 1, 1), ("b", 1, 1)]), 2);
        assert_eq!(front(&[("a", 1, 1), ("b", 1, 2), ("c", 1, 1)]), 1, "another time");
        assert_eq!(front(&[("a", 2, 1), ("b", 1, 1)]), 0, "another size");
        assert_eq!(front(&[("0", 1, 1), ("a", 1, 1)]), 0, "a new one in front");
        assert_eq!(list("e", &[("a", 1, 1)]).same_front(&old), 0, "another folder");
    }

    #[test]
    fn one_list_may_be_empty() {
        let old = list("d", &[("a", 1, 1)]);
        let empty = list("d", &[]);
        assert_eq!(empty.diff(&old).removed, 1);
        assert_eq!(old.diff(&empty).added, 1);
    }
}
