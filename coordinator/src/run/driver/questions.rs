//! The questions of a driver that wait to be asked.

use std::collections::VecDeque;

use super::events::Question;

/// The questions that are to be asked: one at a time, so that they take one connection; but why a
/// run waits is asked beside the others, as these may be what hangs.
#[derive(Debug, Default)]
pub struct Questions {
    wanted: VecDeque<Question>,
    asking: bool,
    asking_why: bool,
}

impl Questions {
    /// Wants an answer, unless the question waits to be asked already.
    pub fn want(&mut self, question: Question) {
        let is_asked = matches!(question, Question::WhyIdle { .. }) && self.asking_why;
        if !is_asked && !self.wanted.contains(&question) {
            self.wanted.push_back(question);
        }
    }

    /// Those that are to be asked now.
    pub fn next(&mut self) -> Vec<Question> {
        let mut now = Vec::new();
        let wanted = std::mem::take(&mut self.wanted);

        for question in wanted {
            let lane = match question {
                Question::WhyIdle { .. } => &mut self.asking_why,
                Question::Capacity | Question::LostWorkers | Question::Remarks => &mut self.asking,
            };

            if std::mem::replace(lane, true) {
                self.wanted.push_back(question);
            } else {
                now.push(question);
            }
        }

        now
    }

    pub fn answered(&mut self) {
        self.asking = false;
    }

    pub fn answered_why(&mut self) {
        self.asking_why = false;
    }
}
