//! `ota product list`.

use crate::api::Client;
use crate::failure::Failure;
use crate::present::{Output, Table};

pub(super) fn run(client: &Client, output: Output) -> Result<(), Failure> {
    let products = client.products()?;
    let mut table = Table::new(&["PRODUCT", "DEVICES", "FIRMWARE"]);
    for product in &products.value.products {
        let numbers = (product.devices.to_string(), product.firmware.to_string());
        table.row([product.key.clone(), numbers.0, numbers.1]);
    }
    table.print(output, &products.line(), "no products yet; `ota product add PK` makes one")
}
