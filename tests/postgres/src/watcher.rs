//! Ends the server with whoever started it, however that ends.

use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::folder::Folder;
use crate::owner::Owner;

/// Waits for the end of its input, which the system closes for a process that was killed, too. Then stops the server,
/// if there is one, at once, waits for it for 10 s at most, and removes the folder.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
read -r _
lock="$1/cluster/postmaster.pid"
if read -r server 2>/dev/null <"$lock"; then
    kill -QUIT "$server"
    turns=0
    while [ -e "$lock" ] && [ "$turns" -lt 200 ]; do sleep 0.05; turns=$((turns + 1)); done
fi
rm -rf "$1"
"#;

/// A shell that watches over us; dropping it ends the server too, without waiting.
#[derive(Debug)]
pub(crate) struct Watcher {
    shell: Child,
    /// Closed by whatever ends this process.
    line: Option<ChildStdin>,
}

impl Watcher {
    /// Watches over the server in `folder`, which need not be there yet.
    pub(crate) fn start(folder: &Folder, owner: Owner) -> Result<Self> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", SCRIPT, "ota-postgres-watcher"]).arg(folder.path());
        shell.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut shell = owner.run(&mut shell).spawn().context("cannot start /bin/sh")?;
        Ok(Self { line: shell.stdin.take(), shell })
    }

    /// Returns when the server has ended and its folder is gone.
    pub(crate) fn end(&mut self) {
        self.line = None;
        // A shell that cannot be waited for has ended.
        let _ = self.shell.wait();
    }
}
