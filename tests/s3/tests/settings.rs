//! The example settings under `infra/deploy/settings`: each name is a variable of `spin.toml`, and each file, with keys,
//! makes a gateway that knows its bucket.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use http::Method;
use ota_image::{ObjectId, Store};
use ota_platform::native::World;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Each file by its name, as variables.
fn files() -> BTreeMap<String, BTreeMap<String, String>> {
    let folder = Path::new(ROOT).join("infra/deploy/settings");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let settings = paths.filter(|path| path.extension().is_some_and(|extension| extension == "env"));
    settings.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), read(&path))).collect()
}

fn read(path: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(path).unwrap();
    let mut variables = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.strip_prefix("SPIN_VARIABLE_").unwrap().split_once('=').unwrap();
        let before = variables.insert(name.to_ascii_lowercase(), value.to_owned());
        assert_eq!(before, None, "{name} is set once in {}", path.display());
    }
    variables
}

#[test]
fn every_name_is_a_variable_of_the_application_and_none_is_a_secret() {
    let manifest: toml::Table = fs::read_to_string(format!("{ROOT}/spin.toml")).unwrap().parse().unwrap();
    let declared = manifest["variables"].as_table().unwrap();
    for (file, variables) in files() {
        for name in variables.keys() {
            let variable = declared.get(name).unwrap_or_else(|| panic!("{file} sets {name}"));
            assert_eq!(variable.get("secret"), None, "{name} is a secret in {file}");
        }
    }
}

#[test]
fn with_keys_every_bucket_is_one_that_can_be_called() {
    let files = files();
    let names: BTreeSet<_> = files.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["aws", "garage", "production", "r2", "seaweedfs"]));
    for (file, variables) in files.iter().filter(|(file, _)| *file != "production") {
        let mut world = World::new().unwrap();
        world.variables.extend(variables.clone());
        world.variables.extend(files["production"].clone());
        for secret in ["s3_access_key", "s3_secret_key"] {
            assert!(world.gateway().objects().is_err(), "{file} without {secret}");
            world.variables.insert(secret.to_owned(), "a key of the tests".to_owned());
        }
        let objects = world.gateway().objects().map_err(|closed| format!("{file}: {closed}")).unwrap();
        assert_eq!(objects.store(), Store::S3);
        let url =
            objects.presigned(&ObjectId::from_random([1; 16]), &Method::GET, Duration::from_mins(1)).unwrap();
        let host = variables.get("s3_public_url").unwrap_or(&variables["s3_url"]);
        assert!(url.starts_with(&format!("{host}/")), "{url}");
    }
}
