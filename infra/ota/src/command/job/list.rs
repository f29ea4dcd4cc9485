//! `ota job list`.

use clap::Args;
use ota_protocol::key::ProductKey;

use crate::api::Client;
use crate::failure::Failure;
use crate::present::{Output, Table};

/// Lists the jobs.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only jobs of this product
    #[arg(long, value_name = "PK", value_parser = ProductKey::parse)]
    product: Option<ProductKey>,
}

impl List {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let jobs = client.jobs(self.product.as_ref())?;
        let mut table = Table::new(&[
            "JOB",
            "PRODUCT",
            "TO",
            "STATE",
            "DEVICES",
            "SUCCEEDED",
            "IN FLIGHT",
            "LOST",
            "BUDGET",
        ]);
        for job in &jobs.value.jobs {
            table.row([
                job.id.clone(),
                job.product.clone(),
                job.to.clone(),
                job.state.clone(),
                job.devices.to_string(),
                job.succeeded.to_string(),
                job.in_flight.to_string(),
                job.lost().to_string(),
                job.budget(),
            ]);
        }
        table.print(output, &jobs.line(), "no jobs yet; `ota job create` makes one")
    }
}
