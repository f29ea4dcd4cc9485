//! Which database is the ledger: what the operator chose, and nothing else is ever opened.

use ota_protocol::secret::Secret;

use crate::closed::Closed;
use crate::gateway::{LEDGER, POSTGRES_URL};
use crate::ports::Variables;
use crate::postgres::limited;

/// The database that keeps the ledger.
#[derive(Debug)]
pub enum Store {
    /// The host's own SQLite: one machine.
    Sqlite,
    /// The Postgres at this address, which carries our time-outs: any number of machines.
    Postgres(Secret),
}

impl Store {
    /// What the variable `ledger` says; without one, SQLite. A choice that cannot be followed closes everything, since
    /// falling back on the other database would be another ledger.
    pub fn choose(variables: &dyn Variables) -> Result<Self, Closed> {
        match variables.get(LEDGER).as_deref() {
            None | Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres") => {
                let url = variables.get(POSTGRES_URL).ok_or(Closed {
                    variable: POSTGRES_URL,
                    reason: "is not set, and the ledger is postgres",
                })?;
                let url = limited(&url).map_err(|reason| Closed { variable: POSTGRES_URL, reason })?;
                Ok(Self::Postgres(Secret::new(url)))
            }
            Some(_) => Err(Closed { variable: LEDGER, reason: "is neither sqlite nor postgres" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn choose(variables: &[(&str, &str)]) -> Result<Store, Closed> {
        let variables: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Store::choose(&variables)
    }

    #[test]
    fn it_is_sqlite_unless_postgres_is_chosen() {
        assert!(matches!(choose(&[]), Ok(Store::Sqlite)));
        assert!(matches!(
            choose(&[("ledger", "sqlite"), ("postgres_url", "postgres://h/d")]),
            Ok(Store::Sqlite)
        ));
        let chosen = choose(&[("ledger", "postgres"), ("postgres_url", "postgres://u:hunter2@h/d")]).unwrap();
        assert!(!format!("{chosen:?}").contains("hunter2"));
        let Store::Postgres(url) = chosen else { panic!("{chosen:?}") };
        assert!(url.expose().starts_with("postgres://u:hunter2@h/d?"));
    }

    #[test]
    fn what_cannot_be_followed_is_closed_and_names_the_variable() {
        for (variables, named) in [
            (&[("ledger", "postgres")][..], "postgres_url"),
            (&[("ledger", "postgres"), ("postgres_url", "host=h")], "postgres_url"),
            (&[("ledger", "Postgres"), ("postgres_url", "postgres://h/d")], "ledger"),
            (&[("ledger", "postgresql")], "ledger"),
        ] {
            assert_eq!(choose(variables).unwrap_err().variable, named, "{variables:?}");
        }
    }
}
