//! Which component answers a path: what `spin.toml` says, by the router that Spin uses.

use std::sync::LazyLock;

use routefinder::{RouteSpec, Router};

/// A component of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is called as its folder is")]
pub enum Component {
    Inform,
    Progress,
    Getversion,
    Upgrade,
    Firmware,
    Access,
    Operator,
}

impl Component {
    /// Every component.
    pub const ALL: [Self; 7] = [
        Self::Inform,
        Self::Progress,
        Self::Getversion,
        Self::Upgrade,
        Self::Firmware,
        Self::Access,
        Self::Operator,
    ];

    fn parse(name: &str) -> Self {
        match name {
            "inform" => Self::Inform,
            "progress" => Self::Progress,
            "getversion" => Self::Getversion,
            "upgrade" => Self::Upgrade,
            "firmware" => Self::Firmware,
            "access" => Self::Access,
            "operator" => Self::Operator,
            other => panic!("the testbed does not know the component {other}"),
        }
    }
}

/// Every route of `spin.toml` with its component, in the order of the file.
pub static ROUTES: LazyLock<Vec<(String, Component)>> = LazyLock::new(|| {
    let manifest: toml::Table = include_str!("../../../spin.toml").parse().unwrap();
    let triggers = manifest["trigger"]["http"].as_array().unwrap();
    let field = |trigger: &toml::Value, name: &str| trigger[name].as_str().unwrap().to_owned();
    triggers
        .iter()
        .map(|trigger| (field(trigger, "route"), Component::parse(&field(trigger, "component"))))
        .collect()
});

/// The component that answers `path`, if any does.
pub fn component_of(path: &str) -> Option<Component> {
    static ROUTER: LazyLock<Router<Component>> = LazyLock::new(|| {
        let mut router = Router::new();
        for (route, component) in ROUTES.iter() {
            let spec: RouteSpec = route.replace("/...", "/*").parse().unwrap();
            router.add(spec, *component).unwrap();
        }
        router
    });
    ROUTER.best_match(path).map(|found| *found.handler())
}
