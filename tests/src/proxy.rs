//! A way to a server that can be cut, stalled, narrow and forgetful, and opened again: what a
//! network does.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

/// What the system may hold of a connection that nobody reads: little, so that a narrow way is felt
/// at its ends.
const HELD: u32 = 32 << 10;

/// What becomes of what comes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It is passed on.
    Open,
    /// Connections are accepted and kept, and nothing is passed on.
    Stalled,
    /// What the client sends is passed on, and what the server answers is not; when the way opens
    /// again, connections of that time are broken off.
    Deaf,
    /// Connections are broken off, and new ones as soon as they come.
    Cut,
}

/// A proxy; it ends with its last clone.
#[derive(Clone)]
pub struct Proxy {
    address: SocketAddr,
    way: Arc<watch::Sender<Way>>,
    passage: Arc<Passage>,
}

/// What all connections share.
#[derive(Default)]
struct Passage {
    /// Bytes a second in each direction; 0: no limit.
    pace: AtomicU64,
    /// Connections with a lower number are forgotten: what comes is dropped, and nobody is told.
    remembered_from: AtomicU64,
    /// How many connections there were so far.
    connections: AtomicU64,
    up: Direction,
    down: Direction,
}

#[derive(Default)]
struct Direction {
    bytes: AtomicU64,
    /// When the way is free for the next bytes.
    free: Mutex<Option<Instant>>,
}

impl Proxy {
    /// A way to 127.0.0.1 and `port`, open.
    pub async fn to(port: u16) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(HELD).expect("a size"); // Accepted connections have it from here.
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

    /// Lets so many bytes a second pass in each direction, over all connections.
    pub fn narrow_to(&self, bytes_a_second: u64) {
        self.passage.pace.store(bytes_a_second, Ordering::Relaxed);
    }

    /// Forgets all connections that there are, as an address translator does: neither end is told.
    pub fn forget(&self) {
        self.passage
            .remembered_from
            .store(self.passage.connections.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// How many connections there were so far.
    pub fn connections(&self) -> u64 {
        self.passage.connections.load(Ordering::Relaxed)
    }

    /// How many bytes went to the server, and how many came from it.
    pub fn passed(&self) -> (u64, u64) {
        (
            self.passage.up.bytes.load(Ordering::Relaxed),
            self.passage.down.bytes.load(Ordering::Relaxed),
        )
    }
}

impl Direction {
    /// Waits until so many bytes have had their time.
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

/// Passes on between a client and the server until the way is cut.
async fn connect(
    client: TcpStream,
    port: u16,
    mut way: watch::Receiver<Way>,
    passage: Arc<Passage>,
) {
    let number = passage.connections.fetch_add(1, Ordering::Relaxed);
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(HELD).expect("a size");
    let Ok(server) = socket.connect(([127, 0, 0, 1], port).into()).await else { return };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let (up, down) = (way.clone(), way.clone());
    let (up_passage, down_passage) =
        ((&*passage, &passage.up, number), (&*passage, &passage.down, number));
    tokio::select! {
        () = pass(&mut from_client, &mut to_server, up, &[Way::Stalled], up_passage) => {}
        () = pass(&mut from_server, &mut to_client, down, &[Way::Stalled, Way::Deaf], down_passage) => {}
        () = broken_off(&mut way) => {}
    }
}

/// Passes bytes on, except while the way is one of `kept_back`, and those of a connection that is
/// forgotten.
async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut way: watch::Receiver<Way>,
    kept_back: &[Way],
    (passage, direction, number): (&Passage, &Direction, u64),
) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            if number < passage.remembered_from.load(Ordering::Relaxed) {
                // The other end does not learn of that either.
                std::future::pending::<()>().await;
            }
            return;
        };
        if number < passage.remembered_from.load(Ordering::Relaxed) {
            continue;
        }
        direction.pass(read, passage.pace.load(Ordering::Relaxed)).await;
        if way.wait_for(|way| !kept_back.contains(way)).await.is_err()
            || to.write_all(&buffer[..read]).await.is_err()
        {
            return;
        }
    }
}

/// Waits until the way is cut, or no longer deaf.
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
