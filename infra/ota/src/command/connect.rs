//! Which gateway to call, and as whom.

use std::fmt;

use clap::Args;

use crate::api::Client;
use crate::failure::Failure;

/// Where `ota up` serves.
const DEFAULT_URL: &str = "http://127.0.0.1:3000";

/// Address and token, from flags or the environment.
#[derive(Args)]
pub(crate) struct Connect {
    /// Address of the gateway
    #[arg(long, global = true, env = "OTA_URL", default_value = DEFAULT_URL, value_name = "URL")]
    url: String,
    /// Operator token
    #[arg(long, global = true, env = "OTA_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    token: Option<String>,
}

impl Connect {
    /// A caller of that gateway.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Client::new(&self.url, self.token.as_deref())
    }

    /// Whether anything says which gateway is meant.
    pub(crate) fn is_given(&self) -> bool {
        self.url != DEFAULT_URL || self.token().is_some()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The host of the address.
    pub(crate) fn host(&self) -> Option<String> {
        let url: http::Uri = self.url.parse().ok()?;
        url.host().map(str::to_owned)
    }

    /// The operator token, if one was given.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref().filter(|token| !token.is_empty())
    }
}

/// Without the token.
impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect").field("url", &self.url).finish_non_exhaustive()
    }
}
