//! Why a connection ended: for the log, the counters, and the question whether its will is due.

use mqtt_protocol_core::mqtt::result_code::MqttError;
use thiserror::Error;

use crate::metrics::Metrics;

/// The end of a connection, seen from the bridge.
#[derive(Debug, Error)]
pub(crate) enum End {
    /// DISCONNECT: the only end that drops the will (MQTT 3.1.1 §3.14.4).
    #[error("the device disconnected")]
    Disconnected,
    #[error("the device closed the connection")]
    Gone,
    #[error("connection failed: {0}")]
    Broken(#[from] std::io::Error),
    #[error("no CONNECT in time, or one that is too long")]
    NoConnect,
    #[error("no MQTT, or not what may come now: {0:?}")]
    Malformed(MqttError),
    #[error("the device was silent for too long")]
    Silent,
    #[error("the device does not take what it is sent")]
    Slow,
    #[error("the device has not acknowledged {0} messages")]
    Unacknowledging(usize),
    #[error("published to {0:?}, which is not its own")]
    ForeignTopic(String),
    #[error("a newer connection of the same device took over")]
    TakenOver,
    #[error("not let in: {0}")]
    Denied(String),
    #[error("the gateway could not say whether to let it in: {0}")]
    Unavailable(String),
    #[error("the bridge stops")]
    Stopping,
}

impl End {
    /// Whether the server must publish the will. The bridge's own stop says nothing about the device.
    pub(crate) fn releases_will(&self) -> bool {
        !matches!(self, Self::Disconnected | Self::Stopping)
    }

    /// Whether the connection is still to be closed, and in good order.
    pub(crate) fn deserves_farewell(&self) -> bool {
        !matches!(self, Self::Disconnected | Self::Gone | Self::Broken(_) | Self::Slow | Self::TakenOver)
    }

    pub(crate) fn count(&self, metrics: &Metrics) {
        match self {
            Self::Malformed(_) | Self::NoConnect => metrics.protocol_errors.count(),
            Self::Silent => metrics.keep_alive_lapses.count(),
            Self::Slow | Self::Unacknowledging(_) => metrics.slow_devices.count(),
            Self::ForeignTopic(_) => metrics.publishes_refused.count(),
            Self::TakenOver => metrics.takeovers.count(),
            Self::Denied(_) => metrics.connects_denied.count(),
            Self::Unavailable(_) => metrics.connects_unavailable.count(),
            Self::Disconnected | Self::Gone | Self::Broken(_) | Self::Stopping => {}
        }
    }
}

impl From<MqttError> for End {
    fn from(error: MqttError) -> Self {
        Self::Malformed(error)
    }
}
