//! A link: the requests of one kind to a server (small, carrying much, or blocking). The links of a
//! server share its pool.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Pipeline, Value};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, warn};

use super::check;
use super::connect::Tries;
use super::connection::Connection;
use super::fault::Fault;
use super::pool::{DOUBT, InUse, Pool, Use};
use super::request::{Courier, Request, Several};
use super::scripts::Call;
use super::server::Server;
use super::socket::Traffic;
use super::troubles::SILENCE;
use crate::fit;
use crate::queue::QueueError;

/// The longest time that a read asks the server to block. Short, to notice soon that leases have
/// ended, that a bell was lost with the server's data, or that a connection is silent.
pub const LONGEST_BLOCK: Duration = Duration::from_secs(2);

/// The slowest link in use, in bytes a second. A request may be on its way for as long as its bytes
/// take at this pace: a middlebox may have buffered them.
const SLOWEST: f64 = 200_000.0;

/// How often a caller that may not block looks instead.
const LOOK: Duration = Duration::from_millis(250);

/// A silence of this length is reported.
const QUIET: Duration = Duration::from_secs(5);

/// Sends one kind of requests to a server. Cheap to clone.
#[derive(Clone)]
pub struct Link {
    pub pool: Arc<Pool>,
    kind: Use,
}

impl Link {
    pub fn new(pool: &Arc<Pool>, kind: Use) -> Self {
        Link { pool: Arc::clone(pool), kind }
    }

    pub fn is_to(&self, server: &Server) -> bool {
        self.pool.server.address == server.address
    }

    /// Runs a script; retries as [`Link::request`] does.
    pub async fn call(&self, call: &Call) -> Result<Value, QueueError> {
        self.persist(|| call.script.name.into(), |tried| self.call_once(call, tried)).await
    }

    /// Sends a command; retries it after broken connections and while the server is busy.
    ///
    /// # Errors
    /// [`QueueError::Unreachable`] when the time for tries is over, [`QueueError::Full`] and
    /// [`QueueError::Unusable`] at once.
    pub async fn request(&self, command: &Cmd) -> Result<Value, QueueError> {
        self.persist(|| name(command), |tried| self.send_once(command, Duration::ZERO, tried)).await
    }

    /// Sends `count` commands at once, and returns their answers; retries all of them as
    /// [`Link::request`] does.
    pub async fn pipeline(
        &self,
        commands: &Pipeline,
        count: usize,
    ) -> Result<Vec<Value>, QueueError> {
        let several = &Several(commands, count);
        let once = |tried| self.send_once(several, Duration::ZERO, tried);
        self.persist(|| "pipeline".into(), once).await
    }

