//! The connections of this process to one server: few, shared by all requests, and tested before
//! they are used after a pause.
//!
//! ```text
//!            idle one, or room for one more          answer came
//!  waiting ───────────────────────────────▶ in use ──────────────▶ idle ───▶ closed, after IDLE or above the limit
//!     ▲                                        │ broken, silent
//!     └── all in use                           └──────────────────▶ closed, and all idle ones with it
//! ```
//! A server limits its clients, a small one to few. So each process limits its connections. The
//! limit falls when the server refuses one or is nearly full, down to one, and grows again slowly.
//! With two connections or fewer, no request blocks on one; else at most half of the others do.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tracing::debug;

use super::connection::Connection;
use super::fault::Fault;
use super::route::{Route, parse_node};
use super::server::Server;

/// The most connections of a process to one server.
pub const MOST: usize = 10;

/// How many connections requests that block or carry much leave to small ones, if the limit allows.
const SPARED: usize = 2;

/// How many connections may block at once: half of those that small requests do not need, as a
/// process with many jobs would else have none left for bytes.
fn blocking(limit: usize) -> usize {
    limit.saturating_sub(SPARED).div_ceil(2)
}

/// How long an idle connection stays open; the last one stays for longer.
const IDLE: Duration = Duration::from_secs(10);

/// A connection that was idle for longer than this is tested before it is used: a middlebox may
/// have forgotten it.
const TRUSTED: Duration = Duration::from_secs(3);

/// The same before a large request: whether that is slow or lost takes long to find out.
const TRUSTED_WITH_MUCH: Duration = Duration::from_millis(300);

/// After this time without a sign of life, another connection is dialled.
pub const DOUBT: Duration = Duration::from_secs(1);

/// How often the server is asked for the number of its clients.
const COUNT: Duration = Duration::from_secs(3);
/// From this percentage of its limit on, a server is nearly full of clients.
const NEARLY_FULL: u64 = 80;

/// How long the limit stays after it fell or grew.
const FALLEN: Duration = Duration::from_secs(5);

/// The kind of request that a connection is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Requests that are answered at once, such as heartbeats.
    Small,
    /// Requests that carry much.
    Bytes,
    /// Requests that wait at the server.
    Blocking,
}

/// The connections to one server.
pub struct Pool {
    pub server: Server,
    state: Mutex<State>,
    freed: Notify,
    received: Arc<AtomicU64>,
    route: Route,
}

#[derive(Default)]
struct State {
    /// The most recently used one is at the end.
    idle: VecDeque<Connection>,
    /// How many connections there are: idle, in use, or being dialled.
    open: usize,
    /// How many of these are in use for [`Use::Bytes`] and for [`Use::Blocking`].
    bytes: usize,
    blocking: usize,
    /// How many small requests wait for a connection: they go first.
    small_waiting: usize,
    /// How many connections there may be.
    limit: usize,
    /// When the limit last fell or grew.
    fell: Option<Instant>,
    /// When the server was last asked for the number of its clients.
    counted: Option<Instant>,
}

/// The result of a search for a connection.
enum Found {
    Idle(Connection),
    /// None is idle, and one more may be dialled.
    Room,
    /// The request must wait.
    Nothing,
}

impl Pool {
    pub fn new(server: Server) -> Self {
        let state = Mutex::new(State { limit: MOST, ..State::default() });
        Pool {
            server,
            state,
            freed: Notify::new(),
            received: Arc::default(),
            route: Route::default(),
        }
    }

