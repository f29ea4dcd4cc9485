//! What an upload says that the firmware asks of the jobs which bring it.

use ota_ledger::record::{Duties, FirmwareRecord};
use ota_platform::{Refusal, Request};
use serde::{Deserialize, Serialize};

use crate::params;

/// The most devices that a verification job may be allowed.
const MOST_VERIFIED: i64 = 1000;

/// The duties that the request names; what it does not name is as usual.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeclaredDuties {
    must_pass: Option<bool>,
    needs_verification: Option<bool>,
    verify_most: Option<i64>,
    verify_least: Option<i64>,
}

impl DeclaredDuties {
    pub(crate) fn of(request: &Request) -> Result<Self, Refusal> {
        let count = |name| {
            let what = format!("1 to {MOST_VERIFIED}");
            let value = params::number(request, name, &what)?;
            value.map(|value| params::within(name, value, 1, MOST_VERIFIED)).transpose()
        };
        let declared = Self {
            must_pass: params::flag(request, "must_pass")?,
            needs_verification: params::flag(request, "needs_verification")?,
            verify_most: count("verify_most")?,
            verify_least: count("verify_least")?,
        };
        let Duties { verify_most, verify_least, .. } = declared.duties();
        if verify_least > verify_most {
            let message =
                format!("verify_least is {verify_least}, must be at most verify_most, {verify_most}");
            return Err(Refusal::bad_request(message));
        }
        Ok(declared)
    }

    pub(crate) fn duties(&self) -> Duties {
        let usual = Duties::default();
        Duties {
            must_pass: self.must_pass.unwrap_or(usual.must_pass),
            needs_verification: self.needs_verification.unwrap_or(usual.needs_verification),
            verify_most: self.verify_most.unwrap_or(usual.verify_most),
            verify_least: self.verify_least.unwrap_or(usual.verify_least),
        }
    }

    /// A firmware never changes, nor does what it asks: the one that is registered has the duties that are named.
    pub(crate) fn check(&self, firmware: &FirmwareRecord) -> Result<(), Refusal> {
        let has = firmware.duties;
        let flag = |word: Option<bool>, has: bool| (word.map(i64::from), i64::from(has));
        let named = [
            ("must_pass", flag(self.must_pass, has.must_pass)),
            ("needs_verification", flag(self.needs_verification, has.needs_verification)),
            ("verify_most", (self.verify_most, has.verify_most)),
            ("verify_least", (self.verify_least, has.verify_least)),
        ];
        let other = named.iter().find(|(_, (declared, has))| declared.is_some_and(|value| value != *has));
        let Some((name, _)) = other else { return Ok(()) };
        let version = &firmware.version;
        Err(Refusal::conflict("other_duties", format!("version {version} is registered with another {name}"))
            .with_hint("a firmware never changes: upload it under a version of its own"))
    }
}
