//! What a topic or a filter is to one device: its own, or another's.

use ota_protocol::key::DeviceId;
use ota_protocol::topic::UplinkTopic;

/// A topic that a device published to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Published {
    /// One of its own four OTA topics: for the gateway.
    Uplink(UplinkTopic),
    /// Nothing to the gateway, and harmless: measurements, events, topics of no device.
    Other,
    /// Another device's, or one in another device's name.
    Foreign,
}

impl Published {
    /// ```text
    /// /sys/{pk}/{dk}/ota/device/inform   Uplink
    /// /sys/{pk}/{dk}/thing/…             Other
    /// /sys/…, /ext/session/…             Foreign
    /// ```
    pub(crate) fn by(device: &DeviceId, topic: &str) -> Self {
        match UplinkTopic::parse(topic) {
            Ok(uplink) if uplink.device == *device => return Self::Uplink(uplink),
            _ => {}
        }
        let names_a_device = NAMESPACES.iter().any(|namespace| topic.starts_with(namespace));
        if names_a_device && !is_own(device, topic) { Self::Foreign } else { Self::Other }
    }
}

/// Whether the device may have this subscription: a valid filter all of whose topics are its own.
pub(crate) fn may_subscribe(device: &DeviceId, filter: &str) -> bool {
    is_own(device, filter) && has_wildcards_in_place(filter)
}

/// Whether a topic lies below the device's own prefix.
pub(crate) fn is_own(device: &DeviceId, topic: &str) -> bool {
    NAMESPACES.iter().any(|namespace| {
        topic
            .strip_prefix(namespace)
            .and_then(|rest| rest.strip_prefix(device.product.as_str()))
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|rest| rest.strip_prefix(device.device.as_str()))
            .is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
    })
}

/// Where the protocol puts a device's keys.
const NAMESPACES: [&str; 2] = ["/sys/", "/ext/session/"];

/// MQTT 3.1.1 §4.7.1: `#` only as the last level, wildcards only as whole levels.
fn has_wildcards_in_place(filter: &str) -> bool {
    let mut levels = filter.split('/').rev();
    let last = levels.next().unwrap_or_default();
    let is_level = |level: &str| level == "+" || !level.contains(['+', '#']);
    (last == "#" || is_level(last)) && levels.all(is_level)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> DeviceId {
        DeviceId::parse("pk", "dk").unwrap()
    }

    #[test]
    fn only_the_own_four_topics_are_for_the_gateway() {
        for name in ["inform", "progress", "getversion", "upgrade_reply"] {
            let topic = format!("/sys/pk/dk/ota/device/{name}");
            assert!(matches!(Published::by(&device(), &topic), Published::Uplink(_)), "{topic}");
        }
    }

    #[test]
    fn what_else_a_device_says_about_itself_is_let_pass() {
        for topic in [
            "/sys/pk/dk/thing/measurepoint/post",
            "/sys/pk/dk/ota/device/upgrade",
            "/sys/pk/dk/ota/device/inform_reply",
            "/ext/session/pk/dk/combine/login",
            "weather",
            "/",
            "",
        ] {
            assert_eq!(Published::by(&device(), topic), Published::Other, "{topic:?}");
        }
    }

    #[test]
    fn another_devices_topic_is_foreign_however_it_is_spelled() {
        for topic in [
            "/sys/pk/other/ota/device/inform",
            "/sys/other/dk/ota/device/inform",
            "/sys/pk/dk2/thing/post",
            "/sys/pk/d/thing/post",
            "/sys/pk2/dk/thing/post",
            "/sys/pk/dk",
            "/sys/pk/dk/",
            "/sys/+/+/ota/device/inform",
            "/sys//dk/thing/post",
            "/ext/session/pk/other/combine/login",
        ] {
            assert_eq!(Published::by(&device(), topic), Published::Foreign, "{topic:?}");
        }
    }

    #[test]
    fn a_device_may_subscribe_to_its_own_topics_and_wildcards_within() {
        for filter in ["/sys/pk/dk/ota/device/upgrade", "/sys/pk/dk/#", "/sys/pk/dk/+/device/+"] {
            assert!(may_subscribe(&device(), filter), "{filter:?}");
        }
    }

    #[test]
    fn no_filter_reaches_beyond_the_device() {
        for filter in [
            "#",
            "+/+",
            "/sys/#",
            "/sys/+/dk/ota/device/upgrade",
            "/sys/pk/+/ota/device/upgrade",
            "/sys/pk/dk2/#",
            "$share/g//sys/pk/dk/ota/device/upgrade",
            "/sys/pk/dk/#/x",
            "/sys/pk/dk/a+",
            "/sys/pk/dk/a#",
            "",
        ] {
            assert!(!may_subscribe(&device(), filter), "{filter:?}");
        }
    }
}
