//! The way to an object store, over a blocking client.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Uri};
use ota_image::transport::{Incoming, Transport, TransportError};
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, BodyReader};

use crate::ports::Within;

/// A client that keeps its connections, and knows that names under `localhost` are this machine (RFC 6761 §6.3), which
/// not every system does.
pub struct NativeTransport(Agent);

impl Default for NativeTransport {
    fn default() -> Self {
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build();
        Self(Agent::with_parts(config, DefaultConnector::default(), Local(DefaultResolver::default())))
    }
}

impl Transport for NativeTransport {
    fn call(
        &self,
        mut request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Box<dyn Incoming>>, TransportError> {
        let within = Within::of_objects(request.method());
        let length = HeaderValue::from(request.body().len());
        request.headers_mut().insert(CONTENT_LENGTH, length);
        let request = self
            .0
            .configure_request(request)
            .timeout_connect(Some(within.connect))
            .timeout_recv_response(Some(within.first_byte))
            .timeout_recv_body(None)
            .allow_non_standard_methods(true)
            .build();
        // Its text may name the URL, which is signed.
        let answer = self.0.run(request).map_err(|error| TransportError(kind(&error).to_owned()))?;
        Ok(answer.map(|body| -> Box<dyn Incoming> { Box::new(Arriving(body.into_reader())) }))
    }
}

fn kind(error: &ureq::Error) -> &'static str {
    match error {
        ureq::Error::Timeout(_) => "it took too long",
        ureq::Error::ConnectionFailed | ureq::Error::Io(_) => "the connection failed",
        ureq::Error::HostNotFound => "there is no such host",
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => "the connection is not trusted",
        _ => "the exchange failed",
    }
}

struct Arriving(BodyReader<'static>);

impl Incoming for Arriving {
    fn next(&mut self, most: usize) -> Result<Option<Vec<u8>>, TransportError> {
        let mut bytes = vec![0; most];
        let read = self.0.read(&mut bytes).map_err(|error| TransportError(error.to_string()))?;
        bytes.truncate(read);
        Ok((read > 0).then_some(bytes))
    }
}

#[derive(Debug)]
struct Local(DefaultResolver);

impl Resolver for Local {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let is_local = uri.host().is_some_and(|host| host == "localhost" || host.ends_with(".localhost"));
        if !is_local {
            return self.0.resolve(uri, config, timeout);
        }
        let mut addresses = self.empty();
        addresses.push(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), uri.port_u16().unwrap_or(80)));
        Ok(addresses)
    }
}
