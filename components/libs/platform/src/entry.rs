//! The entry point of a component that reads its request whole.

/// Makes `$handle`, a `fn(&Gateway, &Request) -> Response`, the entry point of the component; bodies are read up to
/// `$limit` bytes. Natively it makes nothing: tests call the handler.
#[macro_export]
macro_rules! component {
    ($handle:ident, $limit:expr) => {
        #[cfg(target_family = "wasm")]
        #[expect(clippy::same_length_and_capacity, reason = "the export that the SDK's macro makes")]
        mod entry {
            use $crate::spin;

            #[spin_sdk::http_component]
            async fn entry(request: spin_sdk::http::IncomingRequest, out: spin_sdk::http::ResponseOutparam) {
                spin::serve(request, out, $limit, super::$handle).await;
            }
        }
    };
}
