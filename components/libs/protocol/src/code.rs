//! The codes of replies, with the texts that devices of the field already know.

/// The `code` of a reply (§2). Always a JSON integer on the wire.
///
/// A failing store has no code: it is HTTP 503, and the message is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// 200.
    Success,
    /// 402, a constant of the Python SDK.
    DeviceNotFound,
    /// 764: the device has no task.
    TaskNotFound,
    /// 765: it has one that was neither granted nor offered, or no slot is free.
    TaskNotStarted,
    /// 1008: the payload is above [`crate::message::MAX_PAYLOAD`].
    TooLarge,
    /// 1009: not a topic of this device.
    NoPermission,
    /// 1220: not JSON of the expected shape.
    PayloadFormat,
    /// 1251.
    PayloadEmpty,
}

impl Code {
    /// The number on the wire.
    pub fn as_i64(self) -> i64 {
        match self {
            Self::Success => 200,
            Self::DeviceNotFound => 402,
            Self::TaskNotFound => 764,
            Self::TaskNotStarted => 765,
            Self::TooLarge => 1008,
            Self::NoPermission => 1009,
            Self::PayloadFormat => 1220,
            Self::PayloadEmpty => 1251,
        }
    }

    /// The text that goes with the number; those of 764 and 765 are verbatim from the wire.
    pub fn default_message(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::DeviceNotFound => "device does not exist",
            Self::TaskNotFound => "Device task not found",
            Self::TaskNotStarted => "Device task not start",
            Self::TooLarge => "message too large",
            Self::NoPermission => "no permission on this topic",
            Self::PayloadFormat => "payload format error",
            Self::PayloadEmpty => "payload is empty",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn numbers_and_texts_are_those_of_the_protocol() {
        let table = [
            (Code::Success, 200, "success"),
            (Code::DeviceNotFound, 402, "device does not exist"),
            (Code::TaskNotFound, 764, "Device task not found"),
            (Code::TaskNotStarted, 765, "Device task not start"),
            (Code::TooLarge, 1008, "message too large"),
            (Code::NoPermission, 1009, "no permission on this topic"),
            (Code::PayloadFormat, 1220, "payload format error"),
            (Code::PayloadEmpty, 1251, "payload is empty"),
        ];
        for (code, number, text) in table {
            assert_eq!((code.as_i64(), code.default_message()), (number, text));
        }
    }
}
