//! Each device is a socket, and each socket an open file; many systems allow 1 024 until they are asked for more.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::debug;

/// Raises this process's limit on open files to what the system lets it have.
pub(crate) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Without a higher limit the gateway serves fewer devices, and says so when it refuses one.
    if let Err(error) = setrlimit(Resource::Nofile, most) {
        debug!(%error, "the limit on open files stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_then_the_most_that_is_allowed() {
        raise_limit();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
