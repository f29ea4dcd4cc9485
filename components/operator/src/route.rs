//! The routes: which paths and methods there are, and what their segments must be.

use http::Method;
use ota_platform::{Refusal, Request};
use ota_protocol::key::{DeviceId, DeviceKey, ProductKey};
use ota_protocol::query;

/// What a request asks for. Uploads are not among them: they are streamed ([`is_upload`]).
#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /api/v1/products`
    Products,
    /// `POST /api/v1/products`
    CreateProduct,
    /// `GET /api/v1/products/{product}/devices`
    Devices(ProductKey),
    /// `POST /api/v1/products/{product}/devices`
    CreateDevice(ProductKey),
    /// `GET /api/v1/products/{product}/devices/{device}`
    Device(DeviceId),
    /// `GET /api/v1/products/{product}/firmware`
    Firmware(ProductKey),
    /// `GET /api/v1/jobs`
    Jobs,
    /// `POST /api/v1/jobs`
    CreateJob,
    /// `GET /api/v1/jobs/{job}`
    Job(String),
    /// `POST /api/v1/jobs/{job}/stop`
    StopJob(String),
    /// `GET /api/v1/jobs/{job}/tasks`
    Tasks(String),
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
        let get = |route| only(method, &Method::GET, "GET", route);
        let post = |route| only(method, &Method::POST, "POST", route);
        match segments.as_slice() {
            ["metrics"] => get(Self::Metrics),
            ["api", "v1", "products"] => either(method, Self::Products, Self::CreateProduct),
            ["api", "v1", "products", product, "devices"] => {
                let product = product_key(product)?;
                either(method, Self::Devices(product.clone()), Self::CreateDevice(product))
            }
            ["api", "v1", "products", product, "devices", device] => {
                let device = DeviceKey::parse(device)
                    .map_err(|error| Refusal::bad_request(format!("device {device:?}: {error}")))?;
                get(Self::Device(DeviceId { product: product_key(product)?, device }))
            }
            ["api", "v1", "products", product, "firmware"] => get(Self::Firmware(product_key(product)?)),
            ["api", "v1", "products", _, "firmware", version] if !version.is_empty() => {
                Err(Refusal::method_not_allowed("PUT"))
            }
            ["api", "v1", "jobs"] => either(method, Self::Jobs, Self::CreateJob),
            ["api", "v1", "jobs", job] => get(Self::Job(job_id(job)?)),
            ["api", "v1", "jobs", job, "stop"] => post(Self::StopJob(job_id(job)?)),
            ["api", "v1", "jobs", job, "tasks"] => get(Self::Tasks(job_id(job)?)),
            ["api", "v1", "events"] => get(Self::Events),
            ["api", "v1", "hooks"] => either(method, Self::Hooks, Self::CreateHook),
            ["api", "v1", "hooks", hook] => {
                only(method, &Method::DELETE, "DELETE", Self::RemoveHook(id("hook", hook)?))
            }
            ["api", "v1", "hooks", hook, "test"] => post(Self::TestHook(id("hook", hook)?)),
            _ => Err(nowhere()),
        }
    }
}

/// Whether a request is `PUT /api/v1/products/{product}/firmware/{version}`.
pub fn is_upload(request: &Request) -> bool {
    *request.method() == Method::PUT && upload_target(request).is_some()
}

/// The product and the version that an upload names, as they stand in the path, decoded.
pub(crate) fn upload_target(request: &Request) -> Option<(String, String)> {
    let rest = request.uri().path().strip_prefix("/api/v1/products/")?;
    let (product, version) = rest.split_once("/firmware/")?;
    let is_segment = |text: &str| !text.is_empty() && !text.contains('/');
    if !is_segment(product) || !is_segment(version) {
        return None;
    }
    Some((query::percent_decode(product)?, query::percent_decode(version)?))
}

pub(crate) fn product_key(text: &str) -> Result<ProductKey, Refusal> {
    ProductKey::parse(text).map_err(|error| Refusal::bad_request(format!("product {text:?}: {error}")))
}

fn job_id(text: &str) -> Result<String, Refusal> {
    id("job", text)
}

/// Ids of jobs and hooks are ours: what has another form names none.
fn id(noun: &str, text: &str) -> Result<String, Refusal> {
    let is_id = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_id { Ok(text.to_owned()) } else { Err(Refusal::not_found(format!("there is no such {noun}"))) }
}

fn only(method: &Method, is: &Method, allowed: &'static str, route: Route) -> Result<Route, Refusal> {
    if method == is { Ok(route) } else { Err(Refusal::method_not_allowed(allowed)) }
}

fn either(method: &Method, get: Route, post: Route) -> Result<Route, Refusal> {
    match *method {
        Method::GET => Ok(get),
        Method::POST => Ok(post),
        _ => Err(Refusal::method_not_allowed("GET, POST")),
    }
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
        ] {
            assert_eq!(route(method, uri), Err(status), "{uri}");
        }
    }

    #[test]
    fn an_upload_names_its_version_decoded() {
        let request =
            http::Request::put("/api/v1/products/pk/firmware/v2%2B1?md5=x").body(Vec::new()).unwrap();
        assert!(is_upload(&request));
        assert_eq!(upload_target(&request), Some(("pk".to_owned(), "v2+1".to_owned())));
        for uri in [
            "/api/v1/products/pk/firmware/",
            "/api/v1/products//firmware/2",
            "/api/v1/products/pk/firmware/a/b",
        ] {
            assert!(!is_upload(&http::Request::put(uri).body(Vec::new()).unwrap()), "{uri}");
        }
    }
}
