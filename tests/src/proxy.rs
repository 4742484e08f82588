//! A way to a server that can be cut, stalled and opened again: what a network does.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of what comes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It is passed on.
    Open,
    /// Connections are accepted and kept, and nothing is passed on.
    Stalled,
    /// What the client sends is passed on, and what the server answers is not; when the way opens again, connections of
    /// that time are broken off.
    Deaf,
    /// Connections are broken off, and new ones as soon as they come.
    Cut,
}

/// A proxy; it ends with its last clone.
#[derive(Clone)]
pub struct Proxy {
    address: SocketAddr,
    way: Arc<watch::Sender<Way>>,
}

impl Proxy {
    /// A way to 127.0.0.1 and `port`, open.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (way, seen) = watch::channel(Way::Open);
        tokio::spawn(accept(listener, port, seen));
        Proxy { address, way: Arc::new(way) }
    }

    /// The URL of a Redis behind the proxy.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn accept(listener: TcpListener, port: u16, mut way: watch::Receiver<Way>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closed(&mut way) => return,
        };
        if let Ok((client, _)) = accepted {
            tokio::spawn(connect(client, port, way.clone()));
        }
    }
}

/// Passes on between a client and the server until the way is cut.
async fn connect(client: TcpStream, port: u16, mut way: watch::Receiver<Way>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let (up, down) = (way.clone(), way.clone());
    tokio::select! {
        () = pass(&mut from_client, &mut to_server, up, &[Way::Stalled]) => {}
        () = pass(&mut from_server, &mut to_client, down, &[Way::Stalled, Way::Deaf]) => {}
        () = broken_off(&mut way) => {}
    }
}

/// Passes bytes on, except while the way is one of `kept_back`.
async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut way: watch::Receiver<Way>,
    kept_back: &[Way],
) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        if way.wait_for(|way| !kept_back.contains(way)).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
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
