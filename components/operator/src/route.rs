//! The routes: which paths and methods there are, and what their segments must be.

use http::Method;
use ota_platform::{Refusal, Request};
use ota_protocol::key::{DeviceId, DeviceKey, ProductKey};
use ota_protocol::query;

use crate::params::{device_key, quoted};

/// What a request asks for. What is streamed is not among them ([`streamed`]).
#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /api/v1/products`
    Products,
    /// `POST /api/v1/products`
    CreateProduct,
    /// `GET /api/v1/products/{product}`
    Product(ProductKey),
    /// `PATCH /api/v1/products/{product}`
    AmendProduct(ProductKey),
    /// `GET /api/v1/products/{product}/devices`
    Devices(ProductKey),
    /// `POST /api/v1/products/{product}/devices`
    CreateDevice(ProductKey),
    /// `GET /api/v1/products/{product}/devices/{device}`
    Device(DeviceId),
    /// `DELETE /api/v1/products/{product}/devices/{device}`
    DeleteDevice(DeviceId),
    /// `POST /api/v1/products/{product}/devices/{device}/replace`
    ReplaceDevice(DeviceId),
    /// `PUT /api/v1/products/{product}/devices/{device}/tags`
    SetTags(DeviceId),
    /// `GET /api/v1/products/{product}/devices/{device}/explain`
    ExplainDevice(DeviceId),
    /// `GET /api/v1/products/{product}/firmware`
    Firmware(ProductKey),
    /// `POST /api/v1/products/{product}/firmware/{version}/uploads`
    BeginUpload(String, String),
    /// `GET /api/v1/uploads/{upload}`
    Upload(String),
    /// `DELETE /api/v1/uploads/{upload}`
    AbandonUpload(String),
    /// `POST /api/v1/uploads/{upload}/finalize`
    FinalizeUpload(String),
    /// `GET /api/v1/jobs`
    Jobs,
    /// `POST /api/v1/jobs`
    CreateJob,
    /// `GET /api/v1/jobs/{job}`
    Job(String),
    /// `PATCH /api/v1/jobs/{job}`
    AmendJob(String),
    /// `DELETE /api/v1/jobs/{job}`
    DeleteJob(String),
    /// `POST /api/v1/jobs/{job}/stop`
    StopJob(String),
    /// `POST /api/v1/jobs/{job}/pause`
    PauseJob(String),
    /// `POST /api/v1/jobs/{job}/resume`
    ResumeJob(String),
    /// `GET /api/v1/jobs/{job}/tasks`
    Tasks(String),
    /// `POST /api/v1/jobs/{job}/tasks/cancel`
    CancelTasks(String),
    /// `POST /api/v1/jobs/{job}/tasks/retry`
    RetryTasks(String),
    /// `GET /api/v1/jobs/{job}/explain/{device}`
    ExplainTask(String, DeviceKey),
    /// `GET /api/v1/events`
    Events,
    /// `GET /api/v1/hooks`
    Hooks,
    /// `POST /api/v1/hooks`
    CreateHook,
    /// `DELETE /api/v1/hooks/{hook}`
    RemoveHook(String),
    /// `POST /api/v1/hooks/{hook}/test`
    TestHook(String),
    /// `GET /metrics`
    Metrics,
}

impl Route {
    /// The route of a request; 404 for a path that is none, 405 for a method that it does not take.
    pub fn of(request: &Request) -> Result<Self, Refusal> {
        let path = request.uri().path();
        let nowhere = || {
            Refusal::not_found(format!("there is nothing at {path}")).with_hint("the README lists the routes")
        };
        let decoded: Option<Vec<String>> =
            path.strip_prefix('/').unwrap_or(path).split('/').map(query::percent_decode).collect();
        let decoded = decoded.ok_or_else(nowhere)?;
        let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
        let method = request.method();
        match segments.as_slice() {
            ["metrics"] => only(method, GET, Self::Metrics),
            ["api", "v1", "products", rest @ ..] => of_products(method, rest),
            ["api", "v1", "uploads", rest @ ..] => of_uploads(method, rest),
            ["api", "v1", "jobs", rest @ ..] => of_jobs(method, rest),
            ["api", "v1", "hooks", rest @ ..] => of_hooks(method, rest),
            ["api", "v1", "events"] => only(method, GET, Self::Events),
            _ => Ok(None),
        }?
        .ok_or_else(nowhere)
    }
}

