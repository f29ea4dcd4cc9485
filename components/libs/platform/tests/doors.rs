//! Every door is closed until it is given a key, and opens to that key alone.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use ota_platform::native::World;
use ota_platform::{Failure, Gateway, Response, door};

type Door = fn(&Gateway<'_>, &HeaderMap) -> Result<(), Failure>;

const DOORS: [(&str, Door); 2] = [("bridge_token", door::bridge), ("operator_token", door::operator)];

#[test]
fn a_door_without_a_key_is_closed_and_names_the_variable() {
    for (variable, door) in DOORS {
        for value in [None, Some(String::new())] {
            let mut world = World::new().unwrap();
            world.variables.remove(variable);
            if let Some(value) = value {
                world.variables.insert(variable.to_owned(), value);
            }
            for token in ["", "Bearer ", "Bearer x"] {
                let response = refused(door(&world.gateway(), &authorized(token)));
                assert_eq!(response.status(), StatusCode::FORBIDDEN);
                let text = String::from_utf8_lossy(response.body());
                assert!(text.contains(variable), "{text}");
            }
        }
    }
}

#[test]
fn no_credentials_are_asked_for_and_wrong_ones_are_refused() {
    let world = World::new().unwrap();
    for (variable, door) in DOORS {
        let token = &world.variables[variable];
        let nothing = door(&world.gateway(), &HeaderMap::new());
        assert_eq!(refused(nothing).status(), StatusCode::UNAUTHORIZED);
        for credentials in [
            "Bearer".to_owned(),
            token.clone(),
            format!("Digest {token}"),
            "Basic !!!".to_owned(),
            format!("Basic {}", STANDARD.encode(token)),
        ] {
            let response = refused(door(&world.gateway(), &authorized(&credentials)));
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{credentials}");
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
        }
        for credentials in [
            format!("Bearer {token}x"),
            format!("Bearer {}", &token[1..]),
            format!("Bearer {}", token.to_uppercase()),
            format!("Basic {}", STANDARD.encode(format!("{token}:x"))),
            format!("Basic {}", STANDARD.encode("user:")),
        ] {
            let response = refused(door(&world.gateway(), &authorized(&credentials)));
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{credentials}");
            let text = String::from_utf8_lossy(response.body());
            assert!(!text.contains(token.as_str()), "{text}");
        }
    }
}

#[test]
fn the_key_opens_as_bearer_and_as_the_password_of_any_user() {
    let world = World::new().unwrap();
    for (variable, door) in DOORS {
        let token = &world.variables[variable];
        for credentials in [
            format!("Bearer {token}"),
            format!("bearer  {token} "),
            format!("Basic {}", STANDARD.encode(format!("rmqtt:{token}"))),
            format!("basic {}", STANDARD.encode(format!(":{token}"))),
        ] {
            let opened = door(&world.gateway(), &authorized(&credentials));
            assert!(opened.is_ok(), "{credentials}");
        }
    }
}

#[test]
fn the_keys_of_two_doors_are_not_the_same() {
    let world = World::new().unwrap();
    let bridge = authorized("Bearer the-bridge-token");
    let operator = authorized("Bearer the-operator-token");
    assert!(door::operator(&world.gateway(), &bridge).is_err());
    assert!(door::bridge(&world.gateway(), &operator).is_err());
}

#[test]
fn the_previous_bridge_token_opens_while_it_is_set_beside_the_current() {
    let mut world = World::new().unwrap();
    let previous = authorized("Bearer the-old-token");
    assert!(door::bridge(&world.gateway(), &previous).is_err());
    world.variables.insert("bridge_token_previous".to_owned(), "the-old-token".to_owned());
    assert!(door::bridge(&world.gateway(), &previous).is_ok());
    assert!(door::bridge(&world.gateway(), &authorized("Bearer the-bridge-token")).is_ok());
    world.variables.remove("bridge_token");
    assert!(door::bridge(&world.gateway(), &previous).is_err());
}

#[test]
fn keys_that_could_be_guessed_close_what_they_seal() {
    let mut world = World::new().unwrap();
    for variable in ["link_key", "link_key_previous"] {
        world.variables.insert(variable.to_owned(), "short".to_owned());
        let closed = world.gateway().link_keys().err().unwrap();
        assert_eq!(closed.to_string(), format!("closed: variable {variable} has fewer than 16 characters"));
        world.variables.insert(variable.to_owned(), "long enough to seal with".to_owned());
    }
    world.variables.remove("secret_key");
    assert_eq!(world.gateway().secret_keys().err().unwrap().variable, "secret_key");
}

fn authorized(credentials: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", credentials.parse().unwrap());
    headers
}

fn refused(opened: Result<(), Failure>) -> Response {
    opened.unwrap_err().into_response()
}
