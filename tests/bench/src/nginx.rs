//! The file server that everybody compares with: Debian's nginx, with a worker for each processor and `sendfile`, so
//! that no byte of the file passes through it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// Where Debian has it.
const PROGRAM: &str = "/usr/sbin/nginx";
/// How long it may take to start.
const PATIENCE: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// A server of the folder of one file, which ends when this is dropped.
pub(crate) struct Nginx {
    address: SocketAddr,
    child: tokio::process::Child,
    _folder: TempDir,
}

impl Nginx {
    /// Serves the folder of `file`; `None` when there is no nginx on this machine and none can be installed.
    pub(crate) async fn start(file: &Path) -> Result<Option<Self>> {
        if !install()? {
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        let address = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?.local_addr()?;
        let root = file.parent().context("the file is in no folder")?;
        let configuration = folder.path().join("nginx.conf");
        fs::write(&configuration, configured(folder.path(), address, root))?;
        let child = tokio::process::Command::new(PROGRAM)
            .arg("-c")
            .arg(&configuration)
            .arg("-e")
            .arg(folder.path().join("errors"))
            .stdin(Stdio::null())
            .spawn()?;
        for _ in 0..PATIENCE {
            if TcpStream::connect(address).await.is_ok() {
                return Ok(Some(Self { address, child, _folder: folder }));
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("nginx does not serve")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Nginx {
    /// Asks it to end: killed, it would leave its workers behind.
    fn drop(&mut self) {
        if let Some(id) = self.child.id() {
            // One that has ended already is what is wanted.
            let _ = Command::new("kill").arg(id.to_string()).status();
        }
    }
}

/// Root's workers would otherwise be another user's, who may not read what is in a temporary folder.
fn configured(folder: &Path, address: SocketAddr, root: &Path) -> String {
    let (folder, root) = (folder.display(), root.display());
    format!(
        "daemon off;\nuser root;\nworker_processes auto;\npid {folder}/pid;\nerror_log {folder}/errors;\n\
         events {{}}\n\
         http {{\n\
         access_log off;\nsendfile on;\ntcp_nopush on;\n\
         client_body_temp_path {folder}/body;\nproxy_temp_path {folder}/proxy;\n\
         fastcgi_temp_path {folder}/fastcgi;\nuwsgi_temp_path {folder}/uwsgi;\nscgi_temp_path {folder}/scgi;\n\
         server {{ listen {address}; root {root}; }}\n\
         }}\n"
    )
}

/// Whether there is an nginx now. As root or with sudo, Debian's is installed when there is none.
fn install() -> Result<bool> {
    let has_nginx = || shell(&format!("test -x {PROGRAM}"));
    if !has_nginx()? {
        let install = "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends nginx";
        shell(&format!("if [ \"$(id -u)\" = 0 ]; then {install}; else sudo -n sh -c '{install}'; fi"))?;
    }
    has_nginx()
}

fn shell(line: &str) -> Result<bool> {
    let status = Command::new("sh").args(["-c", line]).stdout(Stdio::null()).status();
    Ok(status.context("cannot run sh")?.success())
}