    /// Tries until it succeeds, or the time for tries is over. `name` is the kind of call, under
    /// which troubles are noted; `once` makes one try, given the number of tries before it.
    async fn persist<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        name: impl Fn() -> String,
        once: impl Fn(u32) -> F,
    ) -> Result<T, QueueError> {
        let mut tries = Tries::new(self.pool.server.timing.patience);
        let mut tried = 0;

        loop {
            match once(tried).await {
                // The server grants this kind of call again, so it explains no wait any more.
                Ok(value) => {
                    self.pool.server.troubles.clear(&name);
                    return Ok(value);
                }
                Err(fault) => {
                    self.pool.server.troubles.note(&name(), &fault);
                    self.retry(fault, &mut tries).await?;
                    tried += 1;
                }
            }
        }
    }

    /// Waits for the next try if a fault allows one, else fails.
    async fn retry(&self, fault: Fault, tries: &mut Tries) -> Result<(), QueueError> {
        match fault {
            Fault::Broken(_) | Fault::Busy(_) | Fault::Crowded => {
                let why = QueueError::from(fault);
                debug!(%why, "the queue did not answer, trying again");

                if tries.again().await {
                    return Ok(());
                }

                warn!(%why, "the queue has not answered for long");
                Err(why)
            }
            Fault::Moved(ref to) | Fault::Ask(ref to) => {
                // `ASK` concerns this request alone, `MOVED` all that follow.
                if matches!(fault, Fault::Moved(_)) {
                    self.pool.follow(to).await;
                }

                if tries.again().await { Ok(()) } else { Err(fault.into()) }
            }
            // A retry within seconds would not help; the caller decides whether to wait.
            Fault::NoScript | Fault::Full(_) | Fault::Here(_) | Fault::Hopeless { .. } => {
                Err(fault.into())
            }
        }
    }

    /// Runs a script by its hash, and by its source if the server does not know it.
    async fn call_once(&self, call: &Call, tried: u32) -> Result<Value, Fault> {
        match self.send_once(&call.by_sha(), Duration::ZERO, tried).await {
            // A server that was restarted, or is new in the cluster, has no scripts yet.
            Err(Fault::NoScript) => {
                debug!(script = call.script.name, "leaving the script with the server");
                self.send_once(&call.by_source(), Duration::ZERO, tried).await
            }
            other => other,
        }
    }

    /// Sends a request once. It may block at the server for `blocks`, and was tried `tried` times
    /// before.
    async fn send_once<R: Request>(
        &self,
        request: &R,
        blocks: Duration,
        tried: u32,
    ) -> Result<R::Answer, Fault> {
        let mut place = self.pool.take(self.kind).await?;
        let connection = place.connection();
        let traffic = Arc::clone(&connection.traffic);
        let silence = blocks + self.pool.server.timing.answer;
        let patience = patience(request.size(), tried);

        // Biased: an answer that has arrived counts, whatever the doubts.
        let answer = tokio::select! {
            biased;
            answer = request.over(connection, silence) => answer,
            fault = self.doubt(&traffic, patience, blocks) => Err(fault),
        };

        match self.end(place, answer).await {
            Err(Fault::Ask(node)) => request.asking(self, &node, silence, tried).await,
            answer => answer,
        }
    }

    /// Gives a connection back, if it is still good.
    async fn end<T>(&self, mut place: InUse<'_>, answer: Result<T, Fault>) -> Result<T, Fault> {
        match answer {
            Err(Fault::Broken(_)) => place.broken(),
            // Any other answer was read to its end, an error too.
            _ => {
                // Small requests are quick and frequent, so they carry this question along.
                if self.kind == Use::Small && self.pool.is_to_count() {
                    self.count_clients(place.connection()).await;
                }
                place.give_back();
            }
        }
        answer
    }

    /// Asks the server for the number of its clients, to leave room for other processes.
    async fn count_clients(&self, connection: &mut Connection) {
        let command = redis::cmd("INFO").arg("clients").take();
        if let Ok(Value::BulkString(info)) =
            connection.send(&command, self.pool.server.timing.answer).await
            && let Some((there, allowed)) = check::clients(&String::from_utf8_lossy(&info))
        {
            self.pool.note_clients(there, allowed);
        }
    }

    /// Watches a connection on which an answer is due after `blocks`. Reports a long silence as
    /// trouble. Returns only if the connection was forgotten on the way: it is silent for longer
    /// than `patience` while the server answers on another connection.
    async fn doubt(&self, traffic: &Traffic, patience: Duration, blocks: Duration) -> Fault {
        let sent = Instant::now();
        let began = sent + blocks;
        loop {
            let quiet_since = traffic.last().max(began);
            sleep_until(quiet_since + DOUBT).await;
            if traffic.last() > quiet_since {
                continue;
            }

            // An answer that has begun may be slow, and the connection is known to work.
            let doubtful = quiet_since.elapsed() >= patience && !traffic.came_since(sent);
            if doubtful && matches!(timeout(QUIET - DOUBT, self.pool.dial()).await, Ok(Ok(_))) {
                // The answer may have been on its way while the other connection was dialled.
                sleep(DOUBT / 2).await;
                if traffic.last() <= quiet_since {
                    return Fault::Broken("the connection was forgotten on the way".into());
                }
            }

            // No other connection works better, so the wait goes on, and is reported.
            if traffic.last() <= quiet_since && quiet_since.elapsed() >= QUIET {
                let silent = quiet_since.elapsed().as_secs();
                let fault = Fault::Broken(format!("Redis has been silent for {silent} s"));
                self.pool.server.troubles.note_since(SILENCE, &fault, quiet_since);
            }
            sleep(DOUBT / 2).await;
        }
    }

    /// Waits for news after the entry `after`, at most `wait` and [`LONGEST_BLOCK`]; for less with
    /// few connections.
    ///
    /// # Errors
    /// As [`Link::request`], but without retries: the caller looks for outcomes anyway.
    pub async fn hear(&self, news: &str, after: &str, wait: Duration) -> Result<(), Fault> {
        if self.is_to_look(wait).await {
            return Ok(());
        }

        let mut command = redis::cmd("XREAD");
        command
            .arg("COUNT")
            .arg(1)
            .arg("BLOCK")
            .arg(blocks_ms(wait))
            .arg("STREAMS")
            .arg(news)
            .arg(after);

        // The answer itself does not matter: the caller looks for outcomes.
        self.send_once(&command, LONGEST_BLOCK, 0).await.map(|_| ())
    }

    /// Waits until one of `bells` rings, at most `wait` and [`LONGEST_BLOCK`]. Returns the bell
    /// that rang, which then wakes no other worker. With few connections it waits for less, and
    /// leaves the bells alone.
    ///
    /// # Errors
    /// As [`Link::hear`].
    pub async fn listen(&self, bells: &[String], wait: Duration) -> Result<Option<String>, Fault> {
        if self.is_to_look(wait).await {
            return Ok(None);
        }

        let mut command = redis::cmd("BLPOP");
        command.arg(bells).arg(blocks_ms(wait) as f64 / 1e3);

        let rung = self.send_once(&command, LONGEST_BLOCK, 0).await?;
        // Any other answer counts as none: the caller looks for tasks anyway.
        Ok(redis::from_redis_value::<Option<(String, String)>>(rung)
            .ok()
            .flatten()
            .map(|(bell, _)| bell))
    }

    /// Whether there are too few connections for one to block. If so, it has waited a little, and
    /// the caller is to look.
    async fn is_to_look(&self, wait: Duration) -> bool {
        if self.pool.may_block() {
            return false;
        }

        sleep(wait.min(LOOK)).await;
        true
    }
}

