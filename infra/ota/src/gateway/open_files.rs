//! Each device is a socket, and each socket an open file; many systems allow 1 024 until they are asked for more.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::debug;

/// Raises this process's limit on open files to what the system lets it have; how many that is, if there is a limit.
pub(crate) fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Without a higher limit the gateway serves fewer devices, and says so when it refuses one.
    if let Err(error) = setrlimit(Resource::Nofile, most) {
        debug!(%error, "the limit on open files stays as it is");
    }
    getrlimit(Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_then_the_most_that_is_allowed() {
        let raised = raise_limit();
        assert_eq!(raised, getrlimit(Resource::Nofile).maximum);
    }
}
