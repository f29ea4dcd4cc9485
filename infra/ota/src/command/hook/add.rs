//! `ota hook add`.

use std::fmt;

use clap::Args;
use ota_protocol::key::ProductKey;

use crate::api::{Client, HookToAdd};
use crate::failure::Failure;
use crate::present::{Output, printable};

/// Adds a hook.
#[derive(Args)]
pub(crate) struct Add {
    /// Where messages are posted: under the address that the gateway's variable `hook_host` holds
    #[arg(value_name = "URL")]
    receiver: String,
    /// Only what happens to this product
    #[arg(long, value_name = "PK", value_parser = ProductKey::parse)]
    product: Option<ProductKey>,
    /// Only these: held, stopped, done, quarantined, `first_failure`
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    kinds: Vec<String>,
    /// The secret that messages are signed with; made by the gateway if absent
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
}

impl Add {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let wanted =
            HookToAdd::new(&self.receiver, self.secret.as_deref(), self.product.as_ref(), &self.kinds);
        let added = client.add_hook(&wanted)?;
        let (hook, secret) = (&added.value.hook, &added.value.secret);
        output.result(&added.line(), || {
            format!(
                "hook    {}\nurl     {}\ntells   {} of {}\nsecret  {secret}  (shown only now)",
                hook.id,
                printable(&hook.url),
                hook.kinds.join(", "),
                hook.product.as_deref().unwrap_or("all products"),
            )
        })
    }
}

/// Without the secret.
impl fmt::Debug for Add {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Add({})", self.receiver)
    }
}
