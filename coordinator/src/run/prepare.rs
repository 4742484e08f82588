//! Prepares tasks for the queue: says where files are, reads them, and answers from an earlier run
//! what that run has.

use std::sync::Arc;

use sheaf_common::job::{Class, TaskId};
use sheaf_common::outcome::Outcome;
use sheaf_common::problem::{FileProblem, TooLarge};
use sheaf_common::row::Block;
use sheaf_common::rows::RowsKey;
use sheaf_common::task::{Content, SourceFile, SourcePath, Task, Work};
use sheaf_worker::extract;

use super::contents::Contents;
use super::ship::Shipping;
use crate::reuse::{Answers, Reuser};

/// How tasks are prepared.
pub struct Preparing {
    pub contents: Arc<Contents>,
    pub reuser: Option<Arc<Reuser>>,
    pub shipping: Shipping,
    /// Whether files are compressed.
    pub packs: bool,
    /// The largest file that a task may carry.
    pub largest: Option<u64>,
}

/// Tasks that are ready for the queue.
#[derive(Default)]
pub struct Prepared {
    /// All tasks, those that are answered included.
    pub all: Vec<TaskId>,
    pub tasks: Vec<Task>,
    /// Blocks of rows that the tasks name.
    pub rows: Vec<(RowsKey, Block)>,
    /// The outcomes of tasks, or of parts of them, that need no worker.
    pub answers: Vec<Outcome>,
}

impl Preparing {
    /// Prepares tasks. Every task comes by here, those that are pushed again included. Reads files,
    /// so it blocks.
    pub fn prepare(&self, batch: Vec<Task>) -> Prepared {
        let mut prepared = Prepared::default();

        for task in batch {
            prepared.all.push(task.id);

            let Answers { task, rows, outcome } = match &self.reuser {
                Some(reuser) => reuser.answer(task),
                None => Answers { task: Some(task), ..Answers::default() },
            };
            prepared.rows.extend(rows);
            prepared.answers.extend(outcome);
            prepared.tasks.extend(task.map(|task| self.for_workers(task)));
        }

        prepared
    }

    fn for_workers(&self, task: Task) -> Task {
        let located = self.contents.locate(task);

        match self.shipping {
            Shipping::None => self.noted(located),
            Shipping::ByPath => self.noted(with_absolute_paths(located)),
            Shipping::Content { .. } => self.with_content(located),
        }
    }

    /// Notes the digests of files that workers read themselves.
    fn noted(&self, task: Task) -> Task {
        if let (Some(reuser), Work::Extract(extract), Class::Extract) =
            (&self.reuser, &task.work, task.id.class)
        {
            extract.files.iter().for_each(|file| reuser.note_file(file));
        }

        task
    }

    /// Reads the files of a task into it.
    fn with_content(&self, mut task: Task) -> Task {
        if let Work::Extract(extract) = &mut task.work {
            let memory = extract.spec.limits.memory;
            for file in &mut extract.files {
                file.content = self.content(file, memory);
            }
        }

        task
    }

    fn content(&self, file: &SourceFile, memory: u64) -> Content {
        let is_refused = matches!(file.content, Content::Unreadable(_));
        if !is_refused && self.largest.is_some_and(|largest| file.size > largest) {
            let problem = FileProblem::TooLarge(TooLarge::ToShip { size: file.size });
            return Content::Unreadable(problem);
        }

        let read = extract::read(file, memory);
        if let (Ok(bytes), Some(reuser)) = (&read, &self.reuser) {
            reuser.note_content(file, bytes);
        }

        match read {
            Ok(bytes) if self.packs => extract::pack(bytes.into_owned()),
            Ok(bytes) => Content::Here(bytes.into_owned()),
            // The worker reports the problem, as if it had read the file itself.
            Err(problem) => Content::Unreadable(problem),
        }
    }
}

/// Makes the paths of a task absolute, as workers may run in other folders.
fn with_absolute_paths(mut task: Task) -> Task {
    if let Work::Extract(extract) = &mut task.work {
        for file in &mut extract.files {
            // It fails only without a current folder: then the path goes as it is.
            if file.content == Content::AtPath
                && let Ok(path) = std::path::absolute(file.path.as_path())
            {
                file.content = Content::At(SourcePath::from(path.as_path()));
            }
        }
    }

    task
}
