//! The application that a manifest describes, with its variables filled in:
//! everything is checked here, once, before anything is compiled or bound.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};

use crate::grants::{Grants, Secrets};
use crate::manifest::{self, Manifest, Route, Template};
use crate::outbound::allow_list::AllowList;
use crate::settings::Settings;

/// The only label this host has a store and a database for.
pub(crate) const DEFAULT_LABEL: &str = "default";

/// Components and the routes that lead to them.
#[derive(Debug)]
pub(crate) struct Application {
    /// By their id.
    pub(crate) components: BTreeMap<String, Plan>,
    /// Pattern and component id.
    pub(crate) routes: Vec<(String, String)>,
}

/// What is to be loaded, and what it may use.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The file of the component.
    pub(crate) source: PathBuf,
    /// How to build it, for the message when it is missing.
    pub(crate) build: Option<String>,
    /// What every instance of it gets.
    pub(crate) grants: Arc<Grants>,
}

impl Application {
    /// Reads the manifest and fills in the variables.
    pub(crate) fn load(settings: &Settings) -> Result<Self> {
        let path = &settings.manifest;
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the manifest {}", path.display()))?;
        let manifest =
            Manifest::parse(&text).with_context(|| format!("in the manifest {}", path.display()))?;
        Self::resolve(manifest, settings).with_context(|| format!("in {}", path.display()))
    }

    fn resolve(manifest: Manifest, settings: &Settings) -> Result<Self> {
        ensure!(
            manifest.spin_manifest_version == 2,
            "spin_manifest_version is {}, only 2 is known",
            manifest.spin_manifest_version
        );
        ensure!(
            manifest.application.trigger.is_empty(),
            "application {} has trigger settings (a base path), which this host does not serve",
            manifest.application.name
        );
        let variables = values(&manifest.variables, &settings.variables)?;
        let routes = routes(manifest.trigger.http, &manifest.component)?;
        let part = Part::choose(&settings.components, &manifest.component)?;
        let mut components = BTreeMap::new();
        for (id, component) in manifest.component {
            if !part.has(&id) {
                continue;
            }
            let plan =
                plan(&id, component, &variables, settings).with_context(|| format!("component `{id}`"))?;
            components.insert(id, plan);
        }
        let routes = routes.into_iter().filter(|(_, id)| part.has(id)).collect();
        Ok(Self { components, routes })
    }
}

/// Which components of the manifest are served.
enum Part {
    Whole,
    Of(BTreeSet<String>),
}

impl Part {
    fn choose(named: &[String], all: &BTreeMap<String, manifest::Component>) -> Result<Self> {
        if named.is_empty() {
            return Ok(Self::Whole);
        }
        if let Some(stray) = named.iter().find(|id| !all.contains_key(*id)) {
            let known: Vec<_> = all.keys().map(String::as_str).collect();
            bail!("there is no component `{stray}`, there are {}", known.join(", "));
        }
        Ok(Self::Of(named.iter().cloned().collect()))
    }

    fn has(&self, id: &str) -> bool {
        match self {
            Self::Whole => true,
            Self::Of(ids) => ids.contains(id),
        }
    }
}

/// The value of every application variable: the caller's, else the default.
fn values(
    declared: &BTreeMap<String, manifest::Variable>,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>> {
    if let Some(stray) = given.keys().find(|name| !declared.contains_key(*name)) {
        bail!("a value is given for `{stray}`, which [variables] does not declare");
    }
    let mut values = BTreeMap::new();
    for (name, variable) in declared {
        ensure!(is_lower_snake(name), "variable `{name}` is not lower_snake_case");
        ensure!(
            variable.required != variable.default.is_some(),
            "variable `{name}` must either be required or have a default"
        );
        let value = given
            .get(name)
            .or(variable.default.as_ref())
            .with_context(|| format!("variable `{name}` is required and has no value"))?;
        values.insert(name.clone(), value.clone());
    }
    Ok(values)
}

/// Words of letters and digits, each beginning with a letter, joined by single `_`.
fn is_lower_snake(name: &str) -> bool {
    name.split('_').all(|word| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    })
}

fn plan(
    id: &str,
    component: manifest::Component,
    variables: &BTreeMap<String, String>,
    settings: &Settings,
) -> Result<Plan> {
    ensure!(component.files.is_empty(), "file mounts are not served");
    ensure!(component.dependencies.is_empty(), "dependencies are not composed");
    for label in component.key_value_stores.iter().chain(&component.sqlite_databases) {
        ensure!(label == DEFAULT_LABEL, "store `{label}` is not provided, only `{DEFAULT_LABEL}` is");
    }
    let mut own = BTreeMap::new();
    for (name, template) in &component.variables {
        let value = Template(template).expand(variables).with_context(|| format!("variable `{name}`"))?;
        own.insert(name.clone(), value);
    }
    let mut hosts = Vec::new();
    for template in &component.allowed_outbound_hosts {
        hosts.push(Template(template).expand(variables)?);
    }
    Ok(Plan {
        source: settings.manifest_dir().join(&component.source),
        build: component.build.map(|build| build.command.shell()),
        grants: Arc::new(Grants {
            id: id.to_owned(),
            variables: Secrets(own),
            environment: component.environment,
            allow_list: AllowList::parse(&hosts)?,
            key_value_stores: component.key_value_stores,
            sqlite_databases: component.sqlite_databases,
        }),
    })
}

