//! `/api/v1/hooks`.

use std::fmt;

use ota_protocol::key::ProductKey;
use serde::{Deserialize, Serialize};

use super::client::{Answer, Client, segment};
use crate::failure::Failure;

/// A hook, and how well its messages arrive. Times are ms since 1970.
#[derive(Debug, Deserialize)]
pub(crate) struct Hook {
    #[serde(rename = "hook")]
    pub(crate) id: String,
    pub(crate) url: String,
    /// `None`: all products.
    pub(crate) product: Option<String>,
    pub(crate) kinds: Vec<String>,
    pub(crate) pending: u64,
    pub(crate) delivered: u64,
    pub(crate) given_up: u64,
    /// `None` while messages arrive.
    pub(crate) failing_since: Option<i64>,
    pub(crate) last_error: Option<String>,
}

/// Hooks, oldest first.
#[derive(Debug, Deserialize)]
pub(crate) struct Hooks {
    pub(crate) hooks: Vec<Hook>,
}

/// The answer to a new hook: the only one that ever shows its secret.
#[derive(Deserialize)]
pub(crate) struct AddedHook {
    #[serde(flatten)]
    pub(crate) hook: Hook,
    pub(crate) secret: String,
}

impl fmt::Debug for AddedHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AddedHook({})", self.hook.id)
    }
}

/// A hook to add; what is `None` or empty is left to the gateway.
#[derive(Serialize)]
pub(crate) struct HookToAdd<'a> {
    pub(crate) url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) product: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(crate) kinds: &'a [String],
}

impl<'a> HookToAdd<'a> {
    /// A hook of one product or of all.
    pub(crate) fn new(
        url: &'a str,
        secret: Option<&'a str>,
        product: Option<&'a ProductKey>,
        kinds: &'a [String],
    ) -> Self {
        Self { url, secret, product: product.map(ProductKey::as_str), kinds }
    }
}

/// What the receiver of a hook answered.
#[derive(Debug, Deserialize)]
pub(crate) struct Tested {
    pub(crate) status: u16,
}

/// The answer to a removal.
#[derive(Debug, Deserialize)]
pub(crate) struct Removed {
    pub(crate) hook: String,
}

#[derive(Serialize)]
struct Nothing {}

impl Client {
    /// Adds a hook; without a secret the gateway makes one.
    pub(crate) fn add_hook(&self, hook: &HookToAdd<'_>) -> Result<Answer<AddedHook>, Failure> {
        self.send("/api/v1/hooks", hook)
    }

    pub(crate) fn hooks(&self) -> Result<Answer<Hooks>, Failure> {
        self.fetch("/api/v1/hooks")
    }

    /// Sends a message of kind `test` to the hook's receiver, at once.
    pub(crate) fn test_hook(&self, id: &str) -> Result<Answer<Tested>, Failure> {
        self.send(&format!("/api/v1/hooks/{}/test", segment(id)), &Nothing {})
    }

    /// Removes the hook with what it was not told yet.
    pub(crate) fn remove_hook(&self, id: &str) -> Result<Answer<Removed>, Failure> {
        self.delete(&format!("/api/v1/hooks/{}", segment(id)))
    }
}
