//! Dialling the server, and how long to wait before dialling it again.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use tokio::time::{Instant, timeout};

use super::check;
use super::config::Server;
use super::fault::Fault;

/// The first wait after a break; doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Opens a connection, which gives up on an answer after `blocks` and [`super::Timing::answer`].
///
/// # Errors
/// [`Fault`]; messages name the address, never the credentials.
pub async fn dial(server: &Server, blocks: Duration) -> Result<MultiplexedConnection, Fault> {
    let timing = server.timing;
    let settings = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(timing.connect))
        .set_response_timeout(Some(blocks + timing.answer));
    let at = |fault: Fault| match fault {
        Fault::Broken(why) => {
            let guess = match server.address.starts_with("rediss") {
                true => " (a port without TLS keeps silent, too: `redis://`)",
                false => "",
            };
            Fault::Broken(format!("no Redis answers at {}: {why}{guess}", server.address))
        }
        other => other,
    };
    let dialled = server.client.get_multiplexed_async_connection_with_config(&settings).await;
    let mut connection = dialled.map_err(|error| at(error.into()))?;
    for command in server.greeting.commands() {
        let answer = timeout(timing.connect, command.exec_async(&mut connection)).await;
        answer.map_err(|_| at(Fault::Broken("it is silent".into())))?.map_err(|error| at(error.into()))?;
    }
    Ok(connection)
}

/// Dials once and checks whether the server can be used.
///
/// # Errors
/// [`Fault`], within twice [`super::Timing::connect`] whatever is there.
pub async fn try_out(server: &Server) -> Result<MultiplexedConnection, Fault> {
    let mut connection = dial(server, Duration::ZERO).await?;
    let silent = || Fault::Broken(format!("{} accepts connections, but does not answer; is it Redis?", server.address));
    let command = redis::cmd("INFO");
    let answer = timeout(server.timing.connect, command.query_async::<String>(&mut connection));
    match answer.await {
        Err(_) => Err(silent()),
        Ok(Err(error)) => Err(match error.into() {
            Fault::Broken(why) => {
                let guess = match server.address.starts_with("rediss") {
                    true => "does it ask for a client's certificate (`--tls-cert FILE --tls-key FILE`)?",
                    false => "does it speak TLS only (`rediss://`), or is it no Redis?",
                };
                Fault::Broken(format!("{} hangs up at once ({why}); {guess}", server.address))
            }
            other => other,
        }),
        Ok(Ok(info)) => check::usable(&info).map(|()| connection),
    }
}

/// The tries of one call: how long it goes on, and how long it waits in between.
pub struct Tries {
    until: Instant,
    wait: Duration,
}

impl Tries {
    pub fn new(patience: Duration) -> Self {
        Tries { until: Instant::now() + patience, wait: FIRST_WAIT }
    }

    /// Waits before the next try; `false` when there is no time for another.
    ///
    /// Waits between half and all of a time that doubles, so that those whom one break cut off do not come back at once.
    pub async fn again(&mut self) -> bool {
        let share = 0.5 + 0.5 * random();
        let wait = self.wait.mul_f64(share);
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        if Instant::now() + wait > self.until {
            return false;
        }
        tokio::time::sleep(wait).await;
        true
    }
}

/// A number from 0 to 1. The standard library's hash keys are random, which is all the randomness that jitter needs.
fn random() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tries_grow_apart_and_end() {
        let patience = Duration::from_millis(600);
        let (began, mut tries, mut waits) = (Instant::now(), Tries::new(patience), 0);
        while tries.again().await {
            waits += 1;
        }
        // 25–50, 50–100, 100–200, 200–400 ms: at least two fit, five never do.
        assert!((2..=4).contains(&waits), "{waits} in {:?}", began.elapsed());
    }
}
