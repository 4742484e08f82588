//! Links that need no header: a browser's download cannot send one.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::service::http::problem::{Answer, Failure};

/// How long a ticket is good.
const LIFE: Duration = Duration::from_secs(60);
/// The most tickets at once.
const MOST: usize = 1000;

/// The tickets that were given out: each for one path, once, and for a minute.
#[derive(Debug, Default)]
pub struct Tickets {
    given: Mutex<HashMap<String, (String, Instant)>>,
}

impl Tickets {
    /// A link to `path`, with a new ticket: `PATH?ticket=HEX`.
    ///
    /// # Errors
    /// 429 when too many are given out; 500 without random numbers.
    pub fn issue(&self, path: &str) -> Answer<String> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)
            .map_err(|error| Failure::internal("making a random number", error))?;
        let mut ticket = String::with_capacity(32);
        for byte in random {
            // Writing to a text cannot fail.
            let _ = write!(ticket, "{byte:02x}");
        }

        let mut given = self.given();
        given.retain(|_, (_, until)| *until > Instant::now());
        if given.len() >= MOST {
            return Err(Failure::too_many("too many download links are open"));
        }

        let url = format!("{path}?ticket={ticket}");
        given.insert(ticket, (path.into(), Instant::now() + LIFE));
        Ok(url)
    }

    /// Whether a ticket is good for a path.
    pub fn is_good(&self, ticket: &str, path: &str) -> bool {
        let given = self.given();
        given.get(ticket).is_some_and(|(of, until)| of == path && *until > Instant::now())
    }

    /// Whether a ticket is good for a path; it is not any more afterwards.
    pub fn take(&self, ticket: &str, path: &str) -> bool {
        let mut given = self.given();
        let is_good =
            given.get(ticket).is_some_and(|(of, until)| of == path && *until > Instant::now());
        if is_good {
            given.remove(ticket);
        }
        is_good
    }

    fn given(&self) -> MutexGuard<'_, HashMap<String, (String, Instant)>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_bounded_in_number() {
        let tickets = Tickets::default();
        for _ in 0..MOST {
            tickets.issue("/a").unwrap();
        }
        assert_eq!(tickets.issue("/a").unwrap_err().problem().status, 429);
    }

    #[test]
    fn an_old_ticket_is_no_good() {
        let tickets = Tickets::default();
        let url = tickets.issue("/a").unwrap();
        let ticket = url.strip_prefix("/a?ticket=").unwrap();
        assert_eq!(ticket.len(), 32);
        assert!(tickets.is_good(ticket, "/a"));

        for (_, until) in tickets.given().values_mut() {
            *until = Instant::now();
        }
        assert!(!tickets.is_good(ticket, "/a") && !tickets.take(ticket, "/a"));
    }
}
