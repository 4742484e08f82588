//! How many tasks ended, and how.

use std::sync::atomic::{AtomicU64, Ordering};

use sheaf_common::job::Class;
use sheaf_common::outcome::TaskResult;

/// How a task ended on this worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskEnd {
    /// It was done; single files of it may have failed.
    Done,
    /// It could not be done as a whole.
    Failed,
    /// What it needs is no longer there: the coordinator sees to it.
    Lost,
    /// It was handed back, for another worker.
    GivenBack,
}

impl TaskEnd {
    /// All ends, in their order.
    pub const ALL: [TaskEnd; 4] =
        [TaskEnd::Done, TaskEnd::Failed, TaskEnd::Lost, TaskEnd::GivenBack];

    /// The end that a result means. News ends no task, and is no outcome.
    pub fn of(result: &TaskResult) -> Self {
        match result {
            TaskResult::Failed { .. } => TaskEnd::Failed,
            TaskResult::TaskLost | TaskResult::RowsLost(_) => TaskEnd::Lost,
            TaskResult::Extracted(_)
            | TaskResult::Rendered(_)
            | TaskResult::NapEnded { .. }
            | TaskResult::ReadAlone { .. }
            | TaskResult::Reading(_) => TaskEnd::Done,
        }
    }

    /// Its name, as a label.
    pub fn word(self) -> &'static str {
        match self {
            TaskEnd::Done => "done",
            TaskEnd::Failed => "failed",
            TaskEnd::Lost => "lost",
            TaskEnd::GivenBack => "given-back",
        }
    }
}

/// Counts of tasks, by class and end.
#[derive(Debug, Default)]
pub struct Tasks([[AtomicU64; TaskEnd::ALL.len()]; Class::ALL.len()]);

impl Tasks {
    pub(in crate::run) fn count(&self, class: Class, end: TaskEnd) {
        for (of, ends) in Class::ALL.into_iter().zip(&self.0) {
            if of == class {
                ends[end as usize].fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The counts of all classes and ends.
    pub fn all(&self) -> impl Iterator<Item = (Class, TaskEnd, u64)> {
        Class::ALL.into_iter().zip(&self.0).flat_map(|(class, ends)| {
            TaskEnd::ALL
                .into_iter()
                .zip(ends)
                .map(move |(end, count)| (class, end, count.load(Ordering::Relaxed)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_counted_by_class_and_end() {
        let tasks = Tasks::default();
        tasks.count(Class::Render, TaskEnd::Lost);
        tasks.count(Class::Render, TaskEnd::Lost);
        tasks.count(Class::Extract, TaskEnd::GivenBack);

        let counted: Vec<_> = tasks.all().filter(|(.., count)| *count > 0).collect();
        assert_eq!(
            counted,
            [(Class::Render, TaskEnd::Lost, 2), (Class::Extract, TaskEnd::GivenBack, 1)]
        );
        assert_eq!(tasks.all().count(), 12);
    }
}
