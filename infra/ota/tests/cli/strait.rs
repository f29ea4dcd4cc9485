//! A way to a gateway that counts what goes there, and lets through as much as a test wants.

use std::io::{Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The way: connections to `url` lead to the gateway.
pub(crate) struct Strait {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    gateway: Mutex<SocketAddr>,
    /// Bytes that went to the gateway.
    passed: AtomicU64,
    /// Bytes that may.
    most: AtomicU64,
    /// How often it was cut: what came before the last time goes nowhere.
    cuts: AtomicU64,
}

impl Strait {
    /// Lets `most` bytes through to the gateway at `url`, then none until it is opened.
    pub(crate) fn to(url: &str, most: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            gateway: Mutex::new(address(url)),
            passed: AtomicU64::new(0),
            most: AtomicU64::new(most),
            cuts: AtomicU64::new(0),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&serving);
                thread::spawn(move || shared.carry(stream));
            }
        });
        Self { url: own, shared }
    }

    /// Waits until as much went through as may.
    pub(crate) fn wait_until_full(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while self.passed() < self.shared.most.load(Ordering::SeqCst) {
            assert!(Instant::now() < deadline, "only {} bytes came by", self.passed());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets everything through from now on.
    pub(crate) fn open(&self) {
        self.shared.most.store(u64::MAX, Ordering::SeqCst);
    }

    /// Lets nothing more through of the connections that there are.
    pub(crate) fn cut(&self) {
        self.shared.cuts.fetch_add(1, Ordering::SeqCst);
    }

    /// Leads to another gateway from now on.
    pub(crate) fn lead_to(&self, url: &str) {
        *self.shared.gateway.lock().unwrap() = address(url);
    }

    /// Bytes that went to the gateway so far.
    pub(crate) fn passed(&self) -> u64 {
        self.shared.passed.load(Ordering::SeqCst)
    }
}

fn address(url: &str) -> SocketAddr {
    url.strip_prefix("http://").unwrap().parse().unwrap()
}

impl Shared {
    /// Carries both ways until either end closes.
    fn carry(self: Arc<Self>, client: TcpStream) {
        let gateway = *self.gateway.lock().unwrap();
        let Ok(gateway) = TcpStream::connect(gateway) else { return };
        let (mut answers, mut back) = (gateway.try_clone().unwrap(), client.try_clone().unwrap());
        let answering = thread::spawn(move || {
            // Either end may be killed: that is what the tests are about.
            let _ = std::io::copy(&mut answers, &mut back);
            let _ = back.shutdown(Shutdown::Both);
        });
        self.carry_out(client, gateway);
        answering.join().unwrap();
    }

    fn carry_out(&self, mut client: TcpStream, mut gateway: TcpStream) {
        let mut buffer = [0; 16 << 10];
        let cuts = self.cuts.load(Ordering::SeqCst);
        let is_cut = || self.cuts.load(Ordering::SeqCst) > cuts;
        while let Ok(read @ 1..) = client.read(&mut buffer) {
            while self.passed.load(Ordering::SeqCst) >= self.most.load(Ordering::SeqCst) && !is_cut() {
                thread::sleep(Duration::from_millis(5));
            }
            if is_cut() {
                break;
            }
            self.passed.fetch_add(read as u64, Ordering::SeqCst);
            if gateway.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        // The same.
        let _ = gateway.shutdown(Shutdown::Write);
    }
}
