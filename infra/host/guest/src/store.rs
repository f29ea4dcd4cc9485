//! Key-value calls, one a request.

use anyhow::{Result, anyhow, bail};
use spin_sdk::http::Method;
use spin_sdk::key_value::Store;

/// `/kv/{label}` lists the keys, `/kv/{label}/{key}` gets, puts, deletes or (HEAD) asks.
pub(crate) fn answer(segments: &[&str], method: &Method, body: &[u8]) -> Result<Vec<u8>> {
    let failed = |error| anyhow!("{error:?}");
    match segments {
        [label] => {
            let mut keys = Store::open(label).map_err(failed)?.get_keys().map_err(failed)?;
            keys.sort();
            Ok(keys.join(" ").into_bytes())
        }
        [label, key] => {
            let store = Store::open(label).map_err(failed)?;
            match method {
                Method::Get => store.get(key).map_err(failed)?.ok_or_else(|| anyhow!("absent")),
                Method::Put => {
                    store.set(key, body).map_err(failed)?;
                    Ok(b"put".to_vec())
                }
                Method::Delete => {
                    store.delete(key).map_err(failed)?;
                    Ok(b"deleted".to_vec())
                }
                Method::Post => Ok(store.exists(key).map_err(failed)?.to_string().into_bytes()),
                _ => bail!("no such method: {method}"),
            }
        }
        _ => bail!("no such path: {segments:?}"),
    }
}