impl Courier for Link {
    async fn to_node(&self, node: &str, command: &Cmd, silence: Duration) -> Result<Value, Fault> {
        self.pool.dial_asking(node).await?.send(command, silence).await
    }

    async fn to_queue(&self, command: &Cmd, tried: u32) -> Result<Value, Fault> {
        self.send_once(command, Duration::ZERO, tried).await
    }
}

/// How long a request of `size` bytes may be without any answer before another connection is
/// dialled. Doubles with each try, as the link may be slower than [`SLOWEST`].
fn patience(size: usize, tried: u32) -> Duration {
    let on_its_way = Duration::from_secs_f64(size as f64 / SLOWEST);
    DOUBT + on_its_way * 2_u32.pow(tried.min(8))
}

/// A command's own name.
fn name(command: &Cmd) -> String {
    match command.args_iter().next() {
        Some(redis::Arg::Simple(name)) => String::from_utf8_lossy(name).into_owned(),
        _ => "command".into(),
    }
}

/// The time that the server is asked to block, in ms. At least 10, as 0 means for ever, and 1 did
/// so before Redis 7.0.8 (redis#11687).
fn blocks_ms(wait: Duration) -> u64 {
    fit::millis(wait.min(LONGEST_BLOCK)).max(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_with_size_and_tries() {
        let seconds = |size, tried| patience(size, tried).as_secs_f64();
        assert_eq!(seconds(0, 0), 1.0);
        assert_eq!(seconds(0, 7), 1.0);
        assert_eq!(seconds(400_000, 0), 3.0);
        assert_eq!(seconds(400_000, 2), 9.0);
        // A number of tries that no call reaches.
        assert_eq!(seconds(200_000, u32::MAX), 257.0);
    }
}
