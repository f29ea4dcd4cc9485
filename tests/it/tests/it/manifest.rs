//! `spin.toml`: what Spin 3.5 takes, every route where DESIGN §3 puts it, and nothing that must be set but secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use ota_it::{TestApp, workspace};
use serde::Deserialize;

/// The part of the manifest that is looked at here; the host reads, and refuses, the rest.
#[derive(Deserialize)]
struct Manifest {
    variables: BTreeMap<String, Variable>,
    trigger: BTreeMap<String, Vec<Trigger>>,
    component: BTreeMap<String, Component>,
}

#[derive(Deserialize)]
struct Variable {
    default: String,
    #[serde(default)]
    secret: bool,
}

#[derive(Deserialize)]
struct Trigger {
    route: String,
    component: String,
}

#[derive(Deserialize)]
struct Component {
    source: String,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    build: Build,
}

#[derive(Deserialize)]
struct Build {
    command: String,
}

fn manifest() -> Manifest {
    toml::from_str(&fs::read_to_string(workspace().join("spin.toml")).unwrap()).unwrap()
}

/// Each route of DESIGN §3 that this gateway has, with its component.
fn designed() -> BTreeMap<String, String> {
    let mut routes = BTreeMap::new();
    for (topic, component) in [
        ("inform", "inform"),
        ("progress", "progress"),
        ("getversion", "getversion"),
        ("upgrade_reply", "upgrade"),
    ] {
        routes.insert(format!("/topic/sys/:pk/:dk/ota/device/{topic}"), component);
        for dialect in ["rmqtt", "nanomq", "cloudevents"] {
            routes.insert(format!("/webhook/{dialect}/{topic}"), component);
        }
    }
    for (route, component) in [
        ("/internal/sweep", "upgrade"),
        ("/mqtt/auth", "access"),
        ("/mqtt/acl", "access"),
        ("/mqtt/presence", "access"),
        ("/auth/:pk/:dk", "access"),
        ("/:org/ota/:file", "firmware"),
        ("/multipart/sys/:pk/:dk/file/download", "firmware"),
        ("/api/v1/...", "operator"),
        ("/metrics", "operator"),
    ] {
        routes.insert(route.to_owned(), component);
    }
    routes.into_iter().map(|(route, component)| (route, component.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_has_only_keys_that_spin_3_5_knows() {
    // The host's parser knows exactly those, and refuses any other.
    let app = TestApp::start().await;
    assert_eq!(app.http.get("/.well-known/spin/health").await.text(), "OK");
}

#[test]
fn every_route_of_the_design_leads_to_its_component() {
    let Manifest { trigger, .. } = manifest();
    assert_eq!(trigger.keys().collect::<Vec<_>>(), ["http"]);
    let routes: Vec<_> = trigger["http"].iter().map(|t| (t.route.clone(), t.component.clone())).collect();
    let distinct: BTreeMap<_, _> = routes.iter().cloned().collect();
    assert_eq!(distinct.len(), routes.len(), "no route twice");
    assert_eq!(distinct, designed());
}

#[test]
fn nothing_must_be_set_and_what_opens_a_door_is_secret_and_empty() {
    for (name, variable) in manifest().variables {
        // The address of a Postgres holds its password.
        let is_secret = name == "postgres_url"
            || ["token", "token_previous", "key", "key_previous"]
                .iter()
                .any(|end| name.ends_with(&format!("_{end}")));
        let expected = match name.as_str() {
            "public_url" => "http://127.0.0.1:3000",
            // An empty one breaks the allow-list on Spin 4.0.
            "publish_url" | "hook_host" | "s3_url" => "https://unset.invalid",
            "postgres_host" => "postgres://unset.invalid:5432",
            "ledger" => "sqlite",
            "publish_path" => "/api/v5/publish",
            "organisation" => "fleet",
            "objects" => "kv",
            "download" => "stream",
            "signatures" => "optional",
            "s3_region" => "us-east-1",
            "s3_style" => "path",
            "s3_prefix" => "firmware/",
            _ => "",
        };
        assert_eq!((variable.default.as_str(), variable.secret), (expected, is_secret), "{name}");
    }
}

#[test]
fn a_component_gets_only_the_variables_that_it_reads() {
    let Manifest { component, .. } = manifest();
    let holders = |variable: &str| -> BTreeSet<&str> {
        let has = |c: &Component| c.variables.contains_key(variable);
        component.iter().filter(|(_, c)| has(c)).map(|(name, _)| name.as_str()).collect()
    };
    assert_eq!(holders("operator_token"), BTreeSet::from(["operator"]));
    assert_eq!(holders("secret_key"), BTreeSet::from(["access", "operator", "upgrade"]));
    assert_eq!(
        holders("bridge_token"),
        BTreeSet::from(["access", "getversion", "inform", "progress", "upgrade"])
    );
    // The sweep takes away what an upload left.
    assert_eq!(holders("s3_secret_key"), BTreeSet::from(["firmware", "operator", "upgrade"]));
}

#[test]
fn spin_build_makes_each_component_where_it_is_expected() {
    for (name, component) in manifest().component {
        let command = format!("cargo build --release --target wasm32-wasip2 -p ota-{name}");
        assert_eq!(component.build.command, command);
        let source = Path::new("target/wasm32-wasip2/release").join(format!("ota_{name}.wasm"));
        assert_eq!(Path::new(&component.source), source);
    }
}
