//! The topics of the protocol (§1): four that devices publish, and what is published to them.

use std::fmt;

use thiserror::Error;

use crate::key::{DeviceId, KeyError};
use crate::query::percent_decode;

/// A topic that a device publishes, taken apart.
///
/// ```
/// use ota_protocol::topic::{Uplink, UplinkTopic};
/// let topic = UplinkTopic::parse("/sys/fKInRgVP/dev001/ota/device/inform")?;
/// assert_eq!(topic.uplink, Uplink::Inform);
/// assert_eq!(topic.device.to_string(), "fKInRgVP/dev001");
/// assert_eq!(topic.reply().as_deref(), Some("/sys/fKInRgVP/dev001/ota/device/inform_reply"));
/// # Ok::<(), ota_protocol::topic::TopicError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UplinkTopic {
    /// Whose topic it is.
    pub device: DeviceId,
    /// What the device says on it.
    pub uplink: Uplink,
}

impl UplinkTopic {
    /// Exactly `/sys/{pk}/{dk}/ota/device/{inform|progress|getversion|upgrade_reply}`.
    pub fn parse(topic: &str) -> Result<Self, TopicError> {
        let (device, verb) = split(topic)?;
        let uplink = Uplink::parse(verb).ok_or(TopicError::Verb)?;
        Ok(Self { device, uplink })
    }

    /// The same behind `/topic` in an HTTP path, where a client may have percent-encoded the keys.
    ///
    /// ```
    /// use ota_protocol::topic::UplinkTopic;
    /// let topic = UplinkTopic::from_path("/topic/sys/pk/a%3Ab/ota/device/progress")?;
    /// assert_eq!(topic.to_string(), "/sys/pk/a:b/ota/device/progress");
    /// # Ok::<(), ota_protocol::topic::TopicError>(())
    /// ```
    pub fn from_path(path: &str) -> Result<Self, TopicError> {
        let topic = path.strip_prefix("/topic").ok_or(TopicError::Shape)?;
        Self::parse(&percent_decode(topic).ok_or(TopicError::Shape)?)
    }

    /// Where the reply goes; an `upgrade_reply` has none.
    pub fn reply(&self) -> Option<String> {
        (self.uplink != Uplink::UpgradeReply).then(|| format!("{self}_reply"))
    }
}

impl fmt::Display for UplinkTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&device_topic(&self.device, self.uplink.as_str()))
    }
}

/// What a device can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Uplink {
    /// Which version it runs.
    Inform,
    /// How far an upgrade is.
    Progress,
    /// What it may upgrade to.
    Getversion,
    /// That it received a push.
    UpgradeReply,
}

impl Uplink {
    /// Every uplink, in the order of §1.
    pub const ALL: [Self; 4] = [Self::Inform, Self::Progress, Self::Getversion, Self::UpgradeReply];

    /// The last segment of the topic.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inform => "inform",
            Self::Progress => "progress",
            Self::Getversion => "getversion",
            Self::UpgradeReply => "upgrade_reply",
        }
    }

    /// The uplink of a last segment, or `None`.
    ///
    /// ```
    /// use ota_protocol::topic::Uplink;
    /// assert_eq!(Uplink::parse("getversion"), Some(Uplink::Getversion));
    /// assert_eq!(Uplink::parse("upgrade"), None);
    /// ```
    pub fn parse(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|uplink| uplink.as_str() == segment)
    }
}

/// Where a push goes (§1).
pub fn upgrade_topic(device: &DeviceId) -> String {
    device_topic(device, "upgrade")
}

/// Everything that a device may publish and subscribe, and nothing else: the rules of an inline ACL.
pub fn own_topics(device: &DeviceId) -> Vec<OwnTopic> {
    let publish = Uplink::ALL.map(|uplink| (Action::Publish, uplink.as_str()));
    let subscribe = DOWNLINKS.map(|verb| (Action::Subscribe, verb));
    publish
        .into_iter()
        .chain(subscribe)
        .map(|(action, verb)| OwnTopic { action, topic: device_topic(device, verb) })
        .collect()
}

/// Whether a device may do this on a topic. Wildcards are never a device's own.
pub fn may(device: &DeviceId, action: Action, topic: &str) -> bool {
    split(topic).is_ok_and(|(owner, verb)| {
        owner == *device
            && match action {
                Action::Publish => Uplink::parse(verb).is_some(),
                Action::Subscribe => DOWNLINKS.contains(&verb),
            }
    })
}

/// Whether a topic is one that the gateway publishes: replies and pushes.
/// A webhook that hears them must not take them for a device's message.
pub(crate) fn is_downlink(topic: &str) -> bool {
    split(topic).is_ok_and(|(_, verb)| DOWNLINKS.contains(&verb))
}

/// One topic that a device owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnTopic {
    /// What it may do there.
    pub action: Action,
    /// The exact topic.
    pub topic: String,
}

/// What a client does with a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Sends to it.
    Publish,
    /// Receives from it.
    Subscribe,
}

impl Action {
    /// `publish` or `subscribe`, as brokers spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
        }
    }
}

/// Why a text is not a topic of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TopicError {
    /// Not `/sys/…/…/ota/device/…`.
    #[error("topic is not /sys/product/device/ota/device/…")]
    Shape,
    /// The last segment is none that a device publishes.
    #[error("topic does not end in inform, progress, getversion or upgrade_reply")]
    Verb,
    /// One of the keys is none.
    #[error("topic: {0}")]
    Key(#[from] KeyError),
}

