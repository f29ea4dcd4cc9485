//! The guest that the host's tests run: each path exercises one thing a host
//! must do well, the misbehaviour of guests included.
//!
//! It is built for wasm only and never shipped.
#![cfg(target_family = "wasm")]
#![expect(
    unsafe_code,
    clippy::same_length_and_capacity,
    reason = "http_component expands to the exported entry point"
)]

mod faults;
mod pg;
mod sql;
mod store;
mod stream;

use std::cell::Cell;
use std::io::Write;

use anyhow::{Context, Result, bail};
use spin_sdk::http::{
    Fields, IncomingRequest, IncomingResponse, Method, OutgoingResponse, Request, ResponseOutparam,
};
use spin_sdk::{http_component, variables};

thread_local! {
    /// How many requests this instance has handled: tells reuse from a fresh one.
    static HANDLED: Cell<u32> = const { Cell::new(0) };
}

/// Handles one request; what fails comes back as a 500 with the error's text.
#[http_component]
async fn handle(request: IncomingRequest, out: ResponseOutparam) {
    HANDLED.set(HANDLED.get().saturating_add(1));
    let target = request.path_with_query().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let segments: Vec<&str> = path.split('/').skip(1).collect();

    let out = match segments.as_slice() {
        ["stream", ..] | ["echo"] => return stream::handle(&segments, query, request, out).await,
        ["fault", fault] => match faults::commit(fault, out).await {
            Some(out) => out,
            None => return,
        },
        _ => out,
    };
    let (status, body) = match answer(&segments, query, request).await {
        Ok(body) => (200, body),
        Err(error) => (500, format!("{error:#}").into_bytes()),
    };
    respond(out, status, body).await;
}

async fn answer(segments: &[&str], query: &str, request: IncomingRequest) -> Result<Vec<u8>> {
    let method = request.method();
    Ok(match segments {
        ["hello"] => b"hello".to_vec(),
        ["handled"] => HANDLED.get().to_string().into_bytes(),
        ["request", ..] => describe(&request).into_bytes(),
        ["variable", name] => {
            variables::get(name).map_err(|error| anyhow::anyhow!("{error:?}"))?.into_bytes()
        }
        ["environment"] => format!("{:?}", std::env::vars().collect::<Vec<_>>()).into_bytes(),
        ["print"] => {
            println!("a line on stdout");
            eprint!("a part");
            eprintln!(" of a line on stderr");
            print!("no newline at the end");
            std::io::stdout().flush()?;
            Vec::new()
        }
        ["kv", rest @ ..] => store::answer(rest, &method, &request.into_body().await?)?,
        ["sql", rest @ ..] => sql::answer(rest, query)?,
        ["pg", rest @ ..] => pg::answer(rest, query)?,
        ["redis"] => {
            let opened = spin_sdk::redis::Connection::open("redis://127.0.0.1");
            format!("{:?}", opened.err()).into_bytes()
        }
        ["fetch"] => fetch(query).await?,
        _ => bail!("no such path: {segments:?}"),
    })
}

/// What the guest sees of a request: method, scheme, authority, then a line a header.
fn describe(request: &IncomingRequest) -> String {
    let mut lines = vec![
        request.method().to_string(),
        format!("{:?}", request.scheme()),
        request.authority().unwrap_or_default(),
    ];
    for (name, value) in request.headers().entries() {
        lines.push(format!("{name}: {}", String::from_utf8_lossy(&value)));
    }
    lines.join("\n")
}

async fn fetch(url: &str) -> Result<Vec<u8>> {
    let request = Request::builder().method(Method::Get).uri(url).build();
    let response: IncomingResponse =
        spin_sdk::http::send(request).await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let status = response.status();
    let body = response.into_body().await.context("body")?;
    Ok([format!("{status} ").into_bytes(), body].concat())
}

/// Sends a whole answer with its length.
pub(crate) async fn respond(out: ResponseOutparam, status: u16, body: Vec<u8>) {
    let headers = Fields::new();
    let length = body.len().to_string().into_bytes();
    let sent = headers.set("content-length", &[length]).is_ok();
    let response = OutgoingResponse::new(headers);
    if !sent || response.set_status_code(status).is_err() {
        return;
    }
    if let Err(error) = out.set_with_body(response, body).await {
        eprintln!("cannot send the answer: {error:?}");
    }
}
