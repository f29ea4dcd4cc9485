//! Where a gateway keeps firmware and how it gets from there to a device: whatever a device can notice of a download
//! must be the same in all of these.

use std::thread;

use ota_s3::S3Server;

use crate::app::TestApp;
use crate::damage;

/// The size of a piece as the key-value store has it.
const PIECE: usize = 256 * 1024;

/// One of the ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the gateway's own key-value store, and through the gateway.
    Kv,
    /// In a bucket, and through the gateway.
    S3,
    /// In a bucket, and from there, where the gateway sends the device.
    Redirect,
}

/// A gateway with its place.
pub struct Depot {
    /// The gateway.
    pub app: TestApp,
    /// The bucket, if it has one.
    pub bucket: Option<S3Server>,
}

impl Place {
    /// A gateway that keeps its firmware here.
    pub async fn start(self) -> Depot {
        // It has a runtime of its own, which is not started inside of another.
        let bucket = (self != Self::Kv).then(|| thread::spawn(S3Server::new).join().unwrap());
        let mut variables = bucket.as_ref().map(S3Server::variables).unwrap_or_default();
        if let (Self::Redirect, Some(bucket)) = (self, &bucket) {
            variables.push(("download", "redirect".to_owned()));
            variables.push(("s3_public_url", bucket.public_url()));
        }
        Depot { app: TestApp::start_with_variables(&variables).await, bucket }
    }
}

impl Depot {
    /// Flips a bit of the byte `at` of the one firmware that is kept, behind the gateway's back.
    pub fn flip(&self, at: usize) {
        match &self.bucket {
            None => damage::flip(self.app.state_dir(), &format!("%:{}", at / PIECE), at % PIECE),
            Some(bucket) => flip_in(bucket, "/image", at),
        }
    }

    /// Flips a bit of the byte `at` of its list of digests.
    pub fn flip_in_digests(&self, at: usize) {
        match &self.bucket {
            None => damage::flip(self.app.state_dir(), "%:digests", at),
            Some(bucket) => flip_in(bucket, "/digests.0", at),
        }
    }
}

/// Of the one object whose key ends so.
fn flip_in(bucket: &S3Server, end: &str, at: usize) {
    let keys = bucket.keys();
    let mut found = keys.iter().filter(|key| key.ends_with(end));
    let (Some(key), None) = (found.next(), found.next()) else { panic!("one {end} in {keys:?}") };
    bucket.alter(key, |bytes| bytes[at] ^= 0x10);
}
