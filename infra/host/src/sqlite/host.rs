//! `fermyon:spin/sqlite`, version 2: labels and handles in front of the database.

use wasmtime::component::Resource;

use super::Session;
use crate::guest::Guest;
use crate::guest::bindings::fermyon::spin::sqlite::{Error, Host, HostConnection, QueryResult, Value};

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Host for Guest {}

impl HostConnection for Guest {
    async fn open(&mut self, label: String) -> Answer<Resource<Session>> {
        if !self.grants.sqlite_databases.contains(&label) {
            return Ok(Err(Error::AccessDenied));
        }
        let session = Session::new(self.database.clone());
        Ok(Ok(self.table.push(session)?))
    }

    async fn execute(
        &mut self,
        connection: Resource<Session>,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<QueryResult> {
        let session = self.table.get_mut(&connection)?;
        let executed = session.execute(statement, parameters).await;
        Ok(executed.map_err(|error| Error::Io(error.to_string())))
    }

    async fn drop(&mut self, connection: Resource<Session>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}
