//! Devices on a slow line: each begins a download and reads a little of it every second.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at};

/// What a device reads in a second (bytes).
const RATE: usize = 10_000;
/// As small as a socket's buffer gets, so that the rest waits in the host.
const BUFFER: u32 = 4096;

/// Downloads under way; they break off when this is dropped.
pub(crate) struct SlowReaders {
    readers: JoinSet<Result<()>>,
    received: Arc<AtomicUsize>,
}

impl SlowReaders {
    /// Begins `count` downloads within `over`; returns once the status line of each is there.
    pub(crate) async fn begin(address: SocketAddr, path: &str, count: usize, over: Duration) -> Result<Self> {
        let received = Arc::new(AtomicUsize::new(0));
        let mut readers = JoinSet::new();
        let mut opening = JoinSet::new();
        let begun = Instant::now();
        for n in 0..count {
            let path = path.to_owned();
            let at = begun + over.mul_f64(fraction(n, count));
            opening.spawn(async move {
                tokio::time::sleep_until(at).await;
                open(address, &path).await
            });
        }
        while let Some(stream) = opening.join_next().await {
            let received = received.clone();
            readers.spawn(read(stream??, received));
        }
        Ok(Self { readers, received })
    }

    /// Fails unless all still read, and have read what they should in the time that has `passed`, or a second less.
    pub(crate) fn check(&mut self, passed: Duration) -> Result<()> {
        if let Some(ended) = self.readers.try_join_next() {
            ended??;
        }
        let expected = fraction(self.readers.len() * RATE, 1) * (passed.as_secs_f64() - 1.0);
        let read = fraction(self.received.load(Ordering::Relaxed), 1);
        ensure!(read > 0.8 * expected, "{read} bytes were read by slow readers, {expected} were to be");
        Ok(())
    }
}

async fn open(address: SocketAddr, path: &str) -> Result<tokio::net::TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(BUFFER)?;
    let mut stream = socket.connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).await?;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await?;
    let status = String::from_utf8_lossy(&status);
    ensure!(status == "HTTP/1.1 200", "a download was answered {status}");
    Ok(stream)
}

async fn read(mut stream: tokio::net::TcpStream, received: Arc<AtomicUsize>) -> Result<()> {
    let mut buffer = [0; RATE];
    let second = Duration::from_secs(1);
    let mut seconds = interval_at(Instant::now() + second, second);
    loop {
        seconds.tick().await;
        stream.read_exact(&mut buffer).await?;
        received.fetch_add(RATE, Ordering::Relaxed);
    }
}

#[expect(clippy::cast_precision_loss, reason = "both are far below 2^52")]
fn fraction(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}
