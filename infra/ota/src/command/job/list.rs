//! `ota job list`.

use clap::Args;
use ota_protocol::key::ProductKey;

use super::times::moment;
use crate::api::Client;
use crate::failure::Failure;
use crate::present::{self, Output, Table, say};

/// Lists the jobs.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only jobs of this product
    #[arg(long, value_name = "PK", value_parser = ProductKey::parse)]
    product: Option<ProductKey>,
    /// Only jobs that were created before this moment
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    before: Option<i64>,
}

impl List {
    pub(super) fn run(self, client: &Client, output: Output) -> Result<(), Failure> {
        let jobs = client.jobs(self.product.as_ref(), self.before)?;
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
        if let Some(next) = jobs.value.next {
            // Whole seconds: rather a job twice than one left out.
            let next = next.saturating_add(999);
            say(&format!("there are older ones: `--before {}` lists them", present::moment(next)));
        }
        table.print(output, &jobs.line(), "no jobs yet; `ota job create` makes one")
    }
}
