//! The life of one connection: in through the door, served, and what its end leaves to do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use crate::Shared;
use crate::admission::{Admitted, admit};
use crate::end::End;
use crate::registry::Mailbox;
use crate::session::Session;
use crate::stop::Stopping;
use crate::uplink::Uplink;
use crate::wire::Wire;

/// How long a will is tried. Nobody waits for its receipt, and a later connection makes it old news.
const WILL: Duration = Duration::from_secs(30);

/// Serves a connection from its first byte to its will.
pub(crate) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    stopping: Stopping,
    place: OwnedSemaphorePermit,
) {
    let mut wire = Wire::new(stream, &shared.settings);
    match admit(&mut wire, peer.ip(), &shared).await {
        Ok(admitted) => {
            let will = attend(wire, admitted, peer, &shared, stopping).await;
            drop(place);
            if let Some(will) = will {
                shared.metrics.wills.count();
                // Time-out or not, this was the last thing to do for the connection.
                drop(timeout(WILL, will.deliver(shared)).await);
            }
        }
        Err(end) => {
            end.count(&shared.metrics);
            match end {
                End::Denied(_) | End::Unavailable(_) => {
                    tracing::warn!(%peer, reason = %end, "device refused");
                }
                _ => tracing::debug!(%peer, reason = %end, "connection ended before it was let in"),
            }
            wire.close().await;
        }
    }
}

/// Serves a device that was let in; the will, if its end releases one.
async fn attend(
    wire: Wire,
    admitted: Admitted,
    peer: SocketAddr,
    shared: &Arc<Shared>,
    mut stopping: Stopping,
) -> Option<Uplink> {
    let Admitted { device, client_id, will } = admitted;
    let (registration, Mailbox { mut commands, mut severed }) = shared.registry.enter(&device);
    let number = registration.number();
    shared.metrics.connects_allowed.count();
    tracing::info!(%device, %peer, session = %number, "device connected");

    let mut session = Session::new(Arc::clone(shared), device.clone(), client_id.clone(), wire);
    let end = tokio::select! {
        end = session.run(&mut commands, &mut stopping) => end,
        _ = &mut severed => End::TakenOver,
    };
    end.count(&shared.metrics);
    tracing::info!(%device, session = %number, reason = %end, "device disconnected");
    if matches!(end, End::Disconnected) {
        // Still the device's session, so that its next one ends the rest instead of overtaking it.
        tokio::select! {
            () = session.drain() => {}
            _ = severed => {}
        }
    }
    drop(registration);
    if end.deserves_farewell() {
        session.close().await;
    }
    let will = will.filter(|_| end.releases_will())?;
    Some(Uplink { topic: will.topic, payload: will.payload, client_id, taken_at: Instant::now() })
}
