//! `ota job show`, and jobs as facts.

use crate::api::{Client, Forgiven, Job, Named, OpenStage};
use crate::clock::now_ms;
use crate::failure::Failure;
use crate::present::{Output, count, growing, printable, seconds, when};

pub(super) fn run(id: &str, client: &Client, output: Output) -> Result<(), Failure> {
    let job = client.job(id)?;
    output.result(&job.line(), || facts(&job.value))
}

/// The job in plain words, one fact a line, what does not apply left out.
pub(super) fn facts(job: &Job) -> String {
    let now = now_ms();
    let is_settled = matches!(job.state.as_str(), "done" | "stopped");
    [
        ("job", Some(what(job))),
        ("created", Some(when(job.created_at, now))),
        ("state", Some(state(job))),
        ("scope", scope(&job.named)),
        ("first", first(&job.named)),
        ("devices", Some(devices(job))),
        ("budget", Some(budget(job))),
        ("gate", Some(gate(job))),
        ("stage", job.stage.as_ref().map(|open| stage(open, now))),
        ("opens", job.opens_at.filter(|_| !is_settled).map(|at| when(at, now))),
        ("windows", windows(job)),
        ("retries", retries(job)),
        ("limits", Some(limits(job))),
    ]
    .into_iter()
    .filter_map(|(name, fact)| fact.map(|fact| format!("{name:<8} {fact}\n")))
    .collect()
}

/// `7: demo to 2.0, by push, as a verification`.
fn what(job: &Job) -> String {
    let traits = [
        (job.kind == "verify", "as a verification"),
        (job.policy == "incremental", "with those that come later"),
        (job.downgrade, "downgrades too"),
    ];
    let traits = traits.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| format!(", {word}"));
    let traits: String = traits.collect();
    format!("{}: {} to {}, by {}{traits}", job.id, job.product, printable(&job.to), job.mode)
}

fn state(job: &Job) -> String {
    match (&job.held_because, job.state.as_str()) {
        (Some(why), state) => format!("{state}: {}", printable(why)),
        (None, "preparing") => "preparing: its tasks are being made".to_owned(),
        (None, "stopped") if job.hard => "stopped hard: downloads are cut".to_owned(),
        (None, state) => state.to_owned(),
    }
}

/// `on 1.0 or 1.1, tagged site:a, 4 named devices, without 1 device`; `None` for all devices of the product.
fn scope(named: &Named) -> Option<String> {
    let any = |list: &[String]| printable(&list.join(" or "));
    let number = |list: &[String]| list.len() as u64;
    let parts = [
        (&named.from, format!("on {}", any(&named.from))),
        (&named.tags, format!("tagged {}", any(&named.tags))),
        (&named.devices, format!("{} by name", count(number(&named.devices), "device"))),
        (&named.exclude, format!("without {}", count(number(&named.exclude), "device"))),
    ];
    let told: Vec<String> =
        parts.into_iter().filter(|(list, _)| !list.is_empty()).map(|(_, told)| told).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// `canary-1, then 10 min of rest; up to 5 %, then 1 h; up to 100 %`; `None` when nobody goes before others.
fn first(named: &Named) -> Option<String> {
    let rest = |soak: u64| match soak {
        0 => String::new(),
        soak => format!(", then {} of rest", seconds(soak)),
    };
    let canaries = (!named.canary.is_empty())
        .then(|| format!("{}{}", printable(&named.canary.join(", ")), rest(named.canary_soak)));
    let stages = named.stages.iter().filter(|_| named.stages.len() > 1);
    let stages = stages.map(|stage| format!("up to {}{}", stage.share, rest(stage.soak.into())));
    let told: Vec<String> = canaries.into_iter().chain(stages).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// `20: 12 succeeded, 3 in flight, 5 waiting`, leaving out what is zero.
fn devices(job: &Job) -> String {
    let counts = [
        (job.succeeded, "succeeded"),
        (job.in_flight, "in flight"),
        (job.waiting.saturating_sub(job.retrying), "waiting"),
        (job.retrying, "waiting to be tried again"),
        (job.failed, "failed"),
        (job.timed_out, "timed out"),
        (job.canceled, "canceled"),
        (job.skipped, "there already"),
    ];
    let told: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    format!("{}: {}", job.devices, if told.is_empty() { "none".to_owned() } else { told.join(", ") })
}

/// `exposed 7 of 11 (10, and one more for every 10 that came back), 2 lost`.
fn budget(job: &Job) -> String {
    format!("{} ({}), {} lost", job.budget(), growing(job.loss_budget, job.growth), job.lost())
}

/// `5 lost of 25 that finished, of which a resume forgave 3 of 13; holds once losses since its start or resume prove a
/// rate above 5 %`.
fn gate(job: &Job) -> String {
    let rate = job.max_failure_rate;
    let finished = job.lost() + job.succeeded;
    let rule = if rate.per_mille() == 1000 {
        "never holds".to_owned()
    } else {
        format!("holds once losses since its start or resume prove a rate above {rate}")
    };
    let Forgiven { lost, succeeded } = job.forgiven;
    let forgiven = match lost + succeeded {
        0 => String::new(),
        finished => format!(", of which a resume forgave {lost} of {finished}"),
    };
    format!("{} lost of {finished} that finished{forgiven}; {rule}", job.lost())
}

/// `0 of 0 to 2 is open: 3 of its 5 succeeded, 1 ended otherwise`.
fn stage(open: &OpenStage, now: i64) -> String {
    let OpenStage { open, last, members, succeeded, ended, passed_at } = open;
    let ended = match ended.saturating_sub(*succeeded) {
        0 => String::new(),
        otherwise => format!(", {otherwise} ended otherwise"),
    };
    let passed = passed_at.map_or_else(String::new, |at| format!("; passed {}, and soaks", when(at, now)));
    format!("{open} of 0 to {last} is open: {succeeded} of its {members} succeeded{ended}{passed}")
}

/// `22:00-04:00, 12:00-13:00 Europe/Berlin`.
fn windows(job: &Job) -> Option<String> {
    let zone = printable(job.zone.as_deref().unwrap_or("UTC"));
    (!job.windows.is_empty()).then(|| format!("{} {zone}", printable(&job.windows.join(", "))))
}

/// `3 tries, the second after 1 min, on download failed, timed out`.
fn retries(job: &Job) -> Option<String> {
    let retry = job.retry.as_ref().filter(|retry| retry.attempts > 1)?;
    let reasons = retry.reasons.join(", ").replace('_', " ");
    let (tries, backoff) = (retry.attempts, seconds(retry.backoff));
    Some(format!("{tries} tries, the second {backoff} after the first, on {}", printable(&reasons)))
}

fn limits(job: &Job) -> String {
    let pace = match job.per_minute {
        0 => String::new(),
        pace => format!(", {pace} a minute"),
    };
    format!(
        "{} at once{pace}; first sign within {}, done within {}, old version confirmed after {}",
        count(job.max_in_flight, "device"),
        seconds(job.first_sign_within),
        seconds(job.upgrade_timeout),
        seconds(job.confirm_within)
    )
}
