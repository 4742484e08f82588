//! All kinds of faults, by name.

mod processes;
mod servers;
mod surroundings;

use super::kind::{Act, Hold, Kind, Persistence, Role};

/// Every kind, each once.
pub fn all() -> Vec<Kind> {
    [
        processes::workers(),
        processes::coordinator(),
        servers::any(Role::Queue),
        servers::queue_alone(),
        servers::any(Role::Bytes),
        servers::keys(),
        surroundings::ways(),
        surroundings::machine(),
        surroundings::pairs(),
    ]
    .concat()
}

/// The kinds with these names; all if there are none. A name that ends in `*` stands for all that
/// begin with it.
///
/// # Errors
/// An unknown name.
pub fn named(words: &[String]) -> Result<Vec<Kind>, String> {
    if words.is_empty() {
        return Ok(all());
    }

    let mut chosen = Vec::new();
    for word in words {
        let matches = |kind: &Kind| match word.strip_suffix('*') {
            Some(start) => kind.name.starts_with(start),
            None => kind.name == *word,
        };
        let found: Vec<Kind> = all().into_iter().filter(matches).collect();
        if found.is_empty() {
            return Err(format!("no kind of fault is called `{word}`: --list shows all"));
        }
        chosen.extend(found);
    }

    Ok(chosen)
}

fn kind(name: impl Into<String>, hold: Hold, acts: &[Act]) -> Kind {
    Kind {
        name: name.into(),
        acts: acts.to_vec(),
        hold,
        workers: 1,
        own_slots: false,
        persistence: Persistence::None,
        since: 0,
    }
}

impl Kind {
    fn workers(self, workers: usize) -> Kind {
        Kind { workers, ..self }
    }

    fn own_slots(self) -> Kind {
        Kind { own_slots: true, ..self }
    }

    fn with_persistence(self, persistence: Persistence) -> Kind {
        Kind { persistence, ..self }
    }

    fn since(self, since: u64) -> Kind {
        Kind { since, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn at_least_60_kinds_have_distinct_names() {
        let kinds = all();
        let names: HashSet<&str> = kinds.iter().map(|kind| kind.name.as_str()).collect();
        assert_eq!(names.len(), kinds.len());
        assert!(kinds.len() >= 60, "{}", kinds.len());
    }

    #[test]
    fn kinds_are_chosen_by_name_and_by_beginning() {
        let words = |typed: &[&str]| typed.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(named(&[]).unwrap().len(), all().len());
        assert_eq!(named(&words(&["redis-flush"])).unwrap().len(), 1);
        assert!(named(&words(&["way-*"])).unwrap().len() > 20);
        assert!(named(&words(&["redis-flush", "no-such"])).unwrap_err().contains("`no-such`"));
    }
}
