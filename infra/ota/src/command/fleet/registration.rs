//! Brings a fleet into the gateway: a product of its own, and its devices, several calls at once.

use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use ota_protocol::key::{DeviceId, DeviceKey, ProductKey};
use ota_protocol::secret::Secret;
use tokio::task::{JoinError, JoinSet, spawn_blocking};

use super::plan::Plan;
use super::view::Meter;
use crate::api::{Client, ProductSettings};
use crate::failure::Failure;
use crate::fleet::{Fault, Member};

/// Calls that are under way at once.
const AT_ONCE: usize = 16;
/// How often a call is made that fails, and the pause between.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);
/// Names that are tried for the product.
const NAMES: u32 = 1000;

/// Registers a product whose name is not taken yet: `fleet-SEED`, or that with a number behind.
pub(super) async fn product(client: &Client, seed: u64) -> Result<ProductKey, Failure> {
    call(client, move |client| {
        let taken = client.products()?.value.products;
        let name = |n: u32| if n == 1 { format!("fleet-{seed}") } else { format!("fleet-{seed}.{n}") };
        let is_free = |name: &String| taken.iter().all(|product| product.key != *name);
        let name = (1..=NAMES).map(name).find(is_free).context("every name for the product is taken");
        let name = name.map_err(|error| Failure::local(&error, "take another --seed"))?;
        let product = ProductKey::parse(&name).context("the product's name").map_err(|error| bug(&error))?;
        client.add_product(&product, &ProductSettings::default())?;
        Ok(product)
    })
    .await
}

/// Registers every device of the plan; the gateway makes their secrets.
pub(super) async fn devices(
    client: &Client,
    plan: &Plan,
    product: &ProductKey,
) -> Result<Vec<Member>, Failure> {
    let meter = Meter::new("product", "registered", plan.devices());
    let mut calls = JoinSet::new();
    let mut members = Vec::with_capacity(plan.devices());
    for part in plan.parts() {
        if calls.len() >= AT_ONCE
            && let Some(member) = calls.join_next().await
        {
            members.push(joined(member)?);
            meter.show(members.len() as u64);
        }
        let (client, product) = (client.clone(), product.clone());
        calls.spawn_blocking(move || enrol(&client, product, &part.device, part.fault, part.arrives));
    }
    while let Some(member) = calls.join_next().await {
        members.push(joined(member)?);
        meter.show(members.len() as u64);
    }
    meter.finish();
    Ok(members)
}

fn enrol(
    client: &Client,
    product: ProductKey,
    device: &str,
    fault: Option<Fault>,
    arrives: Duration,
) -> Result<Member, Failure> {
    let device = DeviceKey::parse(device).context("a device's name").map_err(|error| bug(&error))?;
    let added = patiently(|| client.add_device(&product, &device, None))?;
    let secret = Secret::new(added.value.secret);
    let version = super::plan::OLD.to_owned();
    Ok(Member { id: DeviceId { product, device }, secret, version, fault, arrives })
}

/// Makes a call off the threads that serve gateway and fleet.
pub(super) async fn call<T: Send + 'static>(
    client: &Client,
    call: impl FnOnce(&Client) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let client = client.clone();
    joined(spawn_blocking(move || call(&client)).await)
}

/// Makes a call again when it fails: a busy gateway says so, and means it.
pub(super) fn patiently<T>(mut call: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    for _ in 1..ATTEMPTS {
        if let Ok(answer) = call() {
            return Ok(answer);
        }
        thread::sleep(PAUSE);
    }
    call()
}

fn joined<T>(outcome: Result<Result<T, Failure>, JoinError>) -> Result<T, Failure> {
    outcome.context("a call was cut short").map_err(|error| bug(&error))?
}

fn bug(error: &anyhow::Error) -> Failure {
    Failure::local(error, "OTA_LOG=debug shows more")
}
