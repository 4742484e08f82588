//! One kind of requests to a server: small ones, those that carry much, those that block. All share
//! its pool.

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
use super::request::{Request, Several};
use super::scripts::Call;
use super::server::Server;
use super::socket::Traffic;
use super::troubles::SILENCE;
use crate::fit;
use crate::queue::QueueError;

/// The longest that a read asks the server to block. Short, so that a call notices soon that leases
/// have ended or that a bell was lost with the server's data, and so that a silent connection is
/// noticed soon.
pub const LONGEST_BLOCK: Duration = Duration::from_secs(2);

/// The bytes a second that any link in use should bring: what was sent may be on its way for as
/// long as they take, behind a middlebox that took it.
const SLOWEST: f64 = 200_000.0;

/// How often a caller that may not block looks instead.
const LOOK: Duration = Duration::from_millis(250);

/// A silence that lasts this long is worth a word.
const QUIET: Duration = Duration::from_secs(5);

/// The way to a server for one kind of requests. Cheap to clone.
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

    /// Runs a script; tries again as [`Link::request`] does.
    pub async fn call(&self, call: &Call) -> Result<Value, QueueError> {
        self.persist(|| call.script.name.into(), |tried| self.call_once(call, tried)).await
    }

    /// Sends a command, again after breaks and while the server is busy.
    ///
    /// # Errors
    /// [`QueueError::Unreachable`] when the time for tries is over, [`QueueError::Full`] and
    /// [`QueueError::Unusable`] at once.
    pub async fn request(&self, command: &Cmd) -> Result<Value, QueueError> {
        self.persist(|| name(command), |tried| self.send_once(command, Duration::ZERO, tried)).await
    }

    /// Sends `count` commands at once, and gives their answers; tries all of them again as
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

    /// Tries until it succeeds, or the time for tries is over. `name` tells one kind of call from
    /// another; `once` makes one try, given how many came before.
    async fn persist<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        name: impl Fn() -> String,
        once: impl Fn(u32) -> F,
    ) -> Result<T, QueueError> {
        let mut tries = Tries::new(self.pool.server.timing.patience);
        let mut tried = 0;

        loop {
            match once(tried).await {
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
                // `ASK` is about this request alone, `MOVED` about all that follow.
                if matches!(fault, Fault::Moved(_)) {
                    self.pool.follow(to).await;
                }
                if tries.again().await { Ok(()) } else { Err(fault.into()) }
            }
            Fault::NoScript | Fault::Full(_) | Fault::Here(_) | Fault::Hopeless { .. } => {
                Err(fault.into())
            }
        }
    }

    async fn call_once(&self, call: &Call, tried: u32) -> Result<Value, Fault> {
        match self.send_once(&call.by_sha(), Duration::ZERO, tried).await {
            Err(Fault::NoScript) => {
                debug!(script = call.script.name, "leaving the script with the server");
                self.send_once(&call.by_source(), Duration::ZERO, tried).await
            }
            other => other,
        }
    }

    /// Sends a request that may wait at the server for `blocks`, and was tried `tried` times before.
    pub async fn send_once<R: Request>(
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

        // An answer that is there counts, whatever the doubts.
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
            _ => {
                // Small requests are quick and frequent, so one of them looks now and then.
                if self.kind == Use::Small && self.pool.is_to_count() {
                    self.count_clients(place.connection()).await;
                }
                place.give_back();
            }
        }
        answer
    }

    /// Asks how many clients the server has, so that this process leaves room for others.
    async fn count_clients(&self, connection: &mut Connection) {
        let command = redis::cmd("INFO").arg("clients").take();
        if let Ok(Value::BulkString(info)) =
            connection.send(&command, self.pool.server.timing.answer).await
            && let Some((there, allowed)) = check::clients(&String::from_utf8_lossy(&info))
        {
            self.pool.note_clients(there, allowed);
        }
    }

    /// Watches a connection on which an answer is due, when the server need not wait any more. When
    /// it is silent, says so. If that lasts for longer than `patience`, and the server answers on
    /// another connection meanwhile, this one was forgotten on the way: only then does it return.
    async fn doubt(&self, traffic: &Traffic, patience: Duration, blocks: Duration) -> Fault {
        let sent = Instant::now();
        let began = sent + blocks;
        loop {
            let quiet_since = traffic.last().max(began);
            sleep_until(quiet_since + DOUBT).await;
            if traffic.last() > quiet_since {
                continue;
            }

            // An answer that has begun may come slowly.
            let doubtful = quiet_since.elapsed() >= patience && !traffic.came_since(sent);
            if doubtful && matches!(timeout(QUIET - DOUBT, self.pool.dial()).await, Ok(Ok(_))) {
                sleep(DOUBT / 2).await;
                if traffic.last() <= quiet_since {
                    return Fault::Broken("the connection was forgotten on the way".into());
                }
            }

            if traffic.last() <= quiet_since && quiet_since.elapsed() >= QUIET {
                let silent = quiet_since.elapsed().as_secs();
                let fault = Fault::Broken(format!("Redis has been silent for {silent} s"));
                self.pool.server.troubles.note_since(SILENCE, &fault, quiet_since);
            }
            sleep(DOUBT / 2).await;
        }
    }

    /// Waits until there are news after those of this entry, at most `wait` and [`LONGEST_BLOCK`];
    /// for less with few connections.
    ///
    /// # Errors
    /// As [`Link::request`], but without trying again: the caller looks for itself first.
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

        // That something came is enough: the caller looks for itself.
        self.send_once(&command, LONGEST_BLOCK, 0).await.map(|_| ())
    }

    /// Waits until one of some bells rings, at most `wait` and [`LONGEST_BLOCK`]; gives the one
    /// that did, which then rings for no other. With few connections it waits for less, and leaves
    /// the bells as they are.
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
        // Any other answer is as good as none: the caller looks all the same.
        Ok(redis::from_redis_value::<Option<(String, String)>>(rung)
            .ok()
            .flatten()
            .map(|(bell, _)| bell))
    }

    /// Waits a little where there are too few connections for one to block; the caller is to look
    /// then.
    async fn is_to_look(&self, wait: Duration) -> bool {
        if self.pool.may_block() {
            return false;
        }
        sleep(wait.min(LOOK)).await;
        true
    }
}

/// How long a request of `size` bytes may be without any answer before another connection is
/// opened: the more often it was tried, the longer, as the way may be slower than any should be.
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

/// How long the server is asked to block. 0 would mean for ever, and before 7.0.8 so did 1 ms
/// (redis#11687).
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
