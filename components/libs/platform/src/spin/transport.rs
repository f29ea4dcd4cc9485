//! The way to an object store elsewhere.

use ota_image::transport::{Incoming, Transport, TransportError};

use super::exchange::{Body, exchange, head};
use crate::ports::Within;

/// The host's HTTP client, whose answers are taken as they come.
#[derive(Default)]
pub struct SpinTransport;

impl Transport for SpinTransport {
    fn call(
        &self,
        request: ::http::Request<Vec<u8>>,
    ) -> Result<::http::Response<Box<dyn Incoming>>, TransportError> {
        let (parts, body) = request.into_parts();
        let within = Within::of_objects(&parts.method);
        let incoming = exchange(parts, &body, within).map_err(TransportError)?;
        let answer = head(&incoming).map_err(TransportError)?;
        let body: Box<dyn Incoming> = Box::new(Arriving(Body::of(incoming).map_err(TransportError)?));
        Ok(answer.map(|()| body))
    }
}

struct Arriving(Body);

impl Incoming for Arriving {
    fn next(&mut self, most: usize) -> Result<Option<Vec<u8>>, TransportError> {
        self.0.next(most).map_err(TransportError)
    }
}
