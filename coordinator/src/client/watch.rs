//! Shows a job that is followed: the bar of `sheaf run`, or lines.

use std::time::Instant;

use super::details::how_far;
use super::follow::Seen;
use crate::api::{Job, State};
use crate::human::shown;
use crate::report::{Mode, Screen};

/// Shows a job.
pub struct Watch {
    screen: Screen,
    /// In front of each line, if several jobs are watched.
    prefix: String,
    state: Option<State>,
    waiting: Option<String>,
}

impl Watch {
    /// Nothing is shown before something is seen.
    pub fn new(mode: Mode) -> Self {
        Watch { screen: Screen::new(mode), prefix: String::new(), state: None, waiting: None }
    }

    /// The same, with a text in front of each line.
    pub fn with_prefix(self, prefix: String) -> Self {
        Watch { prefix, ..self }
    }

    /// Shows what is seen.
    pub fn see(&mut self, seen: Seen<'_>) {
        match seen {
            Seen::Job(job) => self.job(job),
            Seen::Notice(notice) => {
                let text = shown(notice.text.as_bytes());
                if notice.warning { self.warn(&text) } else { self.say(&text) }
            }
            Seen::Lost(error) => {
                self.warn(&format!(
                    "{error}; trying again, the job goes on as soon as it is there"
                ));
            }
            Seen::Back => self.warn("the service is there again"),
        }
    }

    /// Removes the bar.
    pub fn clear(&self) {
        self.screen.clear();
    }

    fn job(&mut self, job: &Job) {
        // The end is told by whoever waits for it.
        if self.state.replace(job.state) != Some(job.state) && !job.state.is_finished() {
            self.say(&state_words(job));
        }

        let waiting = &job.progress.waiting;
        if *waiting != self.waiting {
            match waiting {
                Some(reason) => self.warn(&format!("waiting: {}", shown(reason.as_bytes()))),
                None => self.warn("going on"),
            }
            self.waiting.clone_from(waiting);
        }

        let is_moving = matches!(job.state, State::Running | State::Pausing | State::Cancelling);
        if is_moving && self.screen.is_due(Instant::now()) {
            self.screen.show(&how_far(&job.progress));
        }
    }

    fn say(&mut self, line: &str) {
        self.screen.say(&format!("{}{line}", self.prefix));
    }

    fn warn(&mut self, line: &str) {
        self.screen.warn(&format!("{}{line}", self.prefix));
    }
}

fn state_words(job: &Job) -> String {
    let id = &job.id;
    let because =
        job.reason.as_ref().map_or(String::new(), |why| format!(" ({})", shown(why.as_bytes())));
    match job.state {
        State::Paused => format!("paused{because}: `sheaf resume {id}` lets it go on"),
        state => format!("{}{because}", state.word()),
    }
}
