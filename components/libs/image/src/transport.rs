//! The port to an HTTP client, by which an object store elsewhere is reached.

/// An HTTP client. Redirects are not followed, and whatever takes too long fails.
pub trait Transport {
    /// Sends `request`, to an absolute URI, and waits for the head of its answer.
    fn call(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Box<dyn Incoming>>, TransportError>;
}

/// The body of an answer, as it comes.
pub trait Incoming {
    /// The next bytes of it, at least one and at most `most`; `None` at its end.
    fn next(&mut self, most: usize) -> Result<Option<Vec<u8>>, TransportError>;
}

/// No answer came, or it broke off. Its text is for the log; nothing decides by it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TransportError(pub String);
