//! `fermyon:spin/postgres`, version 2: the allow-list and handles in front of the pools.

use wasmtime::component::Resource;

use super::{Lent, address, value};
use crate::guest::Guest;
use crate::guest::bindings::fermyon::spin::postgres::{Host, HostConnection};
use crate::guest::bindings::fermyon::spin::rdbms_types::{self, Error, ParameterValue, RowSet};

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Host for Guest {}

impl rdbms_types::Host for Guest {}

impl HostConnection for Guest {
    async fn open(&mut self, address: String) -> Answer<Resource<Lent>> {
        let config = match address::permitted(&address, &self.grants.allow_list) {
            Ok(config) => config,
            Err(refused) => return Ok(Err(Error::ConnectionFailed(refused.to_string()))),
        };
        match self.postgres.clone().lend(&address, config).await {
            Ok(lent) => Ok(Ok(self.table.push(lent)?)),
            Err(error) => Ok(Err(Error::ConnectionFailed(format!("{error:#}")))),
        }
    }

    async fn query(
        &mut self,
        connection: Resource<Lent>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> Answer<RowSet> {
        let Some(client) = &self.table.get(&connection)?.0 else {
            return Ok(Err(ended()));
        };
        let parameters = match value::parameters(&parameters) {
            Ok(parameters) => parameters,
            Err(error) => return Ok(Err(Error::BadParameter(error.to_string()))),
        };
        let found = client.as_ref().query(&statement, &parameters).await;
        Ok(found.and_then(|rows| value::row_set(&rows)).map_err(failed))
    }

    async fn execute(
        &mut self,
        connection: Resource<Lent>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> Answer<u64> {
        let Some(client) = &self.table.get(&connection)?.0 else {
            return Ok(Err(ended()));
        };
        let parameters = match value::parameters(&parameters) {
            Ok(parameters) => parameters,
            Err(error) => return Ok(Err(Error::ValueConversionFailed(error.to_string()))),
        };
        Ok(client.as_ref().execute(&statement, &parameters).await.map_err(failed))
    }

    async fn drop(&mut self, connection: Resource<Lent>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

/// A handle that outlived its request.
fn ended() -> Error {
    Error::ConnectionFailed("the connection went with its request".to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` calls it")]
fn failed(error: tokio_postgres::Error) -> Error {
    Error::QueryFailed(format!("{error:?}"))
}
