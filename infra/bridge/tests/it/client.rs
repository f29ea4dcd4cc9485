//! The same with a stock client library, which answers and acknowledges as real devices do.

use rumqttc::{AsyncClient, Event, EventLoop, Incoming, MqttOptions, PublishOptions, QoS};
use tokio::time::timeout;

use crate::gateway::Answer;
use crate::setup::{PATIENCE, Setup, eventually, topic};

const COMMAND: &str = r#"{"id":"77","method":"ota.device.upgrade","params":{}}"#;

fn client(setup: &Setup, client_id: &str) -> (AsyncClient, EventLoop) {
    let address = setup.bridge.local_addr();
    let mut options = MqttOptions::new(client_id, (address.ip().to_string(), address.port()));
    options.set_credentials("dk&pk", "secret");
    AsyncClient::builder(options).capacity(10).build()
}

/// Polls the client until a packet is what was waited for.
async fn until<T>(events: &mut EventLoop, mut wanted: impl FnMut(Incoming) -> Option<T>) -> T {
    let search = async {
        loop {
            if let Event::Incoming(packet) = events.poll().await.unwrap()
                && let Some(found) = wanted(packet)
            {
                return found;
            }
        }
    };
    timeout(PATIENCE, search).await.expect("what was waited for did not come")
}

fn message(packet: Incoming) -> Option<(String, String)> {
    let Incoming::Publish(publish) = packet else { return None };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Some((text(&publish.topic), text(&publish.payload)))
}

#[tokio::test]
async fn a_stock_client_gets_reply_and_push_and_answers_without_subscribing() {
    let setup = Setup::start().await;
    let (client, mut events) =
        client(&setup, "dk{ip=10.0.0.1,version=1}|securemode=2,signmethod=sha256,timestamp=1|");
    let inform = PublishOptions::new(QoS::AtLeastOnce);
    client.publish(topic("dk", "inform"), "v1", inform).await.unwrap();
    let reply = until(&mut events, message).await;
    assert_eq!(reply, (topic("dk", "inform_reply"), "reply to v1".to_owned()));
    until(&mut events, |packet| matches!(packet, Incoming::PubAck(_)).then_some(())).await;

    let no_more = Answer::body(r#"{"commands":[]}"#);
    setup.gateway.answer("sweep", [Answer::command("dk", &topic("dk", "upgrade"), COMMAND), no_more]);
    assert_eq!(until(&mut events, message).await, (topic("dk", "upgrade"), COMMAND.to_owned()));
    let answer = PublishOptions::new(QoS::AtLeastOnce);
    client.publish(topic("dk", "upgrade_reply"), r#"{"id":"77","code":200}"#, answer).await.unwrap();
    until(&mut events, |packet| matches!(packet, Incoming::PubAck(_)).then_some(())).await;
    assert_eq!(&setup.gateway.calls("upgrade_reply")[0].body[..], br#"{"id":"77","code":200}"#);
    eventually("the push is reported as acknowledged", || setup.gateway.acknowledged() == ["77"]).await;
}

#[tokio::test]
async fn a_thousand_messages_of_a_stock_client_are_each_answered_in_order() {
    let setup = Setup::start().await;
    let (client, mut events) = client(&setup, "busy");
    tokio::spawn(async move {
        for number in 0..1000 {
            let qos = PublishOptions::new(QoS::AtLeastOnce);
            client.publish(topic("dk", "progress"), number.to_string(), qos).await.unwrap();
        }
        client
    });
    for number in 0..1000 {
        let (_, payload) = until(&mut events, message).await;
        assert_eq!(payload, format!("reply to {number}"));
    }
    assert_eq!(setup.bridge.metrics().replies, 1000);
}
