//! Counters of everything a bridge does or refuses. They only ever rise; `sessions` is the one gauge.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that many tasks raise.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn count(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// The live counters, raised by the parts of the bridge.
        #[derive(Debug, Default)]
        pub(crate) struct Metrics {
            $(pub(crate) $name: Counter,)+
        }

        /// The counters of a bridge at one moment, since its start.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct MetricsSnapshot {
            $($(#[$doc])+ pub $name: u64,)+
            /// Devices connected now (a gauge).
            pub sessions: u64,
        }

        impl Metrics {
            pub(crate) fn snapshot(&self, sessions: usize) -> MetricsSnapshot {
                MetricsSnapshot {
                    $($name: self.$name.value(),)+
                    sessions: u64::try_from(sessions).unwrap_or(u64::MAX),
                }
            }
        }

        impl MetricsSnapshot {
            /// Every counter with its name, for an exporter.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)+ ("sessions", self.sessions)].into_iter()
            }
        }
    };
}

counters! {
    /// TCP connections accepted.
    connections,
    /// TCP connections closed at once because `max_connections` was reached.
    connections_refused,
    /// Devices let in.
    connects_allowed,
    /// CONNECTs answered with "not authorised" or "bad user name or password".
    connects_denied,
    /// CONNECTs answered with "server unavailable".
    connects_unavailable,
    /// Sessions ended by a newer connection of the same device.
    takeovers,
    /// Sessions ended because the device was silent for 1.5 times its keep-alive.
    keep_alive_lapses,
    /// Connections ended by bytes that are no MQTT, or by a packet that is too large.
    protocol_errors,
    /// Connections ended because the device did not take or acknowledge what it was sent.
    slow_devices,
    /// Messages to OTA topics taken from devices.
    publishes,
    /// Messages to a device's other own topics: acknowledged and dropped.
    publishes_ignored,
    /// Messages to topics of another device; each ended its connection.
    publishes_refused,
    /// Subscriptions granted.
    subscriptions_granted,
    /// Subscriptions refused.
    subscriptions_refused,
    /// Replies written to devices.
    replies,
    /// Commands written to devices.
    commands,
    /// Commands for a device that is not connected here, whose queue is full, or that names a foreign topic.
    commands_undeliverable,
    /// Commands not written again because the device has the same one still to acknowledge.
    commands_repeated,
    /// Commands that their device acknowledged.
    acknowledgements,
    /// Wills handed to the gateway.
    wills,
    /// Requests sent to the gateway.
    requests,
    /// Requests that failed and will be repeated.
    retries,
    /// Requests whose token the gateway refused.
    tokens_refused,
    /// Messages acknowledged although the gateway never processed them.
    given_up,
    /// Changes of presence that reached the gateway.
    presence_reported,
    /// Sweeps that the gateway answered.
    sweeps,
    /// Sweeps that failed, or a part of which did.
    sweeps_failed,
}
