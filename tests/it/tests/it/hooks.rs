//! Messages to an operator's system that is down, comes up, stumbles, and has everything in the end.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use http::{Method, StatusCode};
use ota_it::{
    Device, Firmware, Operator, Receiver, RunningUp, Taken, Up, eventually, fetch, flip, in_the_end,
    workspace,
};
use serde_json::{Value, json};

async fn add_hook(operator: &Operator, receiver: &Receiver) -> Value {
    let url = format!("{}/ota?from=tests", receiver.host());
    operator.post("/api/v1/hooks", json!({ "url": url })).await.json(201)
}

async fn hook(operator: &Operator) -> Value {
    operator.get("/api/v1/hooks").await["hooks"][0].clone()
}

/// A job that is stopped as soon as it is there.
async fn stop_a_job(operator: &Operator, firmware: &Firmware) -> String {
    let job = operator.job(firmware, json!({ "mode": "request" })).await;
    operator.post(&format!("/api/v1/jobs/{job}/stop"), json!({})).await.json(200);
    job
}

fn jobs(taken: &[Taken]) -> Vec<String> {
    let arrived = taken.iter().filter(|taken| taken.status.is_success());
    arrived.map(|taken| taken.body["job"]["job"].as_str().unwrap_or("none").to_owned()).collect()
}

