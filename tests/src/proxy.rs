//! A proxy in front of a server that behaves like a bad network: cut, stalled, slow or forgetful.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

/// The receive buffer of each socket, in bytes. It is small, so that both ends feel a slow link.
const RECEIVE_BUFFER: u32 = 32 << 10;

/// The state of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Bytes pass.
    Open,
    /// Connections are accepted and stay open, but no bytes pass.
    Stalled,
    /// Requests pass, answers do not. When this state ends, its connections are closed.
    Deaf,
    /// Connections are closed, and new ones as soon as they are made.
    Cut,
}

/// A proxy; it ends with its last clone.
#[derive(Clone)]
pub struct Proxy {
    address: SocketAddr,
    way: Arc<watch::Sender<Way>>,
    passage: Arc<Passage>,
}

/// The state that all connections share.
#[derive(Default)]
struct Passage {
    /// The bytes a second in each direction; 0 for no limit.
    pace: AtomicU64,
    /// Connections with a lower number are forgotten: their bytes are dropped silently.
    remembered_from: AtomicU64,
    /// The number of connections so far.
    connections: AtomicU64,
    up: Direction,
    down: Direction,
}

#[derive(Default)]
struct Direction {
    bytes: AtomicU64,
    /// When the next bytes may pass.
    free: Mutex<Option<Instant>>,
}

impl Proxy {
    /// An open proxy in front of 127.0.0.1:`port`.
    pub async fn to(port: u16) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        // Accepted sockets inherit the size.
        socket.set_recv_buffer_size(RECEIVE_BUFFER).expect("a size");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let listener = socket.listen(128).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (way, seen) = watch::channel(Way::Open);
        let passage = Arc::<Passage>::default();
        tokio::spawn(accept(listener, port, seen, Arc::clone(&passage)));
        Proxy { address, way: Arc::new(way), passage }
    }

    /// The URL of a Redis behind the proxy.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Limits each direction to so many bytes a second, over all connections.
    pub fn narrow_to(&self, bytes_a_second: u64) {
        self.passage.pace.store(bytes_a_second, Ordering::Relaxed);
    }

    /// Forgets all current connections, as an address translator does: neither end notices.
    pub fn forget(&self) {
        self.passage
            .remembered_from
            .store(self.passage.connections.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The number of connections so far.
    pub fn connections(&self) -> u64 {
        self.passage.connections.load(Ordering::Relaxed)
    }

    /// The number of bytes to the server, and from it.
    pub fn passed(&self) -> (u64, u64) {
        (
            self.passage.up.bytes.load(Ordering::Relaxed),
            self.passage.down.bytes.load(Ordering::Relaxed),
        )
    }
}

impl Direction {
    /// Waits as long as so many bytes take at the given pace.
    async fn pass(&self, bytes: usize, pace: u64) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if pace == 0 {
            return;
        }

        let through = {
            let mut free = self.free.lock().expect("no holder panics");
            let begins = free.unwrap_or_else(Instant::now).max(Instant::now());
            let through = begins + Duration::from_secs_f64(bytes as f64 / pace as f64);
            *free = Some(through);
            through
        };

        tokio::time::sleep_until(through).await;
    }
}

async fn accept(
    listener: TcpListener,
    port: u16,
    mut way: watch::Receiver<Way>,
    passage: Arc<Passage>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closed(&mut way) => return,
        };
        if let Ok((client, _)) = accepted {
            tokio::spawn(connect(client, port, way.clone(), Arc::clone(&passage)));
        }
    }
}

/// Connects a client with the server until the link is cut.
async fn connect(
    client: TcpStream,
    port: u16,
    mut way: watch::Receiver<Way>,
    passage: Arc<Passage>,
) {
    let number = passage.connections.fetch_add(1, Ordering::Relaxed);
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(RECEIVE_BUFFER).expect("a size");
    let Ok(server) = socket.connect(([127, 0, 0, 1], port).into()).await else { return };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let up = way.clone();
    let down = way.clone();
    let up_passage = (&*passage, &passage.up, number);
    let down_passage = (&*passage, &passage.down, number);

    tokio::select! {
        () = pass(&mut from_client, &mut to_server, up, &[Way::Stalled], up_passage) => {}
        () = pass(&mut from_server, &mut to_client, down, &[Way::Stalled, Way::Deaf], down_passage) => {}
        () = broken_off(&mut way) => {}
    }
}

/// Passes bytes on. Waits while the link is in one of the `blocked` states, and drops the bytes of
/// a forgotten connection.
async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut way: watch::Receiver<Way>,
    blocked: &[Way],
    (passage, direction, number): (&Passage, &Direction, u64),
) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            if number < passage.remembered_from.load(Ordering::Relaxed) {
                // Hide the close from the other end, too.
                std::future::pending::<()>().await;
            }
            return;
        };
        if number < passage.remembered_from.load(Ordering::Relaxed) {
            continue;
        }
        direction.pass(read, passage.pace.load(Ordering::Relaxed)).await;
        if way.wait_for(|way| !blocked.contains(way)).await.is_err()
            || to.write_all(&buffer[..read]).await.is_err()
        {
            return;
        }
    }
}

/// Waits until the link is cut, or no longer deaf.
async fn broken_off(way: &mut watch::Receiver<Way>) {
    loop {
        let before = *way.borrow_and_update();
        if before == Way::Cut || way.changed().await.is_err() {
            return;
        }
        if before == Way::Deaf {
            return;
        }
    }
}

/// Waits until no clone of the proxy is left.
async fn closed(way: &mut watch::Receiver<Way>) {
    while way.changed().await.is_ok() {}
}
