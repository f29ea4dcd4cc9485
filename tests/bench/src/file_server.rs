//! A file over plain hyper: what a download could cost at least in this process.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Result;
use bytes::Bytes;
use futures::stream;
use http::{Response, header};
use http_body_util::StreamBody;
use http_body_util::combinators::BoxBody;
use hyper::body::Frame;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// What is read and sent at once: as much as the gateway sends.
const PIECE: usize = 256 * 1024;

/// Serves one file to every request, until it is dropped.
pub(crate) struct FileServer {
    address: SocketAddr,
    serving: AbortHandle,
}

impl FileServer {
    pub(crate) async fn start(file: &Path) -> Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(serve(listener, file.to_owned())).abort_handle();
        Ok(Self { address, serving })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, file: PathBuf) -> io::Result<Infallible> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let file = file.clone();
        let service = service_fn(move |_| answer(file.clone()));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(file: PathBuf) -> io::Result<Response<BoxBody<Bytes, io::Error>>> {
    let file = File::open(file).await?;
    let length = file.metadata().await?.len();
    let pieces = stream::try_unfold(file, async |mut file| {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok((read > 0).then_some((Frame::data(Bytes::from(piece)), file)))
    });
    let mut response = Response::new(BoxBody::new(StreamBody::new(pieces)));
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    Ok(response)
}
