//! The driver against made-up events: failing queues, and no workers.

use std::sync::Arc;

use sheaf_common::job::{JobId, TaskId};
use sheaf_common::outcome::{Extracted, FileReport, FileStatus, Outcome, TaskResult};
use sheaf_common::queue::{Capacity, LostWorker, Reason};
use sheaf_common::task::{Task, Work};
use sheaf_worker::signals::Stop;

use super::*;
use crate::ledger::Ledger;
use crate::run::interrupt::Cause;

const JOB: JobId = JobId(1);

/// A driver of a run over Redis without slots of its own, and its clock.
struct World<'s> {
    driver: Driver<'s>,
    start: Instant,
    now: Instant,
    in_trouble: bool,
    /// The call in flight.
    call: Option<(Call, Duration)>,
    /// The questions without an answer, the oldest first.
    asked: Vec<Question>,
    pushed: Vec<Task>,
    commits: usize,
    /// The notices since the last look.
    notices: Vec<Notice>,
    end: Option<Result<Driven, DriveError>>,
}

impl<'s> World<'s> {
    fn new(sources: &'s Sources, wait_for_workers: Option<Duration>) -> Self {
        let now = Instant::now();
        let start = Position::default();
        let ledger = Ledger::new(JOB, Arc::default(), start);
        let window = Window::redis(None, 0);
        let driver = Driver::new(ledger, sources, start, window, wait_for_workers, now);

        let mut world = World {
            driver,
            start: now,
            now,
            in_trouble: false,
            call: None,
            asked: Vec::new(),
            pushed: Vec::new(),
            commits: 0,
            notices: Vec::new(),
            end: None,
        };

        world.feed(Event::Begun);
        world
    }

    /// A driver that knows the capacity, and collects.
    fn collecting(sources: &'s Sources) -> Self {
        let mut world = World::new(sources, None);
        world.answer(Event::Sized(Ok(Capacity { slots: 2, ..Capacity::default() })));
        assert_eq!(world.call, Some((Call::Collect, Duration::ZERO)));
        world
    }

    fn feed(&mut self, event: Event) {
        assert!(self.end.is_none(), "nothing comes after the end");

        let moment = Moment { now: self.now, in_trouble: self.in_trouble };
        for command in self.driver.handle(moment, event) {
            match command {
                Command::Push(task) => self.pushed.push(task),
                Command::Commit(_) => self.commits += 1,
                Command::Call { call, after } => {
                    let before = self.call.replace((call, after));
                    assert_eq!(before, None, "one call at a time");
                }
                Command::Ask(question) => self.asked.push(question),
                Command::Notice(notice) => self.notices.push(notice),
                Command::End(end) => self.end = Some(end),
                Command::Slots(_) | Command::Log { .. } | Command::Progress | Command::Answer => {}
            }
        }
    }

    /// Answers the oldest question that `event` answers, or the call in flight.
    fn answer(&mut self, event: Event) {
        let of_question = |question: &Question| match &event {
            Event::Sized(_) => matches!(question, Question::Capacity),
            Event::Lost(_) => matches!(question, Question::LostWorkers),
            Event::Remarked(_) => matches!(question, Question::Remarks),
            Event::Why(_) => matches!(question, Question::WhyIdle { .. }),
            _ => false,
        };

        match self.asked.iter().position(of_question) {
            Some(place) => drop(self.asked.remove(place)),
            None => drop(self.call.take().expect("a call or a question is under way")),
        }

        self.feed(event);
    }

    /// Lets time pass with ticks alone; returns `false` if the run has ended.
    fn pass(&mut self, time: Duration) -> bool {
        assert!(self.now < self.start + second(600), "the run goes on for ever");

        let until = self.now + time;
        while self.now < until && self.end.is_none() {
            self.now += Duration::from_millis(200);
            self.feed(Event::Tick);
        }

        self.end.is_none()
    }

    fn is_asked(&self, question: Question) -> bool {
        self.asked.contains(&question)
    }

