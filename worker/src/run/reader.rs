//! Reads the files of a task, in the light of earlier failures of the task.
//!
//! ```text
//! first time ──────────────────▶ read ──▶ a file died, and another worker is there ──▶ given back, with the deaths
//! a file died elsewhere ───────▶ read; that file is tried once more, then dead
//! a file died here alone ──────▶ given back while another worker is there; else that file is dead, the others are read
//! three workers vanished ──────▶ read alone, one by one, each noted before it begins
//!                                └─ another one vanished: the file that was noted is dead
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sheaf_common::fit;
use sheaf_common::job::WorkerId;
use sheaf_common::numbers::FileIndex;
use sheaf_common::outcome::{FileReport, FileStatus, Outcome, TaskResult};
use sheaf_common::problem::{Crashed, FileProblem};
use sheaf_common::queue::{Begun, Death, Fatal, Known, Leased, Past, QueueError, WorkQueue};
use sheaf_common::task::{Extract, SourceFile};
use tokio::runtime::Handle;
use tracing::{info, warn};

use super::news::News;
use crate::pool::{Care, HowFar, Interrupted, Read, Slot};

/// After this many workers that vanished with a task, its files are read alone.
const MOST_VANISHED: usize = 3;
/// The pause before asking the queue again: it could not answer, or a late worker may still turn
/// up.
const PAUSE: Duration = Duration::from_millis(250);

/// Reads files in a slot.
pub struct Reader {
    pub worker: WorkerId,
    /// The slot's name, for news.
    pub name: String,
    pub slot: Slot,
    pub runtime: Handle,
    pub stop: Arc<AtomicBool>,
    /// Locked by every slot that works: for reading, or for writing while it reads files that may
    /// end the whole worker. Then no other slot works, so none can be the cause.
    pub alone: Arc<RwLock<()>>,
}

/// How reading a task ended.
pub enum Done {
    Read(Read),
    /// Another worker has or will get the task: there is no outcome to hand in.
    GivenBack,
}

impl Reader {
    /// Reads the files of a leased task. `work` is that task with its paths confined.
    ///
    /// # Errors
    /// [`Interrupted`], when no file is to blame.
    pub fn read<W: WorkQueue>(
        &mut self,
        queue: &W,
        leased: &Leased,
        work: &Extract,
    ) -> Result<Done, Interrupted> {
        let mut news =
            News::new(queue.clone(), leased.task.id, self.name.clone(), self.runtime.clone());
        let mut reading = |reading| news.send(reading);

        // A first delivery has no past, so a task that goes well costs no call.
        if leased.delivery == 1 {
            let care = Care { reading: Some(&mut reading), ..Care::default() };
            let read = self.read_together(work, care)?;
            return self.settle(queue, leased, Past::default(), read);
        }

        let Known { mut past, vanished, .. } = self.ask(queue, leased)?;
        let died_here_alone =
            !past.deaths.is_empty() && past.deaths.iter().all(|death| death.by == self.worker);
        // Another worker is to try the file, and may only have been busy so far.
        if died_here_alone && self.has_others(queue)? {
            return self.give_back(queue, leased, &past);
        }

        let begun = past.begun.take();
        if vanished.len() < MOST_VANISHED {
            if begun.is_some() {
                // The worker that began the file was only late. Erase the note, or a later end of
                // that worker would be blamed on this file.
                patiently(&self.runtime, &self.stop, async || {
                    queue.note_if_held(&leased.lease, &past).await
                })?;
            }

            let care = Care { reading: Some(&mut reading), ..self.care(&past) };
            let read = self.read_together(work, care)?;
            return self.settle(queue, leased, past, read);
        }

        // A worker that notes a file reads nothing else meanwhile. If it vanished, that file is to
        // blame.
        if let Some(begun) = begun.filter(|begun| vanished.contains(&begun.by)) {
            past.fatal
                .push(Fatal { sequence: begun.sequence, workers: fit::count(vanished.len()) });
        }

        let alone = Arc::clone(&self.alone);
        let _alone = alone.write().expect("no holder panics");
        match self.read_alone(queue, leased, work, &mut past, vanished.len(), &mut reading)? {
            Some(read) => self.settle(queue, leased, past, read),
            None => Ok(Done::GivenBack), // The lease is lost.
        }
    }

    /// Reads the files while other slots may read theirs, but waits while one reads alone.
    fn read_together(&mut self, work: &Extract, mut care: Care<'_>) -> Result<Read, Interrupted> {
        let alone = Arc::clone(&self.alone);
        let _together = alone.read().expect("no holder panics");
        self.slot.extract(work, &mut care)
    }

    /// Reads the files one by one, each noted before it begins; `None` if the lease was lost.
    fn read_alone<W: WorkQueue>(
        &mut self,
        queue: &W,
        leased: &Leased,
        work: &Extract,
        past: &mut Past,
        vanished: usize,
        reading: &mut HowFar<'_>,
    ) -> Result<Option<Read>, Interrupted> {
        let files = fit::count(work.files.len());
        let first = work.files.first().map_or_else(String::new, |file| file.path.display());
        warn!(
            task = %leased.task.id,
            vanished,
            files,
            first,
            "workers vanished with these files: reading each alone"
        );

        let result = TaskResult::ReadAlone { vanished: fit::count(vanished), files, first };
        let news = Outcome { task: leased.task.id, slot: self.name.clone(), result };
        // If this does not arrive, it is still in this worker's log.
        let _ = self.runtime.block_on(queue.notify(news));

        let mut care = self.care(past);
        let worker = &self.worker;
        let stop = &self.stop;
        let runtime = &self.runtime;
        let mut is_stale = false;

        let mut before = |file: &SourceFile| {
            past.begun = Some(Begun { by: worker.clone(), sequence: file.sequence });
            let noted =
                patiently(runtime, stop, async || queue.note_if_held(&leased.lease, past).await)?;
            is_stale = !noted;
            // Under a stale lease the outcome would be refused, so stop reading.
            if noted { Ok(()) } else { Err(Interrupted::Stopped) }
        };

        care.before = Some(&mut before);
        care.reading = Some(reading);

        let read = self.slot.extract(work, &mut care);
        drop(care);

        // Erase the note: from here on, the end of this worker is not the fault of a file.
        past.begun = None;
        if let Err(error) = self.runtime.block_on(queue.note_if_held(&leased.lease, past)) {
            warn!(%error, "could not note that the files were read");
        }

        if is_stale { Ok(None) } else { read.map(Some) }
    }

