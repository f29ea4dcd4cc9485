//! The SQL that decides: schema, migrations, and one transaction per decision.

pub mod sql;