/// Runs the function that the README gives to receivers.
fn is_genuine_by_the_readme(taken: &Taken, secret: &str) -> bool {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    let (_, code) = readme.split_once("```python\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    let call = "import sys\nprint(is_genuine(sys.argv[1], sys.argv[2].encode(), sys.argv[3]))";
    let body = std::str::from_utf8(&taken.bytes).unwrap();
    let mut python = Command::new("python3");
    python.args(["-c", &format!("{code}\n{call}"), &taken.signature, body, secret]);
    let output = python.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout == b"True\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_down_has_everything_once_though_the_gateway_was_killed() {
    let mut receiver = Receiver::new();
    let up = Up::with_hooks_at(&receiver.host());
    let running = up.start().await;
    let firmware = Firmware::new("2", 10_000);
    running.operator.prepare(&firmware).await;
    running.operator.device("pk", "dk").await;
    let made = add_hook(&running.operator, &receiver).await;

    let first = stop_a_job(&running.operator, &firmware).await;
    eventually("the hook is seen to fail", async || {
        let hook = hook(&running.operator).await;
        (hook["failing_since"].is_number() && hook["pending"] == 1).then_some(())
    })
    .await;
    let second = stop_a_job(&running.operator, &firmware).await;
    running.kill().await;

    let running = up.start().await;
    receiver.start(made["secret"].as_str().unwrap(), &[StatusCode::SERVICE_UNAVAILABLE]).await;
    let third = stop_a_job(&running.operator, &firmware).await;
    let well = in_the_end("everything has arrived", async || {
        let hook = hook(&running.operator).await;
        (hook["delivered"] == 3).then_some(hook)
    })
    .await;
    assert_eq!((&well["pending"], &well["failing_since"]), (&json!(0), &Value::Null));

    let taken = receiver.taken();
    assert_eq!(taken[0].status, StatusCode::SERVICE_UNAVAILABLE);
    let mut told = jobs(&taken);
    told.sort_unstable();
    let mut expected = vec![first, second, third];
    expected.sort_unstable();
    assert_eq!(told, expected);
    let mut tries = BTreeMap::new();
    for message in &taken {
        *tries.entry(message.delivery.as_str()).or_insert(0) += 1;
        assert_eq!(
            (&message.body["kind"], &message.body["job"]["state"]),
            (&json!("stopped"), &json!("stopped"))
        );
    }
    assert_eq!(
        tries[taken[0].delivery.as_str()],
        2,
        "the one that was answered 503 came again under its name"
    );
}

/// A connected device that was told of `firmware` in a push job: the device, the job, and where to download.
async fn told(up: &Up, running: &RunningUp, firmware: &Firmware) -> (Device, String, String) {
    running.operator.prepare(firmware).await;
    let identity = running.operator.device("pk", "dk").await;
    let mut device = Device::connect(up.mqtt(), &identity).await;
    assert_eq!(device.inform("1").await, 200);
    let job = running.operator.job(firmware, json!({})).await;
    let file_url = device.command().await.file_url;
    (device, job, file_url)
}

/// Once the receiver has as many messages: what each says, by its kind.
async fn all_told(operator: &Operator, receiver: &Receiver, count: usize) -> BTreeMap<String, Taken> {
    in_the_end("everything has arrived", async || {
        let hook = hook(operator).await;
        (hook["delivered"] == count && hook["pending"] == 0).then_some(())
    })
    .await;
    let arrived = receiver.taken().into_iter().filter(|taken| taken.status.is_success());
    let told: BTreeMap<_, _> =
        arrived.map(|taken| (taken.body["kind"].as_str().unwrap().to_owned(), taken)).collect();
    assert_eq!(told.len(), count, "each once: {told:?}");
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_done_is_told_with_what_became_of_it_once_the_receiver_is_there() {
    let mut receiver = Receiver::new();
    let up = Up::with_hooks_at(&receiver.host());
    let running = up.start().await;
    let secret = add_hook(&running.operator, &receiver).await["secret"].as_str().unwrap().to_owned();
    let firmware = Firmware::new("2", 10_000);
    let (mut device, job, file_url) = told(&up, &running, &firmware).await;
    assert_eq!(fetch(&file_url).await.bytes, firmware.bytes);
    assert_eq!(device.inform("2").await, 200);
    running.operator.until_done(&job).await;
    eventually("nobody is there to be told", async || {
        let hook = hook(&running.operator).await;
        (hook["failing_since"].is_number() && hook["pending"] == 1).then_some(())
    })
    .await;

    receiver.start(&secret, &[]).await;
    let told = all_told(&running.operator, &receiver, 1).await;
    let done = &told["done"];
    assert!(is_genuine_by_the_readme(done, &secret));
    assert_eq!((&done.body["product"], &done.body["device"]), (&json!("pk"), &Value::Null));
    let shown = running.operator.show(&job).await;
    for (field, value) in done.body["job"].as_object().unwrap() {
        assert_eq!(&shown[field], value, "{field} is what the job says");
    }
    assert_eq!((&done.body["job"]["state"], &done.body["job"]["succeeded"]), (&json!("done"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_firmware_is_told_with_the_job_that_it_held() {
    let mut receiver = Receiver::new();
    let up = Up::with_hooks_at(&receiver.host());
    let running = up.start().await;
    let secret = add_hook(&running.operator, &receiver).await["secret"].as_str().unwrap().to_owned();
    receiver.start(&secret, &[StatusCode::SERVICE_UNAVAILABLE]).await;
    let (_device, job, file_url) = told(&up, &running, &Firmware::new("2", 10_000)).await;
    flip(&up.state_dir(), "%:0", 5_000);
    assert_eq!(fetch(&file_url).await.status, StatusCode::GONE);

    let told = all_told(&running.operator, &receiver, 2).await;
    assert!(told.values().all(|taken| is_genuine_by_the_readme(taken, &secret)));
    let (quarantined, held) = (&told["quarantined"].body, &told["held"].body);
    assert_eq!((&quarantined["product"], &quarantined["device"]), (&json!("pk"), &json!("dk")));
    let detail = quarantined["detail"].as_str().unwrap();
    assert!(detail.starts_with("2: "), "{detail}");
    assert_eq!((&held["job"]["job"], &held["job"]["state"]), (&json!(job), &json!("held")));
    assert_eq!(held["job"]["held_because"], "firmware quarantined");
    let tries = receiver.taken().len();
    assert_eq!(tries, 3, "the first was answered 503, and came again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_says_what_the_receiver_answers_and_a_removed_hook_is_told_nothing() {
    let mut receiver = Receiver::new();
    let up = Up::with_hooks_at(&receiver.host());
    let running = up.start().await;
    let made = add_hook(&running.operator, &receiver).await;
    let path = format!("/api/v1/hooks/{}", made["hook"].as_str().unwrap());
    let down = running.operator.post(&format!("{path}/test"), json!({})).await.json(422);
    let message = down["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("no answer from the receiver: "), "{message}");

    receiver.start(made["secret"].as_str().unwrap(), &[StatusCode::ACCEPTED]).await;
    let tested = running.operator.post(&format!("{path}/test"), json!({})).await.json(200);
    assert_eq!(tested, json!({ "hook": made["hook"], "status": 202 }));
    let taken = &receiver.taken()[0];
    assert_eq!(taken.body["kind"], "test");
    assert!(is_genuine_by_the_readme(taken, made["secret"].as_str().unwrap()));
    assert!(!is_genuine_by_the_readme(taken, "another-secret-than-ours"));

    running.operator.call(Method::DELETE, &path, "").await.json(200);
    assert_eq!(running.operator.get("/api/v1/hooks").await, json!({ "hooks": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_a_host_for_hooks_says_which_variable_to_set() {
    let up = Up::new();
    let running = up.start().await;
    let wanted = json!({ "url": "https://unset.invalid/" });
    let refused = running.operator.post("/api/v1/hooks", wanted).await.json(403);
    assert_eq!(refused["error"]["message"], "closed: variable hook_host is not set");
    let hint = refused["error"]["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("SPIN_VARIABLE_HOOK_HOST"), "{hint}");
}
