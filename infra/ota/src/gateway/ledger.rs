//! The database that a gateway decides in.

use std::fmt;
use std::str::FromStr;

/// What a port is when an address names none.
const PORT: &str = "5432";

/// Where the ledger is.
#[derive(Clone, Default)]
pub(crate) enum Ledger {
    /// In the folder of the gateway.
    #[default]
    Sqlite,
    /// In a Postgres.
    Postgres {
        /// The whole address, with its password.
        url: String,
        /// `postgres://host:port`, which the components may call.
        host: String,
    },
}

impl Ledger {
    /// As variables of the application.
    pub(crate) fn variables(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Sqlite => Vec::new(),
            Self::Postgres { url, host } => {
                vec![("ledger", "postgres"), ("postgres_url", url), ("postgres_host", host)]
            }
        }
    }
}

impl FromStr for Ledger {
    type Err = &'static str;

    /// `sqlite`, or `postgres://user:password@host:port/database?sslmode=require`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "sqlite" {
            return Ok(Self::Sqlite);
        }
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or("neither sqlite nor postgres://user:password@host:port/database")?;
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
        if address.is_empty() || address.contains([',', '%']) {
            return Err("the address has not one host");
        }
        let has_port = address.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        let host =
            if has_port { format!("postgres://{address}") } else { format!("postgres://{address}:{PORT}") };
        Ok(Self::Postgres { url: text.to_owned(), host })
    }
}

/// Shows no password.
impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite => f.write_str("Sqlite"),
            Self::Postgres { host, .. } => write!(f, "Postgres({host})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_of_a_postgres_are_what_components_may_call() {
        for (url, expected) in [
            ("postgres://u:p@db.test:6000/d?sslmode=require", "postgres://db.test:6000"),
            ("postgresql://u:p%40@db.test/d", "postgres://db.test:5432"),
            ("postgres://127.0.0.1", "postgres://127.0.0.1:5432"),
            ("postgres://u@[::1]:7/d", "postgres://[::1]:7"),
            ("postgres://u@[::1]/d", "postgres://[::1]:5432"),
        ] {
            let Ok(Ledger::Postgres { url: kept, host }) = url.parse() else { panic!("{url}") };
            assert_eq!((kept.as_str(), host.as_str()), (url, expected));
        }
    }

    #[test]
    fn other_ledgers_are_refused() {
        for text in
            ["", "postgres", "mysql://h/d", "postgres://", "postgres://u@a:1,b:2/d", "postgres://%2Frun/d"]
        {
            assert!(text.parse::<Ledger>().is_err(), "{text}");
        }
        assert!("sqlite".parse::<Ledger>().unwrap().variables().is_empty());
    }

    #[test]
    fn the_password_is_not_shown() {
        let ledger: Ledger = "postgres://u:hunter2@h/d".parse().unwrap();
        assert_eq!(format!("{ledger:?}"), "Postgres(postgres://h:5432)");
    }
}
