//! What one instance holds on the host's side: its WASI context, its limits and
//! what its component was granted.

mod denied;
mod output;
mod variables;

use std::sync::Arc;

use anyhow::Result;
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime::{StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::grants::Grants;
use crate::key_value::KeyValue;
use crate::outbound::{Client, Outbound};
use crate::postgres::{Lent, Pools};
use crate::settings::Limits;
use crate::sqlite::{Database, Session};
pub(crate) use denied::deny_the_rest;
use output::Output;

/// The data of an instance's store.
pub(crate) struct Guest {
    pub(crate) table: ResourceTable,
    pub(crate) grants: Arc<Grants>,
    pub(crate) key_value: KeyValue,
    pub(crate) database: Arc<Database>,
    pub(crate) postgres: Arc<Pools>,
    pub(crate) memory: StoreLimits,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
    output: [Output; 2],
}

/// What all instances of a host share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) key_value: KeyValue,
    pub(crate) database: Arc<Database>,
    pub(crate) postgres: Arc<Pools>,
    pub(crate) client: Client,
    pub(crate) limits: Limits,
}

/// The imports of Spin that this host provides.
pub(crate) mod bindings {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "spin-host",
        imports: { default: async | trappable },
        with: {
            "fermyon:spin/key-value.store": crate::key_value::Store,
            "fermyon:spin/postgres.connection": crate::postgres::Lent,
            "fermyon:spin/sqlite.connection": crate::sqlite::Session,
        },
    });
}

impl Guest {
    /// A guest of a component with these grants.
    pub(crate) fn new(grants: Arc<Grants>, shared: &Shared) -> Self {
        let output = [Output::stdout(&grants.id), Output::stderr(&grants.id)];
        let [stdout, stderr] = output.clone();
        let mut wasi = WasiCtx::builder();
        wasi.stdout(stdout).stderr(stderr);
        for (name, value) in &grants.environment {
            wasi.env(name, value);
        }
        Self {
            table: ResourceTable::new(),
            key_value: shared.key_value.clone(),
            database: shared.database.clone(),
            postgres: shared.postgres.clone(),
            memory: StoreLimitsBuilder::new().memory_size(shared.limits.memory).build(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            outbound: Outbound::new(grants.clone(), shared.client.clone()),
            output,
            grants,
        }
    }

    /// Ends what a request may have left open: a transaction that outlives its
    /// request would hold the write lock for ever, and a line its end. Connections to a Postgres go back to their pool
    /// as they are.
    pub(crate) fn end_request(&mut self) {
        for entry in self.table.iter_mut() {
            if let Some(session) = entry.downcast_mut::<Session>() {
                session.release();
            } else if let Some(lent) = entry.downcast_mut::<Lent>() {
                lent.release();
            }
        }
        self.output.iter().for_each(Output::end_line);
    }
}

/// Everything a component may import.
pub(crate) fn linker(engine: &wasmtime::Engine) -> Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    bindings::SpinHost::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    Ok(linker)
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outbound }
    }
}
