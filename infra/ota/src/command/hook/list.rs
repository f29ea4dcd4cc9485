//! `ota hook list`.

use crate::api::{Client, Hook};
use crate::clock::now_ms;
use crate::failure::Failure;
use crate::present::{Output, Table, ago};

pub(super) fn run(client: &Client, output: Output) -> Result<(), Failure> {
    let hooks = client.hooks()?;
    let now = now_ms();
    let mut table =
        Table::new(&["HOOK", "PRODUCT", "KINDS", "DELIVERED", "PENDING", "GIVEN UP", "STATE", "URL"]);
    for hook in &hooks.value.hooks {
        table.row([
            hook.id.clone(),
            hook.product.clone().unwrap_or_else(|| "all".to_owned()),
            hook.kinds.join(","),
            hook.delivered.to_string(),
            hook.pending.to_string(),
            hook.given_up.to_string(),
            state(hook, now),
            hook.url.clone(),
        ]);
    }
    table.print(output, &hooks.line(), "no hooks yet; `ota hook add URL` makes one")
}

/// `ok`, or since when nothing arrives and why.
fn state(hook: &Hook, now: i64) -> String {
    let error = hook.last_error.as_deref();
    match (hook.failing_since, error) {
        (Some(since), Some(error)) => format!("failing, first {}: {error}", ago(since, now)),
        (Some(since), None) => format!("failing, first {}", ago(since, now)),
        (None, Some(error)) => format!("one message fails: {error}"),
        (None, None) => "ok".to_owned(),
    }
}
