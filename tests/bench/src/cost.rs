//! What a range and a whole file cost of the processors, over all processes: the host's, and this one, the client's.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use crate::connection::Connection;
use crate::download::{granted, range};
use crate::gateway::Gateway;
use crate::page::Row;
use crate::process::own_cpu;

const SIZE: usize = 32 * 1024 * 1024;
/// So many that the system's clock of 10 ms is fine enough.
const FILES: u32 = 40;
const RANGES: u32 = 2_000;

pub(crate) async fn rows() -> Result<Vec<Row>> {
    let gateway = Gateway::start_apart().await?;
    let path = granted(&gateway, Bytes::from(ota_testbed::image(SIZE))).await?;
    let mut connection = Connection::open(gateway.address()).await?;
    // Once before, so that nothing is done for the first time.
    range(&mut connection, &path, 0).await?;

    let before = Cpu::now(&gateway)?;
    for n in 0..RANGES {
        let first = n as usize * 64 * 1024 % (SIZE / 2);
        range(&mut connection, &path, first).await?;
    }
    let of_range = Cpu::now(&gateway)?.since(before).each(f64::from(RANGES));

    let before = Cpu::now(&gateway)?;
    let mut bytes = 0;
    for _ in 0..FILES {
        bytes += connection.drain(Request::get(&path).body(Full::new(Bytes::new()))?).await?;
    }
    #[expect(clippy::cast_precision_loss, reason = "what is fetched is far below 2^52")]
    let of_megabyte = Cpu::now(&gateway)?.since(before).each(bytes as f64 / 1e6);
    gateway.stop().await;

    let row = |of: &str, range, megabyte| Row {
        what: format!("processor time of a range of 64 KiB, {of}"),
        measured: range,
        against: format!("of 1 MB of a whole file, {of}"),
        baseline: megabyte,
        unit: "ms",
    };
    Ok(vec![
        row("all processes", of_range.host + of_range.client, of_megabyte.host + of_megabyte.client),
        row("the host alone", of_range.host, of_megabyte.host),
    ])
}

/// Processor time, in ms.
#[derive(Clone, Copy)]
struct Cpu {
    host: f64,
    client: f64,
}

impl Cpu {
    fn now(gateway: &Gateway) -> Result<Self> {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        Ok(Self { host: ms(gateway.process()?.cpu()?), client: ms(own_cpu()?) })
    }

    fn since(self, before: Self) -> Self {
        Self { host: self.host - before.host, client: self.client - before.client }
    }

    fn each(self, count: f64) -> Self {
        Self { host: self.host / count, client: self.client / count }
    }
}
