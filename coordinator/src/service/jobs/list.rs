//! Some of all jobs, page by page.

use crate::api::{JobPage, State};
use crate::service::record::Record;

use super::entry::Entry;

/// Which jobs are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Any of these; empty: all.
    pub states: Vec<State>,
    /// A part of the name or the id, whatever its case.
    pub text: Option<String>,
    /// Not created before, in milliseconds since 1970.
    pub since: Option<u64>,
    /// Only jobs that are older than the one with this number.
    pub before: Option<u64>,
    pub limit: usize,
}

impl Filter {
    fn takes(&self, record: &Record) -> bool {
        let is_in_state = self.states.is_empty() || self.states.contains(&record.state);
        let is_new = self.since.is_none_or(|since| record.created >= since);
        is_in_state && is_new && self.text.as_ref().is_none_or(|text| is_named(record, text))
    }

    /// The page of `entries`, which come newest first.
    pub fn page<'a>(
        &self,
        entries: impl Iterator<Item = &'a Entry>,
        keep_ms: Option<u64>,
    ) -> JobPage {
        let mut page = JobPage { jobs: Vec::new(), next: None, total: 0 };
        let mut last = None;

        for entry in entries.filter(|entry| self.takes(&entry.record)) {
            page.total += 1;

            let is_past = self.before.is_some_and(|before| entry.number >= before);
            if is_past {
                continue;
            }

            if page.jobs.len() < self.limit {
                page.jobs.push(entry.record.job(keep_ms));
                last = Some(entry.number);
            } else if page.next.is_none() {
                page.next = last.map(|number| number.to_string());
            }
        }

        page
    }
}

fn is_named(record: &Record, text: &str) -> bool {
    let text = text.to_lowercase();
    let has = |name: &str| name.to_lowercase().contains(&text);
    has(record.id.as_str()) || record.name.as_deref().is_some_and(has)
}
