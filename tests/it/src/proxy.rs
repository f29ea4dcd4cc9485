//! A network between a device and the gateway that can break.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Passes TCP connections on to one address.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    cuts: watch::Sender<u32>,
    server: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port for connections to `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cuts, cut) = watch::channel(0);
        let server = tokio::spawn(async move {
            loop {
                let (device, _) = listener.accept().await.unwrap();
                tokio::spawn(pass(device, target, cut.clone()));
            }
        });
        Self { address, cuts, server }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks every connection off; new ones are passed on as before.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(mut device: TcpStream, target: SocketAddr, mut cut: watch::Receiver<u32>) {
    cut.mark_unchanged();
    let mut gateway = TcpStream::connect(target).await.unwrap();
    tokio::select! {
        // Whichever side fails has closed: the other is closed with it.
        _ = copy_bidirectional(&mut device, &mut gateway) => {}
        _ = cut.changed() => {}
    }
}
