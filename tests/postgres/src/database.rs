//! A database of one test.

use std::thread;

use anyhow::{Context as _, Result, anyhow};
use postgres::{Client, NoTls};

/// From this version on a database may have a collation of ICU's.
const ICU_DATABASES: i32 = 150_000;

/// An empty database; dropping it removes it, whoever is still connected.
///
/// Its texts sort as people's do and not as bytes, as in most databases of the world (where the server can): whoever
/// relies on the order of bytes must say so.
#[derive(Debug)]
pub struct Database {
    /// `postgres://user:password@127.0.0.1:port/name`.
    pub url: String,
    name: String,
    server: String,
}

impl Database {
    /// Makes the database `name` at the server whose own database is at `server`: an empty one, or what `template` is.
    pub(crate) fn create(server: &str, name: &str, template: Option<&Self>) -> Result<Self> {
        let (at, _) = server.rsplit_once('/').context("the address of a server has a path")?;
        let url = format!("{at}/{name}");
        let creation = name.to_owned();
        let template = template.map(|template| template.name.clone());
        run(server, move |client| {
            if let Some(template) = template {
                return client.batch_execute(&format!("CREATE DATABASE {creation} TEMPLATE {template}"));
            }
            let version: i32 =
                client.query_one("SELECT current_setting('server_version_num')::int", &[])?.try_get(0)?;
            let icu = if version >= ICU_DATABASES { "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'" } else { "" };
            client.batch_execute(&format!("CREATE DATABASE {creation} TEMPLATE template0 {icu}"))
        })?;
        Ok(Self { url, name: name.to_owned(), server: server.to_owned() })
    }

    /// `postgres://127.0.0.1:port`: what the manifest allows to be called.
    pub fn host(&self) -> String {
        let address = self.url.rsplit_once('@').map_or("", |(_, address)| address);
        format!("postgres://{}", address.split('/').next().unwrap_or_default())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let name = self.name.clone();
        // It goes with its server at the latest.
        let _ = run(&self.server, move |client| {
            client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        });
    }
}

/// Runs `act` with a connection to `url`, on a thread of its own: the client drives a runtime, which a thread that
/// serves another runtime must not.
fn run(
    url: &str,
    act: impl FnOnce(&mut Client) -> Result<(), postgres::Error> + Send + 'static,
) -> Result<()> {
    let url = url.to_owned();
    let thread = thread::spawn(move || {
        let mut client = Client::connect(&url, NoTls)?;
        act(&mut client)
    });
    thread.join().map_err(|_| anyhow!("the client of postgres panicked"))?.context("postgres does not answer")
}
