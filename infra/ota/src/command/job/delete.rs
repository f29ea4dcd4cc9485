//! `ota job delete`.

use serde_json::json;

use crate::api::Client;
use crate::failure::Failure;
use crate::present::{Output, printable};

pub(super) fn run(id: &str, client: &Client, output: Output) -> Result<(), Failure> {
    client.delete_job(id)?;
    let json = json!({ "job": id, "deleted": true });
    output.result(&json.to_string(), || format!("deleted  {}", printable(id)))
}
