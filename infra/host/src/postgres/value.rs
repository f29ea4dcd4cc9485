//! Values between a guest and Postgres, exactly those that Spin takes and gives.

use bytes::BytesMut;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::guest::bindings::fermyon::spin::rdbms_types::{
    Column, DbDataType, DbValue, ParameterValue, RowSet,
};

type Fault = Box<dyn std::error::Error + Sync + Send>;

/// A parameter of a type that Postgres does not have.
#[derive(Debug, thiserror::Error)]
#[error("Postgres does not support unsigned integers")]
pub(super) struct Unsigned;

/// The parameters of a statement, as the client takes them.
pub(super) fn parameters(values: &[ParameterValue]) -> Result<Vec<&(dyn ToSql + Sync)>, Unsigned> {
    values.iter().map(parameter).collect()
}

fn parameter(value: &ParameterValue) -> Result<&(dyn ToSql + Sync), Unsigned> {
    Ok(match value {
        ParameterValue::Boolean(value) => value,
        ParameterValue::Int8(value) => value,
        ParameterValue::Int16(value) => value,
        ParameterValue::Int32(value) => value,
        ParameterValue::Int64(value) => value,
        ParameterValue::Floating32(value) => value,
        ParameterValue::Floating64(value) => value,
        ParameterValue::Str(value) => value,
        ParameterValue::Binary(value) => value,
        ParameterValue::DbNull => &Null,
        ParameterValue::Uint8(_)
        | ParameterValue::Uint16(_)
        | ParameterValue::Uint32(_)
        | ParameterValue::Uint64(_) => return Err(Unsigned),
    })
}

/// NULL, whatever type the statement has in its place.
#[derive(Debug)]
struct Null;

impl ToSql for Null {
    fn to_sql(&self, _: &Type, _: &mut BytesMut) -> Result<IsNull, Fault> {
        Ok(IsNull::Yes)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// What a query found. Without rows there are no columns either, as in Spin.
pub(super) fn row_set(rows: &[Row]) -> Result<RowSet, tokio_postgres::Error> {
    let columns = rows.first().map(Row::columns).unwrap_or_default();
    Ok(RowSet {
        columns: columns
            .iter()
            .map(|column| Column { name: column.name().to_owned(), data_type: data_type(column.type_()) })
            .collect(),
        rows: rows.iter().map(values).collect::<Result<_, _>>()?,
    })
}

fn values(row: &Row) -> Result<Vec<DbValue>, tokio_postgres::Error> {
    (0..row.len()).map(|n| row.try_get::<_, Read>(n).map(|read| read.0)).collect()
}

fn data_type(ty: &Type) -> DbDataType {
    match *ty {
        Type::BOOL => DbDataType::Boolean,
        Type::BYTEA => DbDataType::Binary,
        Type::FLOAT4 => DbDataType::Floating32,
        Type::FLOAT8 => DbDataType::Floating64,
        Type::INT2 => DbDataType::Int16,
        Type::INT4 => DbDataType::Int32,
        Type::INT8 => DbDataType::Int64,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => DbDataType::Str,
        _ => DbDataType::Other,
    }
}

/// A column's value.
struct Read(DbValue);

impl<'a> FromSql<'a> for Read {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Fault> {
        Ok(Self(match *ty {
            Type::BOOL => DbValue::Boolean(FromSql::from_sql(ty, raw)?),
            Type::BYTEA => DbValue::Binary(FromSql::from_sql(ty, raw)?),
            Type::FLOAT4 => DbValue::Floating32(FromSql::from_sql(ty, raw)?),
            Type::FLOAT8 => DbValue::Floating64(FromSql::from_sql(ty, raw)?),
            Type::INT2 => DbValue::Int16(FromSql::from_sql(ty, raw)?),
            Type::INT4 => DbValue::Int32(FromSql::from_sql(ty, raw)?),
            Type::INT8 => DbValue::Int64(FromSql::from_sql(ty, raw)?),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR => DbValue::Str(FromSql::from_sql(ty, raw)?),
            _ => DbValue::Unsupported,
        }))
    }

    fn from_sql_null(ty: &Type) -> Result<Self, Fault> {
        let is_known = !matches!(data_type(ty), DbDataType::Other);
        Ok(Self(if is_known { DbValue::DbNull } else { DbValue::Unsupported }))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
