//! A proxy with weather: it does to connections what networks, firewalls and middleboxes do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sheaf_common::fit;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The idle time after which [`Weather::Forgetful`] forgets a connection.
const IDLE: Duration = Duration::from_millis(500);
/// The interval at which [`Weather::Narrow`] lets bytes through.
const TICK: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    Fair,
    /// Connections are closed, and new ones as soon as they are made.
    Cut,
    /// No bytes pass, but none are lost: they arrive later.
    Stalled,
    /// Requests arrive, answers do not. When this ends, its connections are closed.
    Deaf,
    /// All earlier connections are dead, and neither end notices. New ones work.
    Lost,
    /// The same for each connection that is idle for a moment, as with a short-lived NAT entry.
    Forgetful,
    Narrow {
        bytes_a_second: usize,
    },
    /// Of so many pieces of answers on a connection, one is cut in the middle by a reset.
    Brittle {
        one_in: usize,
    },
}

/// A proxy with weather. It ends with its last clone.
#[derive(Clone)]
pub struct Wire {
    address: SocketAddr,
    target: Arc<AtomicU16>,
    weather: Arc<watch::Sender<Weather>>,
}

impl Wire {
    /// A proxy in front of 127.0.0.1:`port`, in fair weather.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let target = Arc::new(AtomicU16::new(port));
        let (weather, seen) = watch::channel(Weather::Fair);

        tokio::spawn(accept(listener, Arc::clone(&target), seen));
        Wire { address, target, weather: Arc::new(weather) }
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Sends new connections to another port.
    pub fn lead_to(&self, port: u16) {
        self.target.store(port, Ordering::Relaxed);
    }
}

async fn accept(
    listener: TcpListener,
    target: Arc<AtomicU16>,
    mut weather: watch::Receiver<Weather>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = dropped(&mut weather) => return,
        };
        let Ok((client, _)) = accepted else { continue };
        if *weather.borrow() == Weather::Cut {
            continue;
        }
        tokio::spawn(connect(client, target.load(Ordering::Relaxed), weather.clone()));
    }
}

/// Waits until no clone of the wire is left.
async fn dropped(weather: &mut watch::Receiver<Weather>) {
    while weather.changed().await.is_ok() {}
}

async fn connect(client: TcpStream, port: u16, mut weather: watch::Receiver<Weather>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();

    let line = Arc::new(Line::new());
    let up = Pump {
        from: client_reads,
        to: server_writes,
        answers: false,
        line: Arc::clone(&line),
        weather: weather.clone(),
        pieces: 0,
    };

    let down = Pump {
        from: server_reads,
        to: client_writes,
        answers: true,
        line: Arc::clone(&line),
        weather: weather.clone(),
        pieces: 0,
    };

    tokio::select! {
        () = up.run() => {}
        () = down.run() => {}
        () = line.watch(&mut weather) => {}
    }
}

/// The state that both directions of a connection share.
struct Line {
    began: Instant,
    /// When the last bytes came, in milliseconds from `began`.
    last_ms: AtomicU64,
    /// Whether all bytes are dropped silently.
    forgotten: AtomicBool,
}

impl Line {
    fn new() -> Self {
        Line {
            began: Instant::now(),
            last_ms: AtomicU64::new(0),
            forgotten: AtomicBool::new(false),
        }
    }

    /// Follows the weather; returns when the connection must be closed.
    async fn watch(&self, weather: &mut watch::Receiver<Weather>) {
        // A connection that is made in `Lost` is new, so it works.
        let mut before = *weather.borrow_and_update();
        let mut now = before;
        loop {
            match now {
                Weather::Cut => return,
                _ if before == Weather::Deaf && now != Weather::Deaf => return,
                Weather::Lost if before != Weather::Lost => {
                    self.forgotten.store(true, Ordering::Relaxed)
                }
                _ => {}
            }

            if weather.changed().await.is_err() {
                return;
            }
            before = now;
            now = *weather.borrow_and_update();
        }
    }

    /// Notes that bytes came; returns whether the connection is forgotten.
    fn is_forgotten(&self, weather: Weather) -> bool {
        let now = fit::millis(self.began.elapsed());
        let last = self.last_ms.swap(now, Ordering::Relaxed);
        if weather == Weather::Forgetful && u128::from(now - last.min(now)) > IDLE.as_millis() {
            self.forgotten.store(true, Ordering::Relaxed);
        }
        self.forgotten.load(Ordering::Relaxed)
    }
}

/// One direction of a connection.
struct Pump {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    /// Whether this is the direction from the server to the client.
    answers: bool,
    line: Arc<Line>,
    weather: watch::Receiver<Weather>,
    /// The number of pieces in brittle weather so far.
    pieces: usize,
}

impl Pump {
    /// Passes bytes on until one end closes or the weather breaks the connection.
    async fn run(mut self) {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let Ok(read) = self.from.read(&mut buffer).await else { return };
            let weather = *self.weather.borrow();
            if self.line.is_forgotten(weather) {
                // Hide the close from the other end, too.
                if read == 0 {
                    std::future::pending::<()>().await;
                }
                continue;
            }
            if read == 0 || !self.pass(&buffer[..read], weather).await {
                return;
            }
        }
    }

    /// Passes some bytes on; `false` if the connection must be closed.
    async fn pass(&mut self, bytes: &[u8], weather: Weather) -> bool {
        match weather {
            Weather::Deaf if self.answers => true,
            Weather::Stalled => {
                let passes =
                    self.weather.wait_for(|weather| *weather != Weather::Stalled).await.is_ok();
                passes && self.to.write_all(bytes).await.is_ok()
            }
            Weather::Narrow { bytes_a_second } => self.squeeze(bytes, bytes_a_second).await,
            Weather::Brittle { one_in }
                if self.answers && self.breaks(one_in) && bytes.len() > 1 =>
            {
                let _ = self.to.write_all(&bytes[..bytes.len() / 2]).await;
                // A close without linger sends a reset.
                let _ = self.to.as_ref().set_zero_linger();
                false
            }
            Weather::Fair
            | Weather::Cut
            | Weather::Deaf
            | Weather::Lost
            | Weather::Forgetful
            | Weather::Brittle { .. } => self.to.write_all(bytes).await.is_ok(),
        }
    }

    /// Counts a piece; returns whether it breaks.
    fn breaks(&mut self, one_in: usize) -> bool {
        self.pieces += 1;
        self.pieces.is_multiple_of(one_in)
    }

    async fn squeeze(&mut self, bytes: &[u8], bytes_a_second: usize) -> bool {
        let a_tick = fit::size(fit::floor(bytes_a_second as f64 * TICK.as_secs_f64()));
        for part in bytes.chunks(a_tick.max(1)) {
            if self.to.write_all(part).await.is_err() {
                return false;
            }
            // When the weather ends, send the rest without pauses.
            if matches!(*self.weather.borrow(), Weather::Narrow { .. }) {
                tokio::time::sleep(TICK).await;
            }
        }

        true
    }
}
