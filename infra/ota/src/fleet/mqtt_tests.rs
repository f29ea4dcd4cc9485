//! Sessions with a server that says what the test tells it to.

use bytes::BytesMut;
use ota_protocol::secret::Secret;
use rumqttc::mqttbytes::v4::ConnAck;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// The server's side of one connection.
struct Server {
    stream: TcpStream,
    input: BytesMut,
}

impl Server {
    async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().await.unwrap();
        Self { stream, input: BytesMut::new() }
    }

    async fn receive(&mut self) -> Packet {
        loop {
            if let Ok(packet) = Packet::read(&mut self.input, 1 << 16) {
                return packet;
            }
            assert_ne!(self.stream.read_buf(&mut self.input).await.unwrap(), 0, "the device is gone");
        }
    }

    async fn send(&mut self, packet: Packet) {
        let mut output = BytesMut::new();
        packet.write(&mut output, 1 << 16).unwrap();
        self.stream.write_all(&output).await.unwrap();
    }

    /// Takes the CONNECT and the SUBSCRIBE.
    async fn welcome(listener: &TcpListener) -> Self {
        let mut server = Self::accept(listener).await;
        assert!(matches!(server.receive().await, Packet::Connect(_)));
        server.send(Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, false))).await;
        let Packet::Subscribe(subscribe) = server.receive().await else { panic!("no SUBSCRIBE") };
        let topics: Vec<_> = subscribe.filters.into_iter().map(|filter| filter.path).collect();
        let topic = |uplink| format!("/sys/pk/dk/ota/device/{uplink}_reply");
        assert_eq!(topics, ["inform", "progress"].map(topic));
        server
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn connection(listener: &TcpListener) -> Connection {
    let device = DeviceId::parse("pk", "dk").unwrap();
    let login = Login::new(&device, &Secret::new("secret"), "1");
    Connection::open(listener.local_addr().unwrap(), &device, login, &Tally::default())
}

/// Lets the connection do its work until the server has seen what it waits for.
async fn beside<T>(connection: &mut Connection, server: impl Future<Output = T>) -> T {
    tokio::pin!(server);
    loop {
        tokio::select! {
            _ = connection.next() => {}
            outcome = &mut server => return outcome,
        }
    }
}

#[tokio::test]
async fn what_was_not_acknowledged_is_repeated_on_the_next_connection() {
    let listener = listener().await;
    let mut connection = connection(&listener);
    let mut server = beside(&mut connection, Server::welcome(&listener)).await;
    assert_eq!(connection.tally.counted().online, 1);
    connection.publish(Message::inform("1", "1.0"));
    connection.publish(Message::progress("2", 50, ""));
    let first = beside(&mut connection, async {
        let Packet::Publish(first) = server.receive().await else { panic!("no PUBLISH") };
        server.send(Packet::PubAck(PubAck::new(first.pkid))).await;
        assert!(matches!(server.receive().await, Packet::Publish(_)));
        first
    });
    assert_eq!(first.await.topic.as_ref(), b"/sys/pk/dk/ota/device/inform");
    beside(&mut connection, async {
        drop(server);
        let mut server = Server::welcome(&listener).await;
        let Packet::Publish(repeated) = server.receive().await else { panic!("no PUBLISH") };
        assert_eq!(repeated.topic.as_ref(), b"/sys/pk/dk/ota/device/progress");
    })
    .await;
}

#[tokio::test]
async fn commands_and_replies_are_told_apart_and_acknowledged() {
    let listener = listener().await;
    let mut connection = connection(&listener);
    let mut server = beside(&mut connection, Server::welcome(&listener)).await;
    let command =
        r#"{"id":"77","params":{"version":"2.0","sign":"ab","signMethod":"md5","fileUrl":"u","fileSize":1}}"#;
    for (topic, payload) in
        [("upgrade", command), ("inform_reply", r#"{"id":"1","code":200}"#), ("upgrade", "?")]
    {
        let mut publish = Publish::new(format!("/sys/pk/dk/ota/device/{topic}"), QoS::AtLeastOnce, payload);
        publish.pkid = 9;
        server.send(Packet::Publish(publish)).await;
    }
    assert!(matches!(connection.next().await, Happening::Told(command) if command.id == "77"));
    assert!(matches!(connection.next().await, Happening::Answered { code: 200, .. }));
    beside(&mut connection, async {
        for _ in 0..3 {
            assert_eq!(server.receive().await, Packet::PubAck(PubAck::new(9)));
        }
    })
    .await;
}

#[tokio::test]
async fn it_leaves_in_good_order_once_everything_is_acknowledged() {
    let listener = listener().await;
    let mut connection = connection(&listener);
    let mut server = beside(&mut connection, Server::welcome(&listener)).await;
    connection.publish(Message::progress("2", 80, ""));
    let closing = tokio::spawn(connection.close());
    let Packet::Publish(publish) = server.receive().await else { panic!("no PUBLISH") };
    server.send(Packet::PubAck(PubAck::new(publish.pkid))).await;
    assert_eq!(server.receive().await, Packet::Disconnect);
    closing.await.unwrap();
}

#[tokio::test]
async fn a_refused_login_is_tried_again() {
    let listener = listener().await;
    let mut connection = connection(&listener);
    beside(&mut connection, async {
        let mut server = Server::accept(&listener).await;
        server.receive().await;
        server.send(Packet::ConnAck(ConnAck::new(ConnectReturnCode::BadUserNamePassword, false))).await;
        Server::welcome(&listener).await;
    })
    .await;
}
