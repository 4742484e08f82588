//! Server-sent events, line by line.

use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

use super::ClientError;
use super::http::{Ask, Server};

/// The longest line that is taken: a job with all its notes is far smaller.
const LONGEST: u64 = 16 << 20;

/// An event of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What it is: `job`, `notice`, …
    pub name: String,
    /// JSON.
    pub data: String,
}

/// A stream of events.
pub struct Events<R> {
    lines: BufReader<R>,
}

impl Server {
    /// The events at a path. `silence`: how long none may come, and no sign of life either.
    pub(super) fn events(
        &self,
        path: String,
        silence: Option<Duration>,
    ) -> Result<Events<impl Read + use<>>, ClientError> {
        let ask = Ask { silence, ..Ask::get(path) }.with("accept", "text/event-stream");
        let body = self.ask(&ask)?.into_body();

        // A stream has no length, so it must not be limited.
        Ok(Events::new(body.into_with_config().limit(u64::MAX).reader()))
    }
}

impl<R: Read> Events<R> {
    pub fn new(body: R) -> Self {
        Events { lines: BufReader::new(body) }
    }

    /// The next event; `None`: the stream is over.
    ///
    /// # Errors
    /// The stream broke, or was silent for too long.
    pub fn next(&mut self) -> io::Result<Option<Event>> {
        let mut event = Event { name: "message".into(), data: String::new() };
        let mut has_data = false;
        let mut line = String::new();

        loop {
            line.clear();
            let read = self.lines.by_ref().take(LONGEST).read_line(&mut line)?;
            if read == 0 {
                return Ok(None); // An event without its empty line does not count.
            }
            if !line.ends_with('\n') && read as u64 == LONGEST {
                return Err(io::Error::other("an event is too long"));
            }

            let line = line.trim_end_matches(['\n', '\r']);
            if line.is_empty() {
                if has_data {
                    return Ok(Some(event));
                }

                continue; // After a comment: a sign of life.
            }

            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => event.name = value.into(),
                "data" => {
                    if has_data {
                        event.data.push('\n');
                    }
                    event.data.push_str(value);
                    has_data = true;
                }
                // Comments, ids and fields of the future.
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Event> {
        let mut events = Events::new(text.as_bytes());
        std::iter::from_fn(|| events.next().unwrap()).collect()
    }

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.into(), data: data.into() }
    }

    #[test]
    fn an_event_ends_with_an_empty_line() {
        let text = "event: job\ndata: {}\n\n: alive\n\nevent:notice\r\ndata:a\r\ndata: b\r\n\r\n";
        assert_eq!(read(text), [event("job", "{}"), event("notice", "a\nb")]);
    }

    #[test]
    fn an_event_that_was_cut_does_not_count() {
        assert_eq!(read("data: 1\n\nevent: job\ndata: {}\n"), [event("message", "1")]);
    }
}
