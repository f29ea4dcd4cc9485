//! Which links open nothing any more, or never did.

use http::{Method, StatusCode};
use ota_it::{Firmware, HttpDevice, Link, Place, ask, eventually, fetch, fetch_some};
use serde_json::json;

use super::{Told, header};

const SIZE: usize = 300_000;

at_each_place!(
    a_link_that_expired_is_gone,
    a_link_altered_at_any_place_is_forbidden,
    a_link_without_its_token_is_unauthorized,
    a_link_of_another_attempt_or_device_is_gone_even_with_a_right_seal,
    a_foreign_link_opens_nothing_in_a_session,
    a_link_is_gone_after_the_verdict,
    a_stopped_job_lets_nothing_begin_and_what_began_go_on,
    without_a_slot_a_link_is_503_until_there_is_one,
    an_ended_epoch_ends_its_links,
);

async fn a_link_that_expired_is_gone(place: Place) {
    let told = Told::at(place, SIZE).await;
    let link = Link::of(&told.url);
    assert_eq!(link.sealed(), told.url, "sealed as the gateway seals it");
    for (ends, status) in [(0, 410), (1_700_000_000_000, 410), (-1, 410), (i64::MIN, 410), (i64::MAX, 200)] {
        let answer = ask(Method::GET, &link.clone().until(ends).sealed(), &[]).await;
        assert_eq!(answer.status.as_u16(), status, "{ends}");
    }
}

async fn a_link_altered_at_any_place_is_forbidden(place: Place) {
    let told = Told::at(place, SIZE).await;
    let (path, token) = told.url.split_once("?t=").unwrap();
    let (body, seal) = token.split_once('.').unwrap();
    let dot = body.len();
    // The first, the middle and the last of what is sealed, the dot, and the same of the seal.
    for at in [0, dot / 2, dot - 1, dot, dot + 1, dot + 1 + seal.len() / 2, token.len() - 1] {
        for other in ["A", "B", "~", ".", "%00", ""] {
            if &token[at..=at] != other {
                expect_forbidden(&format!("{path}?t={}{other}{}", &token[..at], &token[at + 1..])).await;
            }
        }
    }
    for token in [
        body.to_owned(),
        format!("{body}."),
        format!(".{seal}"),
        format!("{seal}.{body}"),
        format!("{token}A"),
        format!("{token}.{seal}"),
        token.to_lowercase(),
        "A".repeat(5000),
    ] {
        expect_forbidden(&format!("{path}?t={token}")).await;
    }
    assert_eq!(told.begun().await, 0);
    assert_eq!(fetch(&told.url).await.status, StatusCode::OK);
}