fn routes(
    triggers: Vec<manifest::HttpTrigger>,
    components: &BTreeMap<String, manifest::Component>,
) -> Result<Vec<(String, String)>> {
    let mut routes = Vec::new();
    for trigger in triggers {
        let id = trigger.component;
        ensure!(components.contains_key(&id), "a trigger names component `{id}`, which does not exist");
        match trigger.route {
            Route::Pattern(route) => {
                ensure!(
                    route.starts_with('/') && !route.starts_with("/.well-known/spin/"),
                    "route `{route}` must begin with / and not be one of the host's own"
                );
                routes.push((route, id));
            }
            Route::Private(route) => {
                ensure!(route.private, "component `{id}` has the route {{ private = false }}");
            }
        }
    }
    Ok(routes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
        spin_manifest_version = 2
        [application]
        name = "a"
        [variables]
        token = { default = "", secret = true }
        broker = { required = true }
        [[trigger.http]]
        route = "/x"
        component = "c"
        [component.c]
        source = "c.wasm"
        variables = { bearer = "Bearer {{ token }}" }
        allowed_outbound_hosts = ["{{ broker }}"]
        key_value_stores = ["default"]
    "#;

    fn resolve(text: &str, given: &[(&str, &str)]) -> Result<Application> {
        resolve_part(text, given, &[])
    }

    fn resolve_part(text: &str, given: &[(&str, &str)], components: &[&str]) -> Result<Application> {
        let mut settings = Settings::new("app/spin.toml");
        settings.components = components.iter().map(|id| (*id).to_owned()).collect();
        settings.variables =
            given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Application::resolve(Manifest::parse(text)?, &settings)
    }

    fn refusal(text: &str, given: &[(&str, &str)]) -> String {
        format!("{:#}", resolve(text, given).unwrap_err())
    }

    #[test]
    fn templates_are_filled_with_the_callers_values_or_defaults() {
        let given = [("broker", "http://b:1"), ("token", "t")];
        let application = resolve(MANIFEST, &given).unwrap();
        let plan = &application.components["c"];
        assert_eq!(plan.source, std::path::Path::new("app/c.wasm"));
        assert_eq!(plan.grants.variables.0["bearer"], "Bearer t");
        assert!(!format!("{plan:?}").contains("Bearer t"));
        assert_eq!(application.routes, [("/x".to_owned(), "c".to_owned())]);
    }

    #[test]
    fn a_required_variable_without_a_value_stops_the_start() {
        assert!(refusal(MANIFEST, &[]).contains("`broker` is required"));
    }

    #[test]
    fn an_empty_variable_in_the_allow_list_stops_the_start() {
        assert!(refusal(MANIFEST, &[("broker", "")]).contains("component `c`"));
    }

    #[test]
    fn a_value_for_an_undeclared_variable_is_refused() {
        assert!(refusal(MANIFEST, &[("brokr", "x")]).contains("`brokr`"));
    }

    #[test]
    fn stores_other_than_the_default_are_refused() {
        let text = MANIFEST.replace("[\"default\"]", "[\"other\"]");
        assert!(refusal(&text, &[("broker", "http://b")]).contains("`other`"));
    }

    #[test]
    fn a_route_to_no_component_is_refused() {
        let text = MANIFEST.replace("component = \"c\"", "component = \"d\"");
        assert!(refusal(&text, &[("broker", "http://b")]).contains("`d`"));
    }

    #[test]
    fn a_part_has_the_named_components_and_their_routes_only() {
        let text = format!(
            "{MANIFEST}\n[component.d]\nsource = \"d.wasm\"\n\
             [[trigger.http]]\nroute = \"/y\"\ncomponent = \"d\""
        );
        let given = [("broker", "http://b")];
        let part = resolve_part(&text, &given, &["d", "d"]).unwrap();
        assert_eq!(part.components.keys().collect::<Vec<_>>(), ["d"]);
        assert_eq!(part.routes, [("/y".to_owned(), "d".to_owned())]);
        assert_eq!(resolve(&text, &given).unwrap().routes.len(), 2);
        let refused = format!("{:#}", resolve_part(&text, &given, &["d", "firmwear"]).unwrap_err());
        assert!(refused.contains("no component `firmwear`, there are c, d"), "{refused}");
    }

    #[test]
    fn variable_names_are_lower_snake_case() {
        assert!(is_lower_snake("publish_url2"));
        for name in ["", "Upper", "a__b", "_a", "a_", "a-b", "1a", "a_1"] {
            assert!(!is_lower_snake(name), "{name}");
        }
    }
}
