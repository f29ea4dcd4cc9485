//! The folder of one server: its cluster, its socket, its log.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::owner::Owner;

/// The user that everything is done as, inside the database.
pub(crate) const USER: &str = "ota";

/// A folder that belongs to the server's user. Who removes it is the watcher, since it outlives us.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes a folder of its own for `owner`; in memory when it `is_fast` and there is room: a database is three hundred
    /// files, and each test has one.
    pub(crate) fn create(owner: Owner, is_fast: bool) -> Result<Self> {
        let mut named = tempfile::Builder::new();
        named.prefix("ota-postgres-");
        let in_memory = Path::new("/dev/shm");
        let folder =
            if is_fast && has_room(in_memory) { named.tempdir_in(in_memory) } else { named.tempdir() };
        let folder = Self(folder?.keep());
        owner.give(folder.path())?;
        Ok(folder)
    }

    /// Makes a cluster in it, whose only user logs in by `password`.
    pub(crate) fn initialise(&self, programs: &Path, owner: Owner, password: &str) -> Result<()> {
        let key = self.file("password", password, owner)?;
        let mut initdb = Command::new(programs.join("initdb"));
        initdb.arg("--pgdata").arg(self.cluster()).arg("--pwfile").arg(&key);
        initdb.args([
            "--username",
            USER,
            "--auth",
            "password",
            "--no-locale",
            "--encoding",
            "UTF8",
            "--no-sync",
        ]);
        let done = owner.run(initdb.current_dir(self.path()).stdin(Stdio::null())).output()?;
        if !done.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&done.stderr));
        }
        fs::remove_file(key)?;
        Ok(())
    }

    /// Writes a file that only `owner` reads.
    pub(crate) fn file(&self, name: &str, text: &str, owner: Owner) -> Result<PathBuf> {
        use std::os::unix::fs::PermissionsExt as _;

        let path = self.path().join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        owner.give(&path)?;
        Ok(path)
    }

    /// Whether the server `process` says that it takes connections: only the process that holds the port gets that far,
    /// so it is ours that answers there.
    pub(crate) fn is_ready(&self, process: u32) -> bool {
        let said = fs::read_to_string(self.cluster().join("postmaster.pid")).unwrap_or_default();
        let mut lines = said.lines().map(str::trim);
        lines.next() == Some(&process.to_string()) && lines.nth(6) == Some("ready")
    }

    /// The end of what the server wrote.
    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(self.log_file()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines.split_at(lines.len().saturating_sub(20)).1.join("\n")
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.path().join("log")
    }

    pub(crate) fn cluster(&self) -> PathBuf {
        self.path().join("cluster")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

/// More than the databases of a test suite take (bytes); containers often have 64 MB.
const ROOM: u64 = 2 << 30;

/// Whether a file system is there, and has room for a server.
fn has_room(folder: &Path) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|system| system.f_bavail.saturating_mul(system.f_frsize) >= ROOM)
}