/// The routes below `/api/v1/products`; `None` where there is none.
fn of_products(method: &Method, rest: &[&str]) -> Result<Option<Route>, Refusal> {
    match rest {
        [] => choose(method, "GET, POST", [(GET, Route::Products), (POST, Route::CreateProduct)]),
        [""] => Ok(None),
        [product] => {
            let product = product_key(product)?;
            let routes = [(GET, Route::Product(product.clone())), (PATCH, Route::AmendProduct(product))];
            choose(method, "GET, PATCH", routes)
        }
        [product, "devices"] => {
            let product = product_key(product)?;
            let routes = [(GET, Route::Devices(product.clone())), (POST, Route::CreateDevice(product))];
            choose(method, "GET, POST", routes)
        }
        [product, "devices", device, rest @ ..] => {
            let id = DeviceId { device: device_key(device)?, product: product_key(product)? };
            of_device(method, id, rest)
        }
        [product, "firmware"] => only(method, GET, Route::Firmware(product_key(product)?)),
        [_, "firmware", version] if !version.is_empty() => Err(Refusal::method_not_allowed("PUT")),
        [product, "firmware", version, "uploads"] if !version.is_empty() => {
            only(method, POST, Route::BeginUpload((*product).to_owned(), (*version).to_owned()))
        }
        _ => Ok(None),
    }
}

/// The routes of a device.
fn of_device(method: &Method, id: DeviceId, rest: &[&str]) -> Result<Option<Route>, Refusal> {
    match rest {
        [] => {
            let routes = [(GET, Route::Device(id.clone())), (DELETE, Route::DeleteDevice(id))];
            choose(method, "GET, DELETE", routes)
        }
        ["replace"] => only(method, POST, Route::ReplaceDevice(id)),
        ["tags"] => only(method, PUT, Route::SetTags(id)),
        ["explain"] => only(method, GET, Route::ExplainDevice(id)),
        _ => Ok(None),
    }
}

/// The routes below `/api/v1/uploads`.
fn of_uploads(method: &Method, rest: &[&str]) -> Result<Option<Route>, Refusal> {
    match rest {
        [upload] => {
            let upload = id("upload", upload)?;
            let routes = [(GET, Route::Upload(upload.clone())), (DELETE, Route::AbandonUpload(upload))];
            choose(method, "GET, PUT, DELETE", routes)
        }
        [upload, "finalize"] => only(method, POST, Route::FinalizeUpload(id("upload", upload)?)),
        _ => Ok(None),
    }
}

/// The routes below `/api/v1/jobs`.
fn of_jobs(method: &Method, rest: &[&str]) -> Result<Option<Route>, Refusal> {
    let [job, rest @ ..] = rest else {
        return choose(method, "GET, POST", [(GET, Route::Jobs), (POST, Route::CreateJob)]);
    };
    let job = id("job", job)?;
    match rest {
        [] => {
            let routes = [
                (GET, Route::Job(job.clone())),
                (PATCH, Route::AmendJob(job.clone())),
                (DELETE, Route::DeleteJob(job)),
            ];
            choose(method, "GET, PATCH, DELETE", routes)
        }
        ["stop"] => only(method, POST, Route::StopJob(job)),
        ["pause"] => only(method, POST, Route::PauseJob(job)),
        ["resume"] => only(method, POST, Route::ResumeJob(job)),
        ["tasks"] => only(method, GET, Route::Tasks(job)),
        ["tasks", "cancel"] => only(method, POST, Route::CancelTasks(job)),
        ["tasks", "retry"] => only(method, POST, Route::RetryTasks(job)),
        ["explain", device] => only(method, GET, Route::ExplainTask(job, device_key(device)?)),
        _ => Ok(None),
    }
}