    fn new_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }
}

const WHY: Question = Question::WhyIdle { needs_others: true };

fn second(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn unreachable() -> QueueError {
    QueueError::Unreachable(Reason::new("connection refused"))
}

/// The outcome of an extract task whose files have no rows.
fn empty_files(task: &Task) -> Outcome {
    let Work::Extract(extract) = &task.work else { panic!("an extract task") };
    let report = |sequence| {
        let status = FileStatus::Done { slices: Vec::new(), truncated_cells: 0 };
        FileReport::new(sequence, status)
    };

    let reports = extract.files.iter().map(|file| report(file.sequence)).collect();
    let extracted = Extracted { reports, edition: 1, stashed: None };
    Outcome { task: task.id, slot: "s".into(), result: TaskResult::Extracted(extracted) }
}

fn one_file() -> Sources {
    Sources::example(&[Some(1)])
}

#[test]
fn nothing_is_planned_before_the_capacity_is_known() {
    let sources = one_file();
    let mut world = World::new(&sources, None);
    world.pass(second(1));
    assert!(world.pushed.is_empty() && world.call.is_none());

    // The capacity is unknown: the driver goes on with its default.
    world.answer(Event::Sized(Err(unreachable())));
    assert_eq!(world.pushed.len(), 1);
    assert!(world.call.is_some());
}

#[test]
fn a_run_ends_when_all_is_stored() {
    let sources = one_file();
    let mut world = World::collecting(&sources);
    let outcome = empty_files(&world.pushed[0]);
    world.answer(Event::Collected(Ok(vec![outcome])));

    assert_eq!(world.commits, 1);
    assert!(matches!(world.end, Some(Ok(Driven::Whole))), "{:?}", world.end);
}

#[test]
fn a_failed_call_is_repeated_after_a_pause() {
    let sources = one_file();
    let mut world = World::collecting(&sources);

    for error in [unreachable(), QueueError::Full(Reason::new("no room")), unreachable()] {
        world.answer(Event::Collected(Err(error)));
        assert_eq!(world.call, Some((Call::Collect, PAUSE)));
    }

    world.answer(Event::Collected(Ok(Vec::new())));
    assert_eq!(world.call, Some((Call::Collect, Duration::ZERO)));
}

#[test]
fn an_unusable_queue_ends_the_run() {
    let useless = || QueueError::Unusable(Reason::new("wrong password"));
    let sources = one_file();

    let mut world = World::collecting(&sources);
    world.answer(Event::Collected(Err(useless())));
    assert!(matches!(world.end, Some(Err(DriveError::Queue(_)))), "{:?}", world.end);

    let mut world = World::collecting(&sources);
    world.feed(Event::ShippingFailed(useless()));
    assert!(matches!(world.end, Some(Err(DriveError::Queue(_)))), "{:?}", world.end);

    let mut world = World::collecting(&sources);
    world.pass(second(4));
    world.answer(Event::Why(Err(useless())));
    assert!(matches!(world.end, Some(Err(DriveError::Queue(_)))), "{:?}", world.end);
}

#[test]
fn silence_and_its_end_are_announced_once() {
    let sources = one_file();
    let mut world = World::collecting(&sources);

    world.pass(second(2));
    assert!(!world.is_asked(WHY), "a run may take its time");
    world.pass(second(2));
    assert!(world.is_asked(WHY));

    world.answer(Event::Why(Ok(Some("no worker".into()))));
    assert_eq!(world.new_notices(), [Notice::Waits("no worker".into())]);

    world.pass(second(4));
    world.answer(Event::Why(Ok(Some("no worker".into()))));
    assert_eq!(world.new_notices(), [], "it was said already");

    let outcome = empty_files(&world.pushed[0]);
    world.answer(Event::Collected(Ok(vec![outcome])));
    assert_eq!(world.new_notices(), [Notice::GoesOn]);
}

#[test]
fn trouble_is_explained_while_calls_hang() {
    let sources = one_file();
    let mut world = World::new(&sources, None);

    // No question is answered.
    world.in_trouble = true;
    world.pass(second(2));
    assert!(world.is_asked(WHY) && world.is_asked(Question::Capacity));

    world.answer(Event::Why(Err(unreachable())));
    assert_eq!(world.new_notices(), [Notice::Waits(unreachable().to_string())]);
}

#[test]
fn outcomes_do_not_end_another_servers_trouble() {
    let sources = Sources::example(&[Some(1 << 20), Some(1 << 20)]);
    let mut world = World::collecting(&sources);
    world.in_trouble = true;
    world.pass(second(2));
    world.answer(Event::Why(Ok(Some("the server is full".into()))));
    world.new_notices();

    let outcome = empty_files(&world.pushed[0]);
    world.answer(Event::Collected(Ok(vec![outcome])));
    assert_eq!(world.new_notices(), []);

    world.in_trouble = false;
    world.pass(second(4));
    world.answer(Event::Why(Ok(None)));
    assert_eq!(world.new_notices(), [Notice::GoesOn]);
}

#[test]
fn a_run_gives_up_after_waiting_too_long() {
    let sources = one_file();
    let mut world = World::new(&sources, Some(second(10)));
    world.answer(Event::Sized(Ok(Capacity::default())));

    while world.pass(Duration::from_millis(200)) {
        if world.is_asked(WHY) {
            world.answer(Event::Why(Ok(Some("no worker".into()))));
        }
    }

    let Some(Err(DriveError::NobodyWorks { waited, reason })) = world.end else {
        panic!("{:?}", world.end)
    };
    assert!(waited >= second(10) && waited < second(14), "{waited:?}");
    assert_eq!(reason, "no worker");
}

#[test]
fn only_shipped_tasks_are_audited_and_pushed_again() {
    let sources = Sources::example(&[Some(1 << 20), Some(1 << 20)]);
    let mut world = World::collecting(&sources);
    let ids: Vec<TaskId> = world.pushed.iter().map(|task| task.id).collect();
    assert_eq!(ids.len(), 2);

    world.feed(Event::Shipped(vec![ids[0]]));
    world.pass(AUDIT);
    world.answer(Event::Collected(Ok(Vec::new())));
    assert_eq!(world.call, Some((Call::Audit(vec![ids[0]]), Duration::ZERO)));

    world.answer(Event::Audited(Ok(vec![ids[0]])));
    assert_eq!(world.pushed.len(), 3);
    assert_eq!(world.pushed[2].id, ids[0]);
    assert_eq!(world.call, Some((Call::Collect, Duration::ZERO)));
}

#[test]
fn a_lost_worker_is_named_once_each_time() {
    let sources = one_file();
    let mut world = World::collecting(&sources);
    let lost =
        || LostWorker { worker: "host:1".into(), silent: second(5), tasks: 2, left: second(20) };

    let mut said = Vec::new();
    for answer in [vec![lost()], vec![lost()], vec![], vec![lost()]] {
        world.pass(AUDIT);
        world.answer(Event::Collected(Ok(Vec::new())));
        world.answer(Event::Audited(Ok(Vec::new())));
        if world.is_asked(Question::Capacity) {
            world.answer(Event::Sized(Ok(Capacity::default())));
        }

        world.answer(Event::Lost(Ok(answer)));
        said.push(world.new_notices());
    }

    let named = vec![Notice::WorkerLost(lost())];
    assert_eq!(said, [named.clone(), vec![], vec![], named]);
}

#[test]
fn a_remark_about_workers_is_made_once() {
    let sources = one_file();
    let mut world = World::collecting(&sources);
    let remark = || Ok(vec!["the lease of host:1 is another".to_string()]);

    world.pass(REMARKS);
    answer_all_but_remarks(&mut world);
    world.answer(Event::Remarked(remark()));
    assert_eq!(world.new_notices().len(), 1);

    world.pass(REMARKS);
    answer_all_but_remarks(&mut world);
    world.answer(Event::Remarked(remark()));
    assert_eq!(world.new_notices(), []);
}

/// Answers questions until remarks are asked for.
fn answer_all_but_remarks(world: &mut World<'_>) {
    while !world.is_asked(Question::Remarks) {
        match world.asked.first().expect("a question is under way") {
            Question::Capacity => world.answer(Event::Sized(Ok(Capacity::default()))),
            Question::LostWorkers => world.answer(Event::Lost(Ok(Vec::new()))),
            Question::WhyIdle { .. } => world.answer(Event::Why(Ok(None))),
            Question::Remarks => {}
        }
    }
}

#[test]
fn an_interrupt_ends_the_run_at_once() {
    let sources = one_file();
    let mut world = World::collecting(&sources);
    world.feed(Event::Stopped(Stop::Interrupt.into()));
    assert!(matches!(world.end, Some(Ok(Driven::Interrupted(Cause::Signal(Stop::Interrupt))))));
}

#[test]
fn a_new_priority_is_told_until_heard() {
    let sources = one_file();
    let mut world = World::collecting(&sources);
    world.feed(Event::Prioritised(Priority::Low));
    world.answer(Event::Collected(Ok(Vec::new())));
    assert_eq!(world.call.take(), Some((Call::Prioritise(Priority::Low), Duration::ZERO)));

    // Meanwhile the user wants another: the old one is not tried again.
    world.feed(Event::Prioritised(Priority::High));
    let lost = || Err(QueueError::Unreachable(Reason::new("no route")));
    world.feed(Event::Ranked(Priority::Low, lost()));
    assert_eq!(world.call.take(), Some((Call::Prioritise(Priority::High), PAUSE)));

    world.feed(Event::Ranked(Priority::High, lost()));
    assert_eq!(world.call.take(), Some((Call::Prioritise(Priority::High), PAUSE)));

    world.feed(Event::Ranked(Priority::High, Ok(())));
    assert!(matches!(world.call, Some((Call::Collect, _))), "{:?}", world.call);
}

#[test]
fn a_file_that_is_read_alone_is_named() {
    let sources = one_file();
    let mut world = World::collecting(&sources);
    let first = String::from("a.html");
    let result = TaskResult::ReadAlone { vanished: 3, files: 1, first: first.clone() };
    let news = Outcome { task: world.pushed[0].id, slot: "s".into(), result };

    world.answer(Event::Collected(Ok(vec![news])));
    assert_eq!(world.new_notices(), [Notice::ReadAlone { vanished: 3, files: 1, first }]);
}

#[test]
fn a_question_in_flight_is_not_asked_again() {
    let sources = one_file();
    let mut world = World::collecting(&sources);
    world.pass(second(4));
    world.pass(REMARKS);

    let count = |question| world.asked.iter().filter(|asked| **asked == question).count();
    assert_eq!([WHY, Question::Remarks].map(count), [1, 1]);
}

#[test]
fn files_are_planned_when_they_are_checked() {
    let sources = Sources::example(&[Some(1), Some(1), Some(1)]);
    let mut world = World::new(&sources, None);
    world.driver.wait_for_checks();
    world.answer(Event::Sized(Ok(Capacity { slots: 2, ..Capacity::default() })));
    assert_eq!(world.pushed, []);

    let reused = vec![FileIndex(0), FileIndex(1)];
    world.feed(Event::Checked(Checked { before: FileIndex(2), reused }));
    world.feed(Event::Checked(Checked { before: FileIndex(3), reused: Vec::new() }));
    assert_eq!(world.pushed.len(), 2, "one task is answered, workers do the other");

    // The answer ends no call.
    world.feed(Event::Reused(vec![empty_files(&world.pushed[0])]));
    assert!(world.call.is_some() && world.end.is_none());
    let last = empty_files(&world.pushed[1]);
    world.answer(Event::Collected(Ok(vec![last])));
    assert!(matches!(world.end, Some(Ok(Driven::Whole))));
}