    /// What the slot must know about the files from the task's past.
    fn care<'a>(&self, past: &Past) -> Care<'a> {
        let mut care = Care::default();
        let elsewhere = past.deaths.iter().any(|death| death.by != self.worker);

        for Death { sequence, attempts, problem, .. } in &past.deaths {
            // A file that died elsewhere is tried once more here. One that died here alone is dead:
            // no other worker is there to try it.
            if elsewhere {
                *care.attempts.entry(*sequence).or_default() += attempts;
            } else {
                care.settled.insert(*sequence, dead(*sequence, *attempts, problem.clone()));
            }
        }

        for Fatal { sequence, workers } in &past.fatal {
            let problem = FileProblem::Crashed(Crashed::Workers { workers: *workers });
            care.settled.insert(*sequence, dead(*sequence, *workers, problem));
        }

        care
    }

    /// Accepts what was read as the outcome, unless a file died that another worker has yet to try;
    /// then gives the task back.
    fn settle<W: WorkQueue>(
        &self,
        queue: &W,
        leased: &Leased,
        mut past: Past,
        read: Read,
    ) -> Result<Done, Interrupted> {
        // Deaths that were noted before: another worker has tried these files, or there is none.
        if !past.deaths.is_empty() {
            return Ok(Done::Read(read));
        }

        // A file that ended whole workers has had its tries: its death is not news.
        let is_fatal =
            |report: &FileReport| past.fatal.iter().any(|fatal| fatal.sequence == report.sequence);
        let death_of = |report: &FileReport| match &report.status {
            FileStatus::Dead(problem) if !is_fatal(report) => Some(Death {
                by: self.worker.clone(),
                sequence: report.sequence,
                attempts: report.attempts,
                problem: problem.clone(),
            }),
            FileStatus::Dead(_) | FileStatus::Done { .. } | FileStatus::Failed(_) => None,
        };
        let deaths: Vec<Death> = read.reports.iter().filter_map(death_of).collect();
        if deaths.is_empty() || !self.has_others(queue)? {
            return Ok(Done::Read(read));
        }

        past.deaths = deaths;
        self.give_back(queue, leased, &past)
    }

    fn give_back<W: WorkQueue>(
        &self,
        queue: &W,
        leased: &Leased,
        past: &Past,
    ) -> Result<Done, Interrupted> {
        let files = past.deaths.len();
        info!(
            task = %leased.task.id,
            files,
            "handing a task back: another worker will try the files that killed processes here"
        );

        patiently(&self.runtime, &self.stop, async || {
            queue.give_back_if_held(&leased.lease, past).await
        })?;
        Ok(Done::GivenBack)
    }

    /// Whether another worker is there to try the task.
    fn has_others<W: WorkQueue>(&self, queue: &W) -> Result<bool, Interrupted> {
        patiently(&self.runtime, &self.stop, async || queue.has_others().await)
    }

    /// Asks for the past of a task. If it matters how many workers vanished, waits until the queue
    /// knows which of them were only late.
    fn ask<W: WorkQueue>(&self, queue: &W, leased: &Leased) -> Result<Known, Interrupted> {
        let mut previous = leased.previous.as_ref();
        loop {
            let known = patiently(&self.runtime, &self.stop, async || {
                queue.past(&leased.lease, previous).await
            })?;
            // The first call has noted the previous worker.
            previous = None;

            let matters = known.past.begun.is_some()
                || known.vanished.len() + known.undecided >= MOST_VANISHED;
            if known.undecided == 0 || !matters {
                return Ok(known);
            }

            pause(&self.stop)?;
        }
    }
}

/// Repeats a call until the queue answers.
///
/// # Errors
/// [`Interrupted::Stopped`], when the queue became unusable or `stop` was set.
fn patiently<T>(
    runtime: &Handle,
    stop: &AtomicBool,
    call: impl AsyncFn() -> Result<T, QueueError>,
) -> Result<T, Interrupted> {
    loop {
        match runtime.block_on(call()) {
            Ok(answer) => return Ok(answer),
            // The fetcher or finisher meets the same error, and ends the worker with it.
            Err(QueueError::Unusable { .. }) => return Err(Interrupted::Stopped),
            Err(error) => warn!(%error, "could not read or note the history of a task"),
        }
        pause(stop)?;
    }
}

fn pause(stop: &AtomicBool) -> Result<(), Interrupted> {
    std::thread::sleep(PAUSE);
    if stop.load(Ordering::Relaxed) { Err(Interrupted::Stopped) } else { Ok(()) }
}

/// The report on a file that is not tried again.
fn dead(sequence: FileIndex, attempts: u32, problem: FileProblem) -> FileReport {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, fit::millis);

    let status = FileStatus::Dead(problem);
    FileReport { attempts, started_ms: now, ..FileReport::new(sequence, status) }
}