/// The routes below `/api/v1/hooks`.
fn of_hooks(method: &Method, rest: &[&str]) -> Result<Option<Route>, Refusal> {
    match rest {
        [] => choose(method, "GET, POST", [(GET, Route::Hooks), (POST, Route::CreateHook)]),
        [hook] => only(method, DELETE, Route::RemoveHook(id("hook", hook)?)),
        [hook, "test"] => only(method, POST, Route::TestHook(id("hook", hook)?)),
        _ => Ok(None),
    }
}

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

/// A request whose body is streamed, and what its path names, decoded.
#[derive(Debug, PartialEq, Eq)]
pub enum Streamed {
    /// `PUT /api/v1/products/{product}/firmware/{version}`
    Firmware {
        /// The product.
        product: String,
        /// The version.
        version: String,
    },
    /// `PUT /api/v1/uploads/{upload}`
    Bytes {
        /// The upload.
        upload: String,
    },
}

/// What a request whose body is streamed asks for; `None` for all others.
pub fn streamed(request: &Request) -> Option<Streamed> {
    if *request.method() != PUT {
        return None;
    }
    let decoded = |text: &str| {
        let is_segment = !text.is_empty() && !text.contains('/');
        is_segment.then(|| query::percent_decode(text)).flatten()
    };
    let rest = request.uri().path().strip_prefix("/api/v1/")?;
    if let Some(upload) = rest.strip_prefix("uploads/") {
        return Some(Streamed::Bytes { upload: decoded(upload)? });
    }
    let (product, version) = rest.strip_prefix("products/")?.split_once("/firmware/")?;
    Some(Streamed::Firmware { product: decoded(product)?, version: decoded(version)? })
}

pub(crate) fn product_key(text: &str) -> Result<ProductKey, Refusal> {
    ProductKey::parse(text)
        .map_err(|error| Refusal::bad_request(format!("product {}: {error}", quoted(text))))
}

/// Ids of jobs and hooks are ours: what has another form names none.
fn id(noun: &str, text: &str) -> Result<String, Refusal> {
    let is_id = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_id { Ok(text.to_owned()) } else { Err(Refusal::not_found(format!("there is no such {noun}"))) }
}

fn only(method: &Method, is: Method, route: Route) -> Result<Option<Route>, Refusal> {
    let allowed = match is {
        PUT => "PUT",
        DELETE => "DELETE",
        POST => "POST",
        _ => "GET",
    };
    choose(method, allowed, [(is, route)])
}

