//! What a guest prints, a line an event of target `guest`: never on the host's
//! own stdout, and never lost with the instance.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// A longer line is told in parts of this many bytes.
const LONGEST_LINE: usize = 8 * 1024;

/// One of a guest's two streams; clones are the same stream.
#[derive(Clone)]
pub(crate) struct Output(Arc<Mutex<Line>>);

struct Line {
    component: String,
    source: Source,
    pending: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Source {
    Stdout,
    Stderr,
}

impl Output {
    /// The stdout of a component's instance.
    pub(crate) fn stdout(component: &str) -> Self {
        Self::new(component, Source::Stdout)
    }

    /// The stderr of a component's instance.
    pub(crate) fn stderr(component: &str) -> Self {
        Self::new(component, Source::Stderr)
    }

    /// Tells what was printed since the last newline.
    pub(crate) fn end_line(&self) {
        self.line().end();
    }

    fn new(component: &str, source: Source) -> Self {
        Self(Arc::new(Mutex::new(Line { component: component.to_owned(), source, pending: Vec::new() })))
    }

    /// A line is whole between any two statements, so a panic elsewhere harms nothing.
    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn push(&mut self, printed: &[u8]) {
        for part in printed.split_inclusive(|byte| *byte == b'\n') {
            for piece in part.chunks(LONGEST_LINE) {
                if self.pending.len() + piece.len() > LONGEST_LINE {
                    self.end();
                }
                self.pending.extend_from_slice(piece);
            }
            if part.ends_with(b"\n") {
                self.end();
            }
        }
    }

    fn end(&mut self) {
        let text = String::from_utf8_lossy(&self.pending);
        let text = text.trim_end_matches(['\n', '\r']);
        let component = &self.component;
        match self.source {
            _ if text.is_empty() => {}
            Source::Stdout => tracing::info!(target: "guest", component, "{text}"),
            Source::Stderr => tracing::warn!(target: "guest", component, "{text}"),
        }
        self.pending.clear();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.end();
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.line().push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LONGEST_LINE)
    }
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.line().push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
