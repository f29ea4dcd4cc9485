//! Where a gateway keeps firmware and how it gets from there to a device: whatever a device can notice of a download
//! must be the same in all of these.

use crate::app::TestApp;
use crate::damage;

/// The size of a piece as the key-value store has it.
const PIECE: usize = 256 * 1024;

/// One of the ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the gateway's own key-value store, through the gateway.
    Kv,
}

/// A gateway with its place.
pub struct Depot {
    /// The gateway.
    pub app: TestApp,
    place: Place,
}

impl Place {
    /// A gateway that keeps its firmware here.
    pub async fn start(self) -> Depot {
        let variables: &[(&str, &str)] = match self {
            Self::Kv => &[],
        };
        Depot { app: TestApp::start_with_variables(variables).await, place: self }
    }
}

impl Depot {
    /// Flips a bit of the byte `at` of the one firmware that is kept, behind the gateway's back.
    pub fn flip(&self, at: usize) {
        match self.place {
            Place::Kv => damage::flip(self.app.state_dir(), &format!("%:{}", at / PIECE), at % PIECE),
        }
    }

    /// Flips a bit of the byte `at` of its list of digests.
    pub fn flip_in_digests(&self, at: usize) {
        match self.place {
            Place::Kv => damage::flip(self.app.state_dir(), "%:digests", at),
        }
    }
}
