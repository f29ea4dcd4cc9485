//! Whom the server runs as: Postgres refuses root, and containers are often root.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

/// Users whom root runs it as, the first that there is.
const SERVANTS: [&str; 2] = ["postgres", "nobody"];

/// The user of the server's processes and files.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner {
    /// Whoever runs this.
    Myself,
    /// Somebody else, since this is root.
    Other { uid: u32, gid: u32 },
}

impl Owner {
    /// Ourselves, or one of [`SERVANTS`] when this is root.
    pub(crate) fn find() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Myself);
        }
        let users = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        SERVANTS.iter().find_map(|name| user(&users, name)).with_context(|| {
            format!("postgres refuses root, and no user is called {}", SERVANTS.join(" or "))
        })
    }

    /// Makes `command` run as this user, apart from the terminal's signals.
    pub(crate) fn run<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Self::Other { uid, gid } = self {
            command.uid(*uid).gid(*gid);
        }
        command.process_group(0)
    }

    /// Gives `path` to this user.
    pub(crate) fn give(&self, path: &Path) -> Result<()> {
        match self {
            Self::Myself => Ok(()),
            Self::Other { uid, gid } => chown(path, Some(*uid), Some(*gid))
                .with_context(|| format!("cannot give away {}", path.display())),
        }
    }
}

/// The numbers of the user `name` in the text of a passwd file: `name:password:uid:gid:…`.
fn user(users: &str, name: &str) -> Option<Owner> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2);
    Some(Owner::Other { uid: numbers.next()?.parse().ok()?, gid: numbers.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\npostgresql:x:7:8::/:\npostgres:x:101:104:a,b:/var:/bin/sh\n";
        assert!(matches!(user(users, "postgres"), Some(Owner::Other { uid: 101, gid: 104 })));
        assert!(user(users, "nobody").is_none());
    }
}