/// The route of `method`, of those that a path takes; `allowed` names their methods.
fn choose<const N: usize>(
    method: &Method,
    allowed: &'static str,
    routes: [(Method, Route); N],
) -> Result<Option<Route>, Refusal> {
    let route = routes.into_iter().find(|(is, _)| is == method).map(|(_, route)| route);
    route.map(Some).ok_or_else(|| Refusal::method_not_allowed(allowed))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn route(method: Method, uri: &str) -> Result<Route, StatusCode> {
        let request = http::Request::builder().method(method).uri(uri).body(Vec::new()).unwrap();
        Route::of(&request).map_err(|refusal| refusal.status())
    }

    #[test]
    fn each_path_and_method_has_its_route() {
        let pk = ProductKey::parse("pk").unwrap();
        for (method, uri, expected) in [
            (Method::GET, "/api/v1/products", Route::Products),
            (Method::POST, "/api/v1/products", Route::CreateProduct),
            (Method::GET, "/api/v1/products/pk/devices?limit=2", Route::Devices(pk.clone())),
            (Method::GET, "/api/v1/products/pk/firmware", Route::Firmware(pk.clone())),
            (Method::GET, "/api/v1/products/p%6B/firmware", Route::Firmware(pk.clone())),
            (
                Method::POST,
                "/api/v1/products/pk/firmware/2.0/uploads",
                Route::BeginUpload("pk".to_owned(), "2.0".to_owned()),
            ),
            (Method::GET, "/api/v1/uploads/ab", Route::Upload("ab".to_owned())),
            (Method::DELETE, "/api/v1/uploads/ab", Route::AbandonUpload("ab".to_owned())),
            (Method::POST, "/api/v1/uploads/ab/finalize", Route::FinalizeUpload("ab".to_owned())),
            (Method::GET, "/api/v1/jobs/a1", Route::Job("a1".to_owned())),
            (Method::POST, "/api/v1/jobs/a1/stop", Route::StopJob("a1".to_owned())),
            (Method::GET, "/api/v1/hooks", Route::Hooks),
            (Method::DELETE, "/api/v1/hooks/a1", Route::RemoveHook("a1".to_owned())),
            (Method::POST, "/api/v1/hooks/a1/test", Route::TestHook("a1".to_owned())),
            (Method::GET, "/metrics", Route::Metrics),
        ] {
            assert_eq!(route(method, uri), Ok(expected), "{uri}");
        }
    }

    #[test]
    fn what_is_no_route_is_refused_with_its_reason() {
        for (method, uri, status) in [
            (Method::GET, "/", StatusCode::NOT_FOUND),
            (Method::GET, "/api/v1", StatusCode::NOT_FOUND),
            (Method::GET, "/api/v1/products/", StatusCode::NOT_FOUND),
            (Method::GET, "/api/v1/jobs/a%2Fb", StatusCode::NOT_FOUND),
            (Method::GET, "/api/v1/products/a%20b/devices", StatusCode::BAD_REQUEST),
            (Method::GET, "/api/v1/products/../devices", StatusCode::BAD_REQUEST),
            (Method::DELETE, "/api/v1/products", StatusCode::METHOD_NOT_ALLOWED),
            (Method::GET, "/api/v1/jobs/a1/stop", StatusCode::METHOD_NOT_ALLOWED),
            (Method::GET, "/api/v1/hooks/a1", StatusCode::METHOD_NOT_ALLOWED),
            (Method::DELETE, "/api/v1/hooks/a%20b", StatusCode::NOT_FOUND),
            (Method::POST, "/api/v1/products/pk/firmware/2", StatusCode::METHOD_NOT_ALLOWED),
            (Method::GET, "/api/v1/products/pk/firmware/2/uploads", StatusCode::METHOD_NOT_ALLOWED),
            (Method::POST, "/api/v1/uploads/ab", StatusCode::METHOD_NOT_ALLOWED),
            (Method::GET, "/api/v1/uploads", StatusCode::NOT_FOUND),
        ] {
            assert_eq!(route(method, uri), Err(status), "{uri}");
        }
    }

    #[test]
    fn what_is_streamed_names_its_version_or_its_upload_decoded() {
        let put = |uri: &str| streamed(&http::Request::put(uri).body(Vec::new()).unwrap());
        let firmware = Streamed::Firmware { product: "pk".to_owned(), version: "v2+1".to_owned() };
        assert_eq!(put("/api/v1/products/pk/firmware/v2%2B1?md5=x"), Some(firmware));
        let bytes = Streamed::Bytes { upload: "ab".to_owned() };
        assert_eq!(put("/api/v1/uploads/ab?position=3"), Some(bytes));
        for uri in [
            "/api/v1/products/pk/firmware/",
            "/api/v1/products//firmware/2",
            "/api/v1/products/pk/firmware/a/b",
            "/api/v1/uploads/",
            "/api/v1/uploads/ab/finalize",
        ] {
            assert_eq!(put(uri), None, "{uri}");
        }
    }
}
