//! Brings a device to life: carries out its wishes over MQTT and HTTP and tells it what happens.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::debug;

use super::device::{Device, Happening, Wish};
use super::download::Downloader;
use super::login::Login;
use super::mqtt::Connection;
use super::tally::Tally;
use super::{Member, Pace};
use crate::clock::now_ms;

/// When a device that nothing happens to looks whether its last inform was answered.
const PATIENCE: Duration = Duration::from_secs(5);

/// One device, from power-on until its task is dropped or it vanishes.
pub(super) struct Session {
    broker: SocketAddr,
    member: Member,
    pace: Pace,
    downloader: Downloader,
    tally: Tally,
    device: Device,
    /// What takes its time beside the connection: a download, an installation.
    errands: JoinSet<Happening>,
}

/// How a connection ends.
enum End {
    Restart,
    BreakOff,
    Vanish,
}

impl Session {
    pub(super) fn new(
        broker: SocketAddr,
        member: Member,
        pace: Pace,
        downloader: Downloader,
        tally: Tally,
    ) -> Self {
        let device = Device::new(member.version.clone(), member.fault);
        Self { broker, member, pace, downloader, tally, device, errands: JoinSet::new() }
    }

    /// Lives the device's life; `on_informed` is called once, when its version was first answered.
    pub(super) async fn run(mut self, on_informed: impl FnOnce()) {
        let mut on_informed = Some(on_informed);
        loop {
            let login = Login::new(&self.member.id, &self.member.secret, &now_ms().to_string());
            let mut connection = Connection::open(self.broker, &self.member.id, login, &self.tally);
            match self.stay(&mut connection, &mut on_informed).await {
                End::Restart => {
                    connection.close().await;
                    sleep(self.pace.restart).await;
                }
                End::BreakOff => {
                    drop(connection);
                    sleep(self.pace.restart).await;
                }
                End::Vanish => {
                    self.tally.fell_silent();
                    debug!(device = %self.member.id, "vanishes");
                    return;
                }
            }
        }
    }

    async fn stay(&mut self, connection: &mut Connection, on_informed: &mut Option<impl FnOnce()>) -> End {
        loop {
            let happening = self.next(connection).await;
            if matches!(happening, Happening::Told(_)) {
                self.tally.told();
            }
            for wish in self.device.on(happening) {
                if let Some(end) = self.fulfil(wish, connection) {
                    return end;
                }
            }
            if self.device.has_informed()
                && let Some(on_informed) = on_informed.take()
            {
                on_informed();
            }
        }
    }

    async fn next(&mut self, connection: &mut Connection) -> Happening {
        tokio::select! {
            happening = connection.next() => happening,
            Some(Ok(happening)) = self.errands.join_next() => happening,
            () = sleep(PATIENCE) => Happening::Waited,
        }
    }

    fn fulfil(&mut self, wish: Wish, connection: &mut Connection) -> Option<End> {
        match wish {
            Wish::Send(message) => connection.publish(message),
            Wish::Download { command, manner } => {
                let downloader = self.downloader.clone();
                self.errands
                    .spawn(async move { Happening::Downloaded(downloader.fetch(&command, manner).await) });
            }
            Wish::Install => {
                let install = self.pace.install;
                self.errands.spawn(async move {
                    sleep(install).await;
                    Happening::Installed
                });
            }
            Wish::Restart => return Some(End::Restart),
            Wish::BreakOff => return Some(End::BreakOff),
            Wish::Vanish => return Some(End::Vanish),
        }
        None
    }
}
