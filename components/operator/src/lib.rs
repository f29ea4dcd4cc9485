//! The operators' side: REST under `/api/v1`, and `/metrics`.
//!
//! Every route is in `route.rs`, one file per noun has what it does and how it looks in JSON.
//! Nothing here decides about devices: it registers, asks the ledger, and shows.

mod devices;
mod duties;
mod events;
mod explain;
mod firmware;
mod hooks;
mod jobs;
mod metrics;
mod params;
mod products;
mod route;

use ota_platform::{Failure, Gateway, Request, Response, door};

pub use firmware::stream;
pub use route::{Route, Streamed, streamed};

/// Serves one request whose body is at hand: all but the bytes of a firmware.
pub fn handle(gateway: &Gateway<'_>, request: &Request) -> Response {
    answer(gateway, request).unwrap_or_else(Failure::into_response)
}

fn answer(gateway: &Gateway<'_>, request: &Request) -> Result<Response, Failure> {
    door::operator(gateway, request.headers())?;
    match Route::of(request)? {
        Route::Products => products::list(gateway),
        Route::CreateProduct => products::create(gateway, request),
        Route::Product(product) => products::show(gateway, &product),
        Route::AmendProduct(product) => products::amend(gateway, request, &product),
        Route::Devices(product) => devices::list(gateway, request, &product),
        Route::CreateDevice(product) => devices::create(gateway, request, product),
        Route::Device(id) => devices::show(gateway, &id),
        Route::DeleteDevice(id) => devices::delete(gateway, &id),
        Route::ReplaceDevice(id) => devices::replace(gateway, request, &id),
        Route::SetTags(id) => devices::set_tags(gateway, request, &id),
        Route::ExplainDevice(id) => explain::device(gateway, &id),
        Route::Firmware(product) => firmware::list(gateway, &product),
        Route::BeginUpload(product, version) => {
            firmware::uploads::begin(gateway, request, &product, &version)
        }
        Route::Upload(upload) => firmware::uploads::show(gateway, &upload),
        Route::AbandonUpload(upload) => firmware::uploads::abandon(gateway, &upload),
        Route::FinalizeUpload(upload) => firmware::uploads::finalize(gateway, &upload),
        Route::Jobs => jobs::list(gateway, request),
        Route::CreateJob => jobs::create::create(gateway, request),
        Route::Job(job) => jobs::show(gateway, &job),
        Route::AmendJob(job) => jobs::control::amend(gateway, request, &job),
        Route::DeleteJob(job) => jobs::control::delete(gateway, &job),
        Route::StopJob(job) => jobs::control::stop(gateway, request, &job),
        Route::PauseJob(job) => jobs::control::pause(gateway, &job),
        Route::ResumeJob(job) => jobs::control::resume(gateway, &job),
        Route::Tasks(job) => jobs::tasks::list(gateway, request, &job),
        Route::CancelTasks(job) => jobs::tasks::cancel(gateway, request, &job),
        Route::RetryTasks(job) => jobs::tasks::retry(gateway, request, &job),
        Route::ExplainTask(job, device) => explain::task(gateway, &job, &device),
        Route::Events => events::list(gateway, request),
        Route::Hooks => hooks::list(gateway),
        Route::CreateHook => hooks::create(gateway, request),
        Route::RemoveHook(hook) => hooks::remove(gateway, &hook),
        Route::TestHook(hook) => hooks::test(gateway, &hook),
        Route::Metrics => metrics::show(gateway),
    }
}

/// The entry point: an upload is streamed, everything else is read first.
#[cfg(target_family = "wasm")]
#[expect(unsafe_code, clippy::same_length_and_capacity, reason = "the export that the SDK's macro makes")]
mod entry {
    use futures::StreamExt as _;
    use ota_platform::request::CONTROL_BODY;
    use ota_platform::{Failure, spin};
    use spin_sdk::http::{IncomingRequest, ResponseOutparam};

    #[spin_sdk::http_component]
    async fn entry(request: IncomingRequest, out: ResponseOutparam) {
        let head = match spin::head(&request) {
            Ok(head) if super::streamed(&head).is_some() => head,
            _ => return spin::serve(request, out, CONTROL_BODY, super::handle).await,
        };
        let host = match spin::Host::new() {
            Ok(host) => host,
            Err(closed) => {
                return spin::respond(out, head.method(), Failure::from(closed).into_response()).await;
            }
        };
        let gateway = host.gateway();
        let mut body = request.into_body_stream().map(|chunk| {
            // A slow upload would hold a connection of the pool for as long as it takes.
            gateway.release();
            chunk.map_err(|error| error.to_debug_string())
        });
        let response = super::stream(&gateway, &head, &mut body).await;
        spin::drain(&mut body).await;
        spin::respond(out, head.method(), response).await;
    }
}
