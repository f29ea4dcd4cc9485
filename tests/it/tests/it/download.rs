//! What a device can notice of a download, wherever its firmware is kept: one suite, run at each place.
//!
//! A claim is a function of the place; one of these macros makes it a test at each. A new place is a variant of
//! [`ota_it::Place`] and a word in them.

/// Makes each claim a test at each place.
macro_rules! at_each_place {
    ($($claim:ident),+ $(,)?) => {
        at_places!([kv Kv, s3 S3, redirect Redirect] ($($claim),+));
    };
}

/// Makes each claim a test where the gateway itself sends the bytes, and not the bucket.
macro_rules! where_the_gateway_sends {
    ($($claim:ident),+ $(,)?) => {
        at_places!([kv Kv, s3 S3] ($($claim),+));
    };
}

macro_rules! at_places {
    ([$($name:ident $place:ident),+] $claims:tt) => {
        $(at_places!(@ $name $place $claims);)+
    };
    (@ $name:ident $place:ident ($($claim:ident),+)) => {
        mod $name {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $claim() {
                super::$claim(ota_it::Place::$place).await;
            })+
        }
    };
}

mod answers;
mod damage;
mod links;
mod readers;
mod redirect;

use http::{HeaderMap, Method};
use ota_it::{Answer, Depot, Device, Firmware, Operator, Place, ask};
use serde_json::json;

/// A device that was told where its firmware is.
struct Told {
    depot: Depot,
    operator: Operator,
    firmware: Firmware,
    job: String,
    device: Device,
    /// Its `fileUrl`.
    url: String,
}

impl Told {
    async fn at(place: Place, size: usize) -> Self {
        Self::beside(place, size, &[]).await.0
    }

    /// The same, and what `others` of the same job were told.
    async fn beside(place: Place, size: usize, others: &[&str]) -> (Self, Vec<(Device, String)>) {
        let depot = place.start().await;
        let firmware = Firmware::new("2", size);
        let operator = depot.app.product(&firmware).await;
        let mut devices = Vec::new();
        for key in [&["dk"], others].concat() {
            devices.push(depot.app.device("pk", key, "1").await);
        }
        let job = operator.job(&firmware, json!({})).await;
        let mut told = Vec::new();
        for mut device in devices {
            let url = device.command().await.file_url;
            told.push((device, url));
        }
        let (device, url) = told.remove(0);
        (Self { depot, operator, firmware, job, device, url }, told)
    }

    async fn get(&self, headers: &[(&'static str, &str)]) -> Answer {
        ask(Method::GET, &self.url, headers).await
    }

    async fn head(&self, headers: &[(&'static str, &str)]) -> Answer {
        ask(Method::HEAD, &self.url, headers).await
    }

    /// The validator of its firmware.
    async fn etag(&self) -> String {
        header(&self.head(&[]).await.headers, "etag").to_owned()
    }

    /// How many downloads began.
    async fn begun(&self) -> i64 {
        self.operator.show(&self.job).await["begun"].as_i64().unwrap()
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers[name].to_str().unwrap()
}
