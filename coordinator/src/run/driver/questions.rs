//! The questions that a driver wants to ask.

use std::collections::VecDeque;

use super::events::Question;

/// Questions wait here for their turn. One is asked at a time, so that they take one connection.
/// Only why nothing comes is asked beside the others, as one of these may hang.
#[derive(Debug, Default)]
pub struct Questions {
    wanted: VecDeque<Question>,
    asking: bool,
    asking_why: bool,
}

impl Questions {
    /// Adds a question, unless it waits already or is being asked in vain.
    pub fn want(&mut self, question: Question) {
        let is_asked = matches!(question, Question::WhyIdle { .. }) && self.asking_why;
        if !is_asked && !self.wanted.contains(&question) {
            self.wanted.push_back(question);
        }
    }

    /// The questions to ask now.
    pub fn next(&mut self) -> Vec<Question> {
        let mut now = Vec::new();
        let wanted = std::mem::take(&mut self.wanted);

        for question in wanted {
            let lane = match question {
                Question::WhyIdle { .. } => &mut self.asking_why,
                Question::Capacity | Question::LostWorkers | Question::Remarks => &mut self.asking,
            };

            // Another question has no answer yet: this one keeps its turn.
            if std::mem::replace(lane, true) {
                self.wanted.push_back(question);
            } else {
                now.push(question);
            }
        }

        now
    }

    /// Notes that the question that was asked has its answer.
    pub fn answered(&mut self) {
        self.asking = false;
    }

    /// Notes that [`Question::WhyIdle`] has its answer.
    pub fn answered_why(&mut self) {
        self.asking_why = false;
    }
}