/// The names below `/ota/device/` that only the gateway publishes.
const DOWNLINKS: [&str; 4] = ["upgrade", "inform_reply", "progress_reply", "getversion_reply"];

fn device_topic(device: &DeviceId, verb: &str) -> String {
    format!("/sys/{device}/ota/device/{verb}")
}

fn split(topic: &str) -> Result<(DeviceId, &str), TopicError> {
    let rest = topic.strip_prefix("/sys/").ok_or(TopicError::Shape)?;
    let (product, rest) = rest.split_once('/').ok_or(TopicError::Shape)?;
    let (device, rest) = rest.split_once('/').ok_or(TopicError::Shape)?;
    let verb = rest.strip_prefix("ota/device/").ok_or(TopicError::Shape)?;
    Ok((DeviceId::parse(product, device)?, verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> DeviceId {
        DeviceId::parse("pk", "dk").unwrap()
    }

    #[test]
    fn the_four_uplinks_round_trip() {
        let replies = [Some("inform_reply"), Some("progress_reply"), Some("getversion_reply"), None];
        for (uplink, reply) in Uplink::ALL.into_iter().zip(replies) {
            let text = format!("/sys/pk/dk/ota/device/{}", uplink.as_str());
            let topic = UplinkTopic::parse(&text).unwrap();
            assert_eq!(topic, UplinkTopic { device: device(), uplink });
            assert_eq!(topic.to_string(), text);
            assert_eq!(topic.reply(), reply.map(|verb| format!("/sys/pk/dk/ota/device/{verb}")));
            assert_eq!(UplinkTopic::from_path(&format!("/topic{text}")), Ok(topic));
        }
    }

    #[test]
    fn other_topics_are_refused() {
        for text in [
            "",
            "/",
            "sys/pk/dk/ota/device/inform",
            "/sys/pk/dk/ota/device/",
            "/sys/pk/dk/ota/device/inform/",
            "/sys/pk/dk/ota/device/inform/x",
            "/sys/pk/dk/ota/device/Inform",
            "/sys/pk/dk/ota/device/inform_reply",
            "/sys/pk/dk/ota/device/upgrade",
            "/sys/pk/dk/ota/device/process",
            "/sys/pk/dk/ota/inform",
            "/sys/pk/ota/device/inform",
            "/sys//dk/ota/device/inform",
            "/sys/pk//ota/device/inform",
            "/sys/+/+/ota/device/inform",
            "/sys/pk/#/ota/device/inform",
            "/sys/../dk/ota/device/inform",
            "/sys/pk/dk/thing/ota/device/inform",
            "$share/g//sys/pk/dk/ota/device/inform",
            "/sys/pk/dk\0/ota/device/inform",
        ] {
            assert!(UplinkTopic::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_path_cannot_smuggle_a_slash_or_leave_its_prefix() {
        for path in [
            "/sys/pk/dk/ota/device/inform",
            "/topics/sys/pk/dk/ota/device/inform",
            "/topic/sys/pk/a%2Fb/ota/device/inform",
            "/topic/sys/pk/%2e%2e/ota/device/inform",
            "/topic/sys/pk/%/ota/device/inform",
            "/topic/sys/pk/%zz/ota/device/inform",
            "/topic/sys/pk/%ff/ota/device/inform",
            "/topic/sys/pk/%00/ota/device/inform",
        ] {
            assert!(UplinkTopic::from_path(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn pushes_go_to_upgrade() {
        assert_eq!(upgrade_topic(&device()), "/sys/pk/dk/ota/device/upgrade");
    }

    #[test]
    fn a_device_owns_four_topics_each_way() {
        let own: Vec<_> = own_topics(&device())
            .into_iter()
            .map(|own| format!("{} {}", own.action.as_str(), own.topic))
            .collect();
        assert_eq!(
            own,
            [
                "publish /sys/pk/dk/ota/device/inform",
                "publish /sys/pk/dk/ota/device/progress",
                "publish /sys/pk/dk/ota/device/getversion",
                "publish /sys/pk/dk/ota/device/upgrade_reply",
                "subscribe /sys/pk/dk/ota/device/upgrade",
                "subscribe /sys/pk/dk/ota/device/inform_reply",
                "subscribe /sys/pk/dk/ota/device/progress_reply",
                "subscribe /sys/pk/dk/ota/device/getversion_reply",
            ]
        );
    }

    #[test]
    fn a_device_may_do_nothing_else() {
        for (action, topic) in [
            (Action::Publish, "/sys/pk/dk/ota/device/upgrade"),
            (Action::Publish, "/sys/pk/dk/ota/device/inform_reply"),
            (Action::Subscribe, "/sys/pk/dk/ota/device/inform"),
            (Action::Publish, "/sys/pk/other/ota/device/inform"),
            (Action::Subscribe, "/sys/pk/+/ota/device/upgrade"),
            (Action::Subscribe, "#"),
        ] {
            assert!(!may(&device(), action, topic), "{action:?} {topic}");
        }
        assert!(own_topics(&device()).iter().all(|own| may(&device(), own.action, &own.topic)));
    }

    #[test]
    fn the_devices_own_upgrade_reply_is_not_ours() {
        assert!(is_downlink("/sys/pk/dk/ota/device/upgrade"));
        assert!(is_downlink("/sys/pk/dk/ota/device/inform_reply"));
        assert!(!is_downlink("/sys/pk/dk/ota/device/upgrade_reply"));
        assert!(!is_downlink("/sys/pk/dk/ota/device/inform"));
        assert!(!is_downlink("/other/upgrade"));
    }
}
