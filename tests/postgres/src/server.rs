//! One server: started, ready, and gone with its owner.

use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::database::Database;
use crate::folder::{Folder, USER};
use crate::owner::Owner;
use crate::programs;
use crate::watcher::Watcher;

/// The longest that a start may take.
const WITHIN: Duration = Duration::from_mins(1);
/// Ports that are tried before giving up.
const ATTEMPTS: u32 = 8;
/// Below the ports that systems give to outgoing connections, and others than a gateway under test is given before it
/// listens: a process that has both would give the same port to each.
const PORTS: std::ops::Range<u32> = 10_000..20_000;
/// More than the pools of several gateways take at once.
const CONNECTIONS: u32 = 500;

/// What a server is to be like.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Nothing is written to disk for sure, or at all: for tests that are about numbers, not about durability.
    pub is_fast: bool,
    /// Serves TLS beside plain connections, with this certificate.
    pub identity: Option<Identity>,
}

/// A certificate and its key, both PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate, or the chain.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(…)")
    }
}

/// A private server on 127.0.0.1. Dropping it stops it and removes all it had; the end of this process does too,
/// whatever ends it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    password: String,
    plan: Plan,
    process: Child,
    watcher: Watcher,
    databases: AtomicU32,
}

impl Server {
    /// Starts a server that is durable at each commit, as Postgres is by itself.
    ///
    /// # Errors
    /// Without the programs of Postgres, or when they fail; the error carries the end of the server's log.
    pub fn start() -> Result<Self> {
        Self::start_with(&Settings::default())
    }

    /// Starts a server as `settings` say. Errors as [`Server::start`].
    pub fn start_with(settings: &Settings) -> Result<Self> {
        let programs = programs::folder()?;
        let owner = Owner::find()?;
        let folder = Folder::create(owner, settings.is_fast)?;
        // From here on it cleans up, whatever happens.
        let watcher = Watcher::start(&folder, owner)?;
        let password = password()?;
        folder.initialise(&programs, owner, &password)?;
        let plan = Plan { program: programs.join("postgres"), owner, folder, settings: settings.clone() };
        let (process, address) = plan.start()?;
        Ok(Self { address, password, plan, process, watcher, databases: AtomicU32::new(0) })
    }

    /// Ends it as a power cut does; everything that it said was committed is still there after [`Server::restart`].
    ///
    /// # Errors
    /// When the system does not end it.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Starts it again at its address, after [`Server::kill`].
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn restart(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            self.process =
                self.plan.command(self.address.port())?.spawn().context("cannot start postgres")?;
            if self.plan.wait(&mut self.process)? {
                return Ok(());
            }
            // Processes of the server that was killed end a moment after it.
            ensure!(begun.elapsed() < WITHIN, "postgres ended: {}", self.plan.folder.log());
            sleep(Duration::from_millis(50));
        }
    }

    /// The server that the tests of this process share, started by the first that asks.
    ///
    /// # Errors
    /// As [`Server::start`]; the next that asks tries again.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: Mutex<Option<&Server>> = Mutex::new(None);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = *shared {
            return Ok(server);
        }
        // Never dropped: the watcher ends it with this process.
        Ok(shared.insert(Box::leak(Box::new(Self::start()?))))
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn database(&self) -> Result<Database> {
        self.create(None)
    }

    /// Makes a database with all that `template` has, to which nobody may be connected.
    ///
    /// # Errors
    /// When the server does not answer, or somebody is connected to the template.
    pub fn copy(&self, template: &Database) -> Result<Database> {
        self.create(Some(template))
    }

    fn create(&self, template: Option<&Database>) -> Result<Database> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        Database::create(&self.url("postgres"), &format!("test{number}"), template)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of one of its databases, with the password.
    fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{}@{}/{database}", self.password, self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.watcher.end();
        // A process that cannot be waited for has ended.
        let _ = self.process.wait();
    }
}

/// How one server is started.
#[derive(Debug)]
struct Plan {
    program: PathBuf,
    owner: Owner,
    folder: Folder,
    settings: Settings,
}

impl Plan {
    fn start(&self) -> Result<(Child, SocketAddr)> {
        for _ in 0..ATTEMPTS {
            let address = free_address()?;
            let mut process = self.command(address.port())?.spawn().context("cannot start postgres")?;
            match self.wait(&mut process) {
                Ok(true) => return Ok((process, address)),
                // Somebody else took the port in between.
                Ok(false) if self.folder.log().contains("could not bind") => {}
                Ok(false) => bail!("postgres ended: {}", self.folder.log()),
                Err(error) => {
                    // The error before is the one to tell.
                    let _ = process.kill();
                    return Err(error);
                }
            }
        }
        bail!("each of {ATTEMPTS} free ports was taken before postgres had it")
    }

    fn command(&self, port: u16) -> Result<Command> {
        let log = File::create(self.folder.log_file())?;
        let mut command = Command::new(&self.program);
        command.arg("-D").arg(self.folder.cluster()).arg("-p").arg(port.to_string());
        let mut set = |setting: &str| {
            command.args(["-c", setting]);
        };
        set("listen_addresses=127.0.0.1");
        set("unix_socket_directories=");
        set(&format!("max_connections={CONNECTIONS}"));
        if self.settings.is_fast {
            ["fsync=off", "synchronous_commit=off", "full_page_writes=off"].into_iter().for_each(&mut set);
        }
        if let Some(identity) = &self.settings.identity {
            let certificate = self.folder.file("certificate.pem", &identity.certificate, self.owner)?;
            let key = self.folder.file("key.pem", &identity.key, self.owner)?;
            set("ssl=on");
            set(&format!("ssl_cert_file={}", certificate.display()));
            set(&format!("ssl_key_file={}", key.display()));
        }
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        self.owner.run(&mut command);
        Ok(command)
    }

    /// Whether it became ready; `false` when it ended instead.
    fn wait(&self, process: &mut Child) -> Result<bool> {
        let begun = Instant::now();
        while begun.elapsed() < WITHIN {
            if process.try_wait()?.is_some() {
                return Ok(false);
            }
            if self.folder.is_ready(process.id()) {
                return Ok(true);
            }
            sleep(Duration::from_millis(20));
        }
        bail!("postgres was not ready within {WITHIN:?}: {}", self.folder.log())
    }
}

/// An address that nobody listens on, another one at each call of this process.
fn free_address() -> Result<SocketAddr> {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    for _ in 0..count {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        // Processes that run at once begin far apart.
        let offset = (std::process::id().wrapping_mul(997) + call) % count;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(PORTS.start + offset)?));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("every port of {PORTS:?} is taken")
}

/// A password that nobody guesses, of characters that a URL takes as they are.
fn password() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}