    /// A connection for one request; waits for one if all are in use.
    ///
    /// # Errors
    /// Those of dialling.
    pub async fn take(&self, wanted: Use) -> Result<InUse<'_>, Fault> {
        // Counted while it waits, so that large and blocking requests leave it a free connection.
        let _waiting = (wanted == Use::Small).then(|| SmallWaiting::new(self));
        loop {
            // Listens before it looks, so that no connection freed in between is missed.
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();

            let found = self.state.lock().expect("no holder panics").find(wanted);
            let mut place = match found {
                Found::Nothing => {
                    freed.await;
                    continue;
                }
                Found::Room => InUse { pool: self, wanted, connection: None },
                Found::Idle(connection) => {
                    InUse { pool: self, wanted, connection: Some(connection) }
                }
            };

            let Err(fault) = place.make_ready().await else { return Ok(place) };
            // Dropped before the limit falls to the number of open connections: this is not open.
            drop(place);

            match fault {
                // This process has other connections: wait until one of them is free.
                Fault::Crowded if self.fall(true) => {
                    debug!("the server allows no more connections")
                }
                fault => return Err(fault),
            }
        }
    }

    /// Whether a request may block at the server without starving others of connections.
    pub fn may_block(&self) -> bool {
        let state = self.state.lock().expect("no holder panics");
        state.blocking < blocking(state.limit)
    }

    /// How many bytes have arrived so far over connections for [`Use::Bytes`].
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Dials the server.
    ///
    /// # Errors
    /// Those of [`Connection::dial`].
    pub async fn dial(&self) -> Result<Connection, Fault> {
        let endpoint = self.route.endpoint(&self.server).await?;

        let mut dialled = Connection::dial(&self.server, &endpoint, &self.received).await;
        // The first good connection learns the other nodes; after a broken one, the next dial goes
        // elsewhere.
        match &mut dialled {
            Ok(connection) => self.route.learn(connection, &self.server, &endpoint).await,
            Err(Fault::Broken(_)) => self.route.turn_away(&endpoint, &self.server),
            Err(_) => {}
        }

        dialled
    }

    /// Moves to the node that another node of the cluster named.
    pub async fn follow(&self, moved: &str) {
        if let Ok(from) = self.route.endpoint(&self.server).await
            && self.route.moved(&from, moved)
        {
            debug!(moved, "the queue is on another node of the cluster");
            self.close_idle();
        }
    }

    /// Dials the node that another node named for one request, and permits it to answer (`ASKING`).
    ///
    /// # Errors
    /// Those of dialling.
    pub async fn dial_asking(&self, node: &str) -> Result<Connection, Fault> {
        let from = self.route.endpoint(&self.server).await?;
        let endpoint = parse_node(&from, node).ok_or_else(|| Fault::Busy(node.into()))?;

        let mut connection = Connection::dial(&self.server, &endpoint, &self.received).await?;
        connection.send(&redis::cmd("ASKING"), self.server.timing.answer).await?;
        Ok(connection)
    }

    /// Whether it is time to ask the server for the number of its clients; if so, no other request
    /// asks for a while.
    pub fn is_to_count(&self) -> bool {
        let mut state = self.state.lock().expect("no holder panics");

        let due = state.counted.is_none_or(|at| at.elapsed() >= COUNT);
        if due {
            state.counted = Some(Instant::now());
        }
        due
    }

    /// Notes how many clients the server has and allows. If it is nearly full, the limit falls by
    /// one.
    pub fn note_clients(&self, there: u64, allowed: u64) {
        if there * 100 > allowed * NEARLY_FULL {
            self.fall(false);
        }
    }

    /// Lowers the limit: to the number of open connections if the server refused one, else by one.
    /// `false`: no connection is open.
    fn fall(&self, refused: bool) -> bool {
        let mut state = self.state.lock().expect("no holder panics");
        // Never to 0: with one connection all requests still go through, one by one.
        state.limit = if refused { state.limit.min(state.open) } else { state.limit - 1 }.max(1);
        state.fell = Some(Instant::now());

        state.trim();
        state.open > 0
    }

    /// Closes all idle connections: the fault that broke one has probably broken them all.
    fn close_idle(&self) {
        let mut state = self.state.lock().expect("no holder panics");
        state.open -= state.idle.len();
        state.idle.clear();

        // Requests that wait may dial now.
        drop(state);
        self.freed.notify_waiters();
    }
}

