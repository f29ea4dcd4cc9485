//! The variables of a bucket: what is wrong is named, and nothing is called before all is right.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ota_image::Store;
use ota_platform::native::World;
use ota_platform::objects::Delivery;

const RIGHT: [(&str, &str); 5] = [
    ("objects", "s3"),
    ("s3_url", "https://s3.test"),
    ("s3_bucket", "firmware"),
    ("s3_access_key", "the-access-key"),
    ("s3_secret_key", "the-secret-key"),
];

fn world(variables: &[(&str, &str)]) -> World {
    let mut world = World::new().unwrap();
    world.variables.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    world
}

#[test]
fn firmware_goes_where_the_variable_says_and_to_the_embedded_store_without_it() {
    let store = |variables: &[_]| world(variables).gateway().objects().map(|objects| objects.store());
    assert_eq!(store(&[]), Ok(Store::Kv));
    assert_eq!(store(&[("objects", "kv")]), Ok(Store::Kv));
    assert_eq!(store(&RIGHT), Ok(Store::S3));
    // What is in a bucket stays there when new firmware goes elsewhere.
    let world = world(&[&RIGHT[1..], &[("objects", "kv")]].concat());
    assert_eq!(world.gateway().objects_of(Store::S3).map(|objects| objects.store()), Ok(Store::S3));
}

#[test]
fn a_variable_that_is_wrong_is_named_with_what_is_wrong() {
    for (name, value, expected) in [
        ("objects", "disk", "variable objects is neither kv nor s3"),
        ("s3_url", "", "variable s3_url is not set"),
        ("s3_url", "https://unset.invalid", "variable s3_url is not set"),
        ("s3_url", "s3.test", "variable s3_url is not http(s)://host[:port]"),
        ("s3_public_url", "https://s3.test/firmware", "variable s3_public_url is not http(s)://host[:port]"),
        ("s3_bucket", "", "variable s3_bucket is not set"),
        ("s3_bucket", "Firm_ware", "variable s3_bucket is not 3 to 63 of a-z, 0-9, . and -"),
        ("s3_region", "eu west", "variable s3_region is not letters, digits and -"),
        ("s3_style", "host", "variable s3_style is neither path nor virtual"),
        ("s3_style", "virtual", "variable s3_url has a host that does not begin with the bucket and a dot"),
        ("s3_access_key", "", "variable s3_access_key is not set"),
        ("s3_secret_key", "", "variable s3_secret_key is not set"),
        ("s3_prefix", "/", "variable s3_prefix is not up to 512"),
    ] {
        let world = world(&[&RIGHT[..], &[(name, value)]].concat());
        let closed = world.gateway().objects().map(|_| ()).unwrap_err().to_string();
        assert!(closed.starts_with(&format!("closed: {expected}")), "{name}={value}: {closed}");
    }
}

#[test]
fn downloads_are_streamed_unless_somebody_says_redirect() {
    let delivery = |value| world(&[("download", value)]).gateway().delivery();
    assert_eq!(delivery(""), Ok(Delivery::Stream));
    assert_eq!(delivery("stream"), Ok(Delivery::Stream));
    assert_eq!(delivery("redirect"), Ok(Delivery::Redirect));
    assert_eq!(
        delivery("proxy").unwrap_err().to_string(),
        "closed: variable download is neither stream nor redirect"
    );
}
