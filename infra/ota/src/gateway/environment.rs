//! What the environment says of the application's variables, under the names that Spin reads.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;

/// What stands before the name of a variable.
const PREFIX: &str = "SPIN_VARIABLE_";

/// Variables of the application that the environment of this program sets.
pub(crate) fn environment() -> BTreeMap<String, String> {
    variables(env::vars_os())
}

/// `SPIN_VARIABLE_S3_URL` sets `s3_url`. What is not UTF-8 sets nothing.
fn variables(environment: impl IntoIterator<Item = (OsString, OsString)>) -> BTreeMap<String, String> {
    let named = |(name, value): (OsString, OsString)| {
        let name = name.to_str()?.strip_prefix(PREFIX)?.to_ascii_lowercase();
        Some((name, value.into_string().ok()?))
    };
    environment.into_iter().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_as_spin_names_it_is_taken() {
        let environment = [("SPIN_VARIABLE_S3_URL", "https://s3.test"), ("S3_BUCKET", "b"), ("SPIN_X", "y")];
        let environment = environment.map(|(name, value)| (name.into(), value.into()));
        let expected = BTreeMap::from([("s3_url".to_owned(), "https://s3.test".to_owned())]);
        assert_eq!(variables(environment), expected);
    }
}