impl State {
    fn find(&mut self, wanted: Use) -> Found {
        // Grows the limit one by one, and only when it is reached: the server may still be full.
        if self.limit < MOST
            && self.open >= self.limit
            && self.fell.is_none_or(|fell| fell.elapsed() >= FALLEN)
        {
            self.limit += 1;
            self.fell = Some(Instant::now());
        }

        // Small requests go first: the others leave them some connections, and take none that a
        // small one waits for.
        let most = self.limit.saturating_sub(SPARED).max(1);
        let free = (self.limit + self.idle.len()).saturating_sub(self.open);
        let may = match wanted {
            Use::Small => true,
            Use::Bytes => self.bytes < most && free > self.small_waiting,
            Use::Blocking => {
                self.blocking < blocking(self.limit).max(1) && free > self.small_waiting
            }
        };

        if !may {
            return Found::Nothing;
        }

        let found = match self.idle.pop_back() {
            Some(connection) => Found::Idle(connection),
            None if self.open < self.limit => {
                self.open += 1;
                Found::Room
            }
            None => return Found::Nothing,
        };

        match wanted {
            Use::Small => {}
            Use::Bytes => self.bytes += 1,
            Use::Blocking => self.blocking += 1,
        }
        found
    }

    /// Closes idle connections above the limit, and those that were idle for long.
    fn trim(&mut self) {
        while let Some(oldest) = self.idle.front() {
            // One connection stays, so that the next request need not dial.
            let old = oldest.idle_since.elapsed() >= IDLE && self.open > 1;
            if !old && self.open <= self.limit {
                return;
            }

            self.idle.pop_front();
            self.open -= 1;
        }
    }
}

/// Counts a small request that waits for a connection.
struct SmallWaiting<'a>(&'a Pool);

impl<'a> SmallWaiting<'a> {
    fn new(pool: &'a Pool) -> Self {
        pool.state.lock().expect("no holder panics").small_waiting += 1;
        SmallWaiting(pool)
    }
}

impl Drop for SmallWaiting<'_> {
    fn drop(&mut self) {
        self.0.state.lock().expect("no holder panics").small_waiting -= 1;
        self.0.freed.notify_waiters();
    }
}

/// A place in the pool, with the connection that one request uses. Drop closes the connection: a
/// late answer on it would be taken for that of the next request.
pub struct InUse<'a> {
    pool: &'a Pool,
    wanted: Use,
    connection: Option<Connection>,
}

impl InUse<'_> {
    pub fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("made ready")
    }

    /// Gives the connection back after a whole answer.
    pub fn give_back(mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.idle_since = Instant::now();

            let mut state = self.pool.state.lock().expect("no holder panics");
            state.idle.push_back(connection);
            state.open += 1; // The drop of `self` subtracts it again.
        }
    }

    /// Closes the connection, and all idle ones.
    pub fn broken(self) {
        self.pool.close_idle();
    }

    async fn make_ready(&mut self) -> Result<(), Fault> {
        let trusted = match self.wanted {
            Use::Bytes => TRUSTED_WITH_MUCH,
            Use::Small | Use::Blocking => TRUSTED,
        };

        let connection = match self.connection.take() {
            None => self.pool.dial().await?,
            Some(connection) if connection.idle_since.elapsed() < trusted => connection,
            Some(connection) => self.tried(connection).await?,
        };

        connection.traffic.count(self.wanted == Use::Bytes);
        self.connection = Some(connection);
        Ok(())
    }

    /// The connection if it gives a sign of life, else a new one.
    async fn tried(&self, mut connection: Connection) -> Result<Connection, Fault> {
        // After a while it dials another connection. If that works before this one gives a sign,
        // this one counts as lost.
        let in_doubt = async {
            sleep(DOUBT).await;
            self.pool.dial().await
        };

        let dialled = {
            let mut ping = std::pin::pin!(connection.ping(self.pool.server.timing.answer));
            tokio::select! {
                alive = &mut ping => alive.is_err().then_some(None),
                dialled = in_doubt => match dialled {
                    Ok(dialled) => Some(Some(dialled)),
                    // The server cannot be dialled either, so this one may only be slow.
                    Err(_) => ping.await.is_err().then_some(None),
                },
            }
        };

        let Some(dialled) = dialled else { return Ok(connection) };
        debug!("an idle connection was forgotten on the way");
        self.pool.close_idle();

        match dialled {
            Some(dialled) => Ok(dialled),
            None => self.pool.dial().await,
        }
    }
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock().expect("no holder panics");
        match self.wanted {
            Use::Small => {}
            Use::Bytes => state.bytes -= 1,
            Use::Blocking => state.blocking -= 1,
        }

        // With a lower limit, others may have to go as well.
        state.open -= 1;
        state.trim();

        drop(state);
        self.pool.freed.notify_waiters();
    }
}
