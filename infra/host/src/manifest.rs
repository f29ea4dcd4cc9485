//! The schema of `spin.toml`, version 2, with exactly the keys that Spin 3.5
//! knows: an unknown key is refused here because it would stop that host.
//!
//! It only reads; what the values mean is decided by `application`.

mod template;

use std::collections::BTreeMap;

use serde::Deserialize;

pub(crate) use template::Template;

/// A whole manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) spin_manifest_version: u32,
    pub(crate) application: Details,
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) trigger: Triggers,
    #[serde(default)]
    pub(crate) component: BTreeMap<String, Component>,
}

/// `[application]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to refuse what Spin would refuse, not all of it used")]
pub(crate) struct Details {
    pub(crate) name: String,
    version: Option<String>,
    description: Option<String>,
    #[serde(default)]
    authors: Vec<String>,
    #[serde(default)]
    pub(crate) trigger: BTreeMap<String, toml::Table>,
    #[serde(default)]
    tool: BTreeMap<String, toml::Table>,
}

/// `[variables]`: either required, or with a default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to refuse what Spin would refuse, not all of it used")]
pub(crate) struct Variable {
    description: Option<String>,
    #[serde(default)]
    pub(crate) required: bool,
    pub(crate) default: Option<String>,
    #[serde(default)]
    secret: bool,
}

/// `[[trigger.http]]`; this host has no other trigger.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Triggers {
    pub(crate) http: Vec<HttpTrigger>,
}

/// One route and who answers it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to refuse what Spin would refuse, not all of it used")]
pub(crate) struct HttpTrigger {
    id: Option<String>,
    pub(crate) component: String,
    pub(crate) route: Route,
    executor: Option<Executor>,
}

/// A pattern, or a component that only other components may call.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Route {
    Pattern(String),
    Private(Private),
}

/// `{ private = true }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Private {
    pub(crate) private: bool,
}

/// `executor = { type = "http" }`; Wagi is not served here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, tag = "type", rename_all = "lowercase")]
enum Executor {
    Http,
    Spin,
}

/// `[component.<id>]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to refuse what Spin would refuse, not all of it used")]
pub(crate) struct Component {
    pub(crate) source: String,
    description: Option<String>,
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) files: Vec<toml::Value>,
    #[serde(default)]
    exclude_files: Vec<String>,
    #[serde(default)]
    pub(crate) allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub(crate) key_value_stores: Vec<String>,
    #[serde(default)]
    pub(crate) sqlite_databases: Vec<String>,
    #[serde(default)]
    ai_models: Vec<String>,
    pub(crate) build: Option<Build>,
    #[serde(default)]
    tool: BTreeMap<String, toml::Table>,
    #[serde(default)]
    dependencies_inherit_configuration: bool,
    #[serde(default)]
    pub(crate) dependencies: BTreeMap<String, toml::Value>,
}

/// `[component.<id>.build]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to refuse what Spin would refuse, not all of it used")]
pub(crate) struct Build {
    pub(crate) command: Commands,
    workdir: Option<String>,
    #[serde(default)]
    watch: Vec<String>,
}

/// One command or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Commands {
    One(String),
    Many(Vec<String>),
}

impl Manifest {
    /// Reads a manifest; the error names the line and the unknown or missing key.
    pub(crate) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

impl Commands {
    /// What to type.
    pub(crate) fn shell(&self) -> String {
        match self {
            Self::One(command) => command.clone(),
            Self::Many(commands) => commands.join(" && "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"
        spin_manifest_version = 2
        [application]
        name = "a"
        [[trigger.http]]
        route = "/..."
        component = "c"
        [component.c]
        source = "c.wasm"
    "#;

    #[test]
    fn the_least_manifest_is_read() {
        let manifest = Manifest::parse(LEAST).unwrap();
        assert_eq!(manifest.component["c"].source, "c.wasm");
    }

    #[test]
    fn keys_that_spin_3_5_does_not_know_are_refused() {
        for (key, at) in [
            ("memory_limit = 1", "[component.c]\n"),
            ("min_version = \"4\"", "[application]\n"),
            ("methods = [\"GET\"]", "[[trigger.http]]\n"),
        ] {
            let text = LEAST.replace(at, &format!("{at}{key}\n"));
            assert_ne!(text, LEAST);
            let error = Manifest::parse(&text).unwrap_err().to_string();
            assert!(error.contains("unknown field"), "{key}: {error}");
        }
    }

    #[test]
    fn triggers_other_than_http_are_refused() {
        let text = format!("{LEAST}\n[[trigger.redis]]\nchannel = \"x\"\ncomponent = \"c\"");
        assert!(Manifest::parse(&text).is_err());
    }
}
