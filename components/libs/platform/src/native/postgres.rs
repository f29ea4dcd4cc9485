//! SQL over Postgres: the same statements as under Spin, wrapped as there and with parameters as strict as there.

use std::cell::RefCell;
use std::collections::HashMap;

use ota_ledger::{Row, Sql, SqlError, Value};
use postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use postgres::{Client, NoTls, Statement};

use crate::postgres::{answer, limited, wrapped};

/// Statements that a connection keeps prepared: more than the gateway has. Tests that write the clock into their
/// statements have any number.
const STATEMENTS: usize = 512;

/// SQL over one connection to a Postgres.
pub struct NativePostgres(RefCell<Connection>);

struct Connection {
    client: Client,
    /// Prepared statements by their text.
    prepared: HashMap<String, Statement>,
}

impl NativePostgres {
    /// Connects to `url`, without TLS and with the time-outs that components ask for.
    /// Not on a thread that serves a runtime: the connection has one of its own, and blocks.
    pub fn connect(url: &str) -> Result<Self, SqlError> {
        let url = limited(url).map_err(|reason| SqlError(format!("the address {reason}")))?;
        let client = Client::connect(&url, NoTls).map_err(failed)?;
        Ok(Self(RefCell::new(Connection { client, prepared: HashMap::new() })))
    }
}

impl Sql for NativePostgres {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        self.0.borrow_mut().run(sql, params, |client, statement, params| client.execute(statement, params))
    }

    fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        let rows = self.0.borrow_mut().run(&wrapped(sql), params, |client, statement, params| {
            client.query(statement, params)?.iter().map(row).collect()
        })?;
        Ok(answer(sql, rows))
    }
}

impl Connection {
    /// Runs a statement, prepared once. What failed is prepared anew the next time: a migration may have changed what
    /// it was prepared for.
    fn run<T>(
        &mut self,
        sql: &str,
        params: &[Value],
        act: impl FnOnce(&mut Client, &Statement, &[&(dyn ToSql + Sync)]) -> Result<T, postgres::Error>,
    ) -> Result<T, SqlError> {
        let statement = match self.prepared.get(sql) {
            Some(statement) => statement.clone(),
            None => self.client.prepare(sql).map_err(failed)?,
        };
        let params: Vec<_> = params.iter().map(Parameter).collect();
        let params: Vec<_> = params.iter().map(|param| param as &(dyn ToSql + Sync)).collect();
        let done = act(&mut self.client, &statement, &params);
        if done.is_ok() {
            if self.prepared.len() >= STATEMENTS {
                self.prepared.clear();
            }
            self.prepared.insert(sql.to_owned(), statement);
        } else {
            self.prepared.remove(sql);
        }
        done.map_err(failed)
    }
}

/// A parameter: BIGINT only where the statement has a BIGINT, as Spin has it; NULL anywhere.
#[derive(Debug)]
struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(value) => value.to_sql_checked(ty, out),
            Value::Text(value) => value.to_sql_checked(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn row(row: &postgres::Row) -> Result<Row, postgres::Error> {
    let columns = (0..row.len()).map(|n| row.try_get::<_, Column>(n).map(|column| column.0));
    columns.collect::<Result<_, _>>().map(Row)
}

/// A column that Spin decodes, too: an integer of any width, text, or NULL.
struct Column(Value);

impl<'a> FromSql<'a> for Column {
    fn from_sql(ty: &Type, bytes: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        let value = match *ty {
            Type::INT2 => Value::Int(i16::from_sql(ty, bytes)?.into()),
            Type::INT4 => Value::Int(i32::from_sql(ty, bytes)?.into()),
            Type::INT8 => Value::Int(i64::from_sql(ty, bytes)?),
            _ => Value::Text(String::from_sql(ty, bytes)?),
        };
        Ok(Self(value))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT2, Type::INT4, Type::INT8, Type::TEXT, Type::VARCHAR, Type::BPCHAR].contains(ty)
    }
}

/// The error with its causes: by itself it says no more than `db error`.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn failed(error: postgres::Error) -> SqlError {
    use std::error::Error as _;

    let cause = error.source().map(|cause| format!(": {cause}"));
    SqlError(format!("{error}{}", cause.unwrap_or_default()))
}
