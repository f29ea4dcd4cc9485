//! Addresses to listen on that are known before anything listens there, and again after it was killed.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the ports that systems give to outgoing connections: none of those takes one while it is free for a moment.
const PORTS: std::ops::Range<u32> = 20_000..32_000;

/// An address of this machine that nobody listens on, another one at each call of this process.
pub(crate) fn free_address() -> SocketAddr {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    for _ in 0..count {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        // Processes that run at once begin far apart.
        let offset = (std::process::id().wrapping_mul(997) + call) % count;
        let port = u16::try_from(PORTS.start + offset).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("every port of {PORTS:?} is taken");
}