async fn expect_forbidden(url: &str) {
    let refused = ask(Method::GET, url, &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{url:.400}");
}

async fn a_link_without_its_token_is_unauthorized(place: Place) {
    let told = Told::at(place, SIZE).await;
    let (path, _) = told.url.split_once("?t=").unwrap();
    for url in [path.to_owned(), format!("{path}?"), format!("{path}?t="), format!("{path}?T=x")] {
        assert_eq!(ask(Method::GET, &url, &[]).await.status, StatusCode::UNAUTHORIZED, "{url}");
    }
}

async fn a_link_of_another_attempt_or_device_is_gone_even_with_a_right_seal(place: Place) {
    let told = Told::at(place, SIZE).await;
    told.operator.device("pk", "other").await;
    let link = Link::of(&told.url);
    for link in [
        link.clone().of_attempt(0),
        link.clone().of_attempt(2),
        link.clone().of_attempt(i64::MAX),
        link.clone().of_device("other"),
        link.of_device("stranger"),
    ] {
        assert_eq!(ask(Method::GET, &link.sealed(), &[]).await.status, StatusCode::GONE, "{link:?}");
    }
    assert_eq!(told.begun().await, 0);
}

async fn a_foreign_link_opens_nothing_in_a_session(place: Place) {
    let told = Told::at(place, SIZE).await;
    let other = told.operator.device("pk", "other").await;
    let (session, heard) = HttpDevice::login(&told.depot.app.http, &other, 60_000).await;
    assert_eq!(heard.command, None);
    assert_eq!(session.download(&told.url, None).await.status, StatusCode::FORBIDDEN);
    assert_eq!(session.download(&told.url, Some("bytes=0-9")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(told.begun().await, 0);
}

async fn a_link_is_gone_after_the_verdict(place: Place) {
    let mut told = Told::at(place, SIZE).await;
    assert!(fetch(&told.url).await.bytes == told.firmware.bytes);
    assert_eq!(told.device.inform("2").await, 200);
    for headers in [&[][..], &[("range", "bytes=0-9")], &[("range", "bytes=-9")]] {
        assert_eq!(told.get(headers).await.status, StatusCode::GONE);
        assert_eq!(told.head(headers).await.status, StatusCode::GONE);
    }
    assert_eq!(told.begun().await, 1);
}

async fn a_stopped_job_lets_nothing_begin_and_what_began_go_on(place: Place) {
    let (told, others) = Told::beside(place, SIZE, &["late"]).await;
    let (_, url) = &others[0];
    let first = fetch_some(&told.url, 1).await;
    let stopped = told.operator.post(&format!("/api/v1/jobs/{}/stop", told.job), json!({})).await;
    assert_eq!(stopped.json(200)["state"], "stopped");
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(ask(method, url, &[]).await.status, StatusCode::GONE);
    }
    let rest = told.get(&[("range", &format!("bytes={}-", first.len()))]).await;
    assert_eq!(rest.status, StatusCode::PARTIAL_CONTENT);
    assert!([first, rest.body.to_vec()].concat() == told.firmware.bytes);
    assert_eq!(told.begun().await, 1);
}

async fn without_a_slot_a_link_is_503_until_there_is_one(place: Place) {
    let depot = place.start().await;
    let firmware = Firmware::new("2", SIZE);
    let operator = depot.app.product(&firmware).await;
    let mut first = depot.app.device("pk", "first", "1").await;
    let mut second = depot.app.device("pk", "second", "1").await;
    let terms = json!({ "mode": "request", "loss_budget": 1, "growth": 0 });
    let job = operator.job(&firmware, terms).await;
    let offers = [first.getversion().await.remove(0), second.getversion().await.remove(0)];
    assert_eq!(fetch(&offers[0].file_url).await.status, StatusCode::OK);
    for headers in [&[][..], &[("range", "bytes=5-")]] {
        let later = ask(Method::GET, &offers[1].file_url, headers).await;
        assert_eq!(later.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(header(&later.headers, "retry-after"), "30");
        assert_eq!(later.json(503)["error"]["code"], "no_slot");
    }
    assert_eq!(operator.show(&job).await["exposed"], 1);
    assert_eq!(first.inform("2").await, 200);
    let received = fetch(&offers[1].file_url).await;
    assert!(received.status == StatusCode::OK && received.bytes == firmware.bytes);
}

async fn an_ended_epoch_ends_its_links(place: Place) {
    let told = Told::at(place, SIZE).await;
    let identity = told.operator.device("pk", "other").await;
    let (session, _) = HttpDevice::login(&told.depot.app.http, &identity, 60_000).await;
    assert!(!fetch_some(&told.url, 1).await.is_empty());
    told.depot.app.alter_ledger("UPDATE ledger SET epoch = epoch + 1");
    // On Postgres another connection may see it a moment later.
    eventually("the link is gone", async || {
        (ask(Method::GET, &told.url, &[]).await.status == StatusCode::GONE).then_some(())
    })
    .await;
    assert_eq!(told.head(&[]).await.status, StatusCode::GONE);
    assert_eq!(told.get(&[("range", "bytes=5-9")]).await.status, StatusCode::GONE);
    assert_eq!(session.download(&told.url, None).await.status, StatusCode::UNAUTHORIZED);
}
