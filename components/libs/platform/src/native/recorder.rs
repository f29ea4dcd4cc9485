//! A service beside us, for tests.

use std::cell::{Cell, RefCell};

use http::StatusCode;

use crate::ports::{Outbound, OutboundError};

/// A service that writes down what it is sent, and answers what it is told to.
pub struct Recorder {
    /// What it was sent, in order.
    pub requests: RefCell<Vec<http::Request<Vec<u8>>>>,
    /// What it answers; `None`: nothing, as if it were not there.
    pub status: Cell<Option<StatusCode>>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { requests: RefCell::default(), status: Cell::new(Some(StatusCode::OK)) }
    }
}

impl Outbound for Recorder {
    fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, OutboundError> {
        self.requests.borrow_mut().push(request);
        let status = self.status.get().ok_or_else(|| OutboundError("nobody is there".to_owned()))?;
        let mut response = http::Response::new(Vec::new());
        *response.status_mut() = status;
        Ok(response)
    }
}
