//! The jobs that a user points at.

use crate::api::{JobId, Selector};

/// Why a selector means no job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    #[error("there is no job yet")]
    NoJob,
    #[error("there is no job `{0}`")]
    None(String),
    #[error("there is no job with a number from {first} to {last}")]
    EmptyRange { first: u64, last: u64 },
    #[error("several jobs begin with `{text}`")]
    Ambiguous { text: String, candidates: Vec<JobId> },
}

/// The most candidates that are named.
const CANDIDATES: usize = 10;

/// The jobs that a selector means, oldest first. `ids`: all jobs, oldest first.
///
/// # Errors
/// When it means none, or is the beginning of several.
pub fn select(selector: &Selector, ids: &[JobId]) -> Result<Vec<JobId>, SelectError> {
    let (text, range) = match selector {
        Selector::Last => return Ok(vec![ids.last().ok_or(SelectError::NoJob)?.clone()]),
        Selector::Named { text, range } => (text, range),
    };

    if let Some(exact) = ids.iter().find(|id| id.as_str() == text) {
        return Ok(vec![exact.clone()]);
    }

    if let Some((first, last)) = *range {
        let is_in = |id: &&JobId| id.number().is_some_and(|id| (first..=last).contains(&id));
        let found: Vec<JobId> = ids.iter().filter(is_in).cloned().collect();

        // A range may leave out jobs that were removed, but not all of them.
        if !found.is_empty() {
            return Ok(found);
        }
    }

    let begins = |id: &&JobId| !text.is_empty() && id.as_str().starts_with(text.as_str());
    let mut found: Vec<JobId> = ids.iter().filter(begins).cloned().collect();

    match (found.len(), *range) {
        (1, _) => Ok(found),
        (0, Some((first, last))) => Err(SelectError::EmptyRange { first, last }),
        (0, None) => Err(SelectError::None(text.clone())),
        (_, _) => {
            found.truncate(CANDIDATES);
            Err(SelectError::Ambiguous { text: text.clone(), candidates: found })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Result<Vec<String>, SelectError> {
        let ids = ["1", "2", "12", "nightly-28", "nightly-29", "4-9"];
        let ids: Vec<JobId> = ids.iter().map(|id| id.parse().unwrap()).collect();
        let found = select(&Selector::of(text), &ids)?;
        Ok(found.into_iter().map(String::from).collect())
    }

    #[test]
    fn an_exact_id_wins_over_all_else() {
        assert_eq!(chosen("1").unwrap(), ["1"], "12 begins with it, too");
        assert_eq!(chosen("4-9").unwrap(), ["4-9"], "it looks like a range");
    }

    #[test]
    fn last_ranges_and_beginnings_are_enough() {
        assert_eq!(chosen("last").unwrap(), ["4-9"]);
        assert_eq!(chosen("2-20").unwrap(), ["2", "12"]);
        assert_eq!(chosen("nightly-29").unwrap(), ["nightly-29"]);
        assert_eq!(chosen("4").unwrap(), ["4-9"]);
    }

    #[test]
    fn what_means_no_single_job_is_told() {
        let error = chosen("night").unwrap_err();
        let expected = ["nightly-28", "nightly-29"].map(|id| id.parse().unwrap()).to_vec();
        assert_eq!(error, SelectError::Ambiguous { text: "night".into(), candidates: expected });

        assert_eq!(chosen("x").unwrap_err().to_string(), "there is no job `x`");
        assert_eq!(chosen("").unwrap_err(), SelectError::None(String::new()));
        assert!(matches!(chosen("50-60"), Err(SelectError::EmptyRange { first: 50, last: 60 })));
        assert_eq!(select(&Selector::Last, &[]), Err(SelectError::NoJob));
    }
}
