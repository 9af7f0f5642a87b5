//! Taking connections: each handshake in a task of its own, bounded in number and time, so that nobody who dawdles holds
//! up the others.
//!
//! [`accept_peers`] and [`accept_callers`] give a stream of finished connections, as tonic's `serve_with_incoming` wants
//! it. Dropping the stream stops the accepting; connections that were given out live on.

mod connection;
mod crowd;

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::Stream;
use isopolity_domain::CityId;
use rustls::{ServerConfig, ServerConnection};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument as _, debug, info_span, warn};

pub use connection::Connection;
use connection::Seat;
use crowd::Crowd;

use crate::{
    Guest,
    connections::Entry,
    peers::Peers,
    tls::{self, Credential, H2, HandshakeRefusal},
};

/// How much a listener takes upon itself.
#[derive(Clone, Copy, Debug)]
pub struct ListenerLimits {
    /// Handshakes at once. Further callers wait.
    pub handshakes: usize,
    /// The time for one handshake.
    pub handshake: Duration,
    /// Connections in all. Further callers wait in the system's queue.
    pub connections: usize,
    /// Connections of one city. A further one takes the place of its oldest.
    pub per_city: usize,
    /// Connections from one address (IPv6: from one /64), of whomever. A further one is closed at once.
    pub per_address: usize,
    /// Of these, handshakes at once. Further ones from this address wait.
    pub handshakes_per_address: usize,
    /// How long a caller may take nothing of what is written to him. Then the connection is closed.
    pub stall: Duration,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            handshakes: 64,
            handshake: Duration::from_secs(5),
            connections: 1_000,
            per_city: 8,
            per_address: 250,
            handshakes_per_address: 16,
            stall: Duration::from_secs(30),
        }
    }
}

/// Who is at the other end of a connection. In the extensions of each request that comes over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerIdentity {
    /// The city: verified, unless it is a guest.
    pub city: CityId,
    /// Set if it is no peer and its name is only a claim: it may join and nothing else.
    pub guest: Option<Guest>,
}

/// Where a caller of the API calls from. In the extensions of each request that comes over the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerAddress(pub SocketAddr);

/// Connections as they come in.
#[derive(Debug)]
pub struct Incoming<I> {
    connections: mpsc::Receiver<Connection<I>>,
    _accepting: AbortOnDropHandle<()>,
}

impl<I> Stream for Incoming<I> {
    type Item = io::Result<Connection<I>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.connections.poll_recv(context).map(|connection| connection.map(Ok))
    }
}

/// Takes connections of peers. Must be called in a tokio runtime.
#[must_use]
pub fn accept_peers(listener: TcpListener, peers: &Peers, limits: ListenerLimits) -> Incoming<PeerIdentity> {
    let config = peers.server_config();
    let peers = peers.clone();
    let admit = move |remote: SocketAddr, session: &ServerConnection| {
        let chain = session.peer_certificates()?;
        let city = tls::claimed_city(chain.first()?).ok()?;
        if session.alpn_protocol() != Some(H2) {
            debug!(peer.city = %city, "a call without HTTP/2 was closed");
            return None;
        }
        if let Some(entry) = peers.admit(&city, limits.per_city, &Credential::of_client(chain)) {
            return Some((PeerIdentity { city, guest: None }, Some(entry)));
        }
        let (guest, entry) = peers.admit_guest(&city, remote.ip(), chain)?;
        Some((PeerIdentity { city, guest: Some(guest) }, Some(entry)))
    };
    start(listener, config, limits, Arc::new(admit))
}

/// Takes connections of anyone, for the API. Must be called in a tokio runtime.
#[must_use]
pub fn accept_callers(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    limits: ListenerLimits,
) -> Incoming<CallerAddress> {
    start(listener, config, limits, Arc::new(|remote, _: &ServerConnection| Some((CallerAddress(remote), None))))
}

/// Decides after the handshake who it is, and enters them.
type Admit<I> = Arc<dyn Fn(SocketAddr, &ServerConnection) -> Option<(I, Option<Entry>)> + Send + Sync>;

fn start<I: Send + 'static>(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    limits: ListenerLimits,
    admit: Admit<I>,
) -> Incoming<I> {
    let (sender, connections) = mpsc::channel(limits.handshakes.max(1));
    let desk = Desk {
        acceptor: TlsAcceptor::from(config),
        limits,
        handshakes: Arc::new(Semaphore::new(limits.handshakes)),
        places: Arc::new(Semaphore::new(limits.connections)),
        admit,
        sender,
        crowd: Crowd::new(limits.per_address, limits.handshakes_per_address),
    };
    Incoming { connections, _accepting: AbortOnDropHandle::new(tokio::spawn(desk.accept_all(listener))) }
}

/// What is needed to take connections in.
struct Desk<I> {
    acceptor: TlsAcceptor,
    limits: ListenerLimits,
    handshakes: Arc<Semaphore>,
    places: Arc<Semaphore>,
    admit: Admit<I>,
    sender: mpsc::Sender<Connection<I>>,
    crowd: Arc<Crowd>,
}

impl<I: Send + 'static> Desk<I> {
    async fn accept_all(self, listener: TcpListener) {
        let desk = Arc::new(self);
        let mut tasks = JoinSet::new();
        loop {
            while tasks.try_join_next().is_some() {}
            // It is never closed.
            let Some(place) = desk.place().await else { return };
            match listener.accept().await {
                Ok((tcp, remote)) => {
                    let Some(head) = desk.crowd.enter(remote.ip()) else {
                        debug!(%remote, "closed: too many connections from this address");
                        continue;
                    };
                    let span = info_span!("federation.accept", %remote);
                    let desk = desk.clone();
                    let task = async move { desk.take_in(tcp, remote, Seat { place, head }).await };
                    tasks.spawn(task.instrument(span));
                }
                Err(error) => {
                    // A caller that hung up at once, or no file handles left: the latter passes when others leave.
                    warn!("a connection can't be accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Some(place);
        }
        warn!(connections = self.limits.connections, "at the limit of connections; further callers wait");
        self.places.clone().acquire_owned().await.ok()
    }

    async fn take_in(&self, tcp: TcpStream, remote: SocketAddr, seat: Seat) {
        if let Err(error) = tcp.set_nodelay(true) {
            debug!("the connection can't be set up: {error}");
            return;
        }
        let Some(tls) = self.shake_hands(tcp, &seat).await else { return };
        let Some((info, entry)) = (self.admit)(remote, tls.get_ref().1) else { return };
        // An error means that nobody serves any more.
        let _ = self.sender.send(Connection::new(tls, info, entry, seat, self.limits.stall)).await;
    }

    async fn shake_hands(&self, tcp: TcpStream, seat: &Seat) -> Option<TlsStream<TcpStream>> {
        // Whoever dawdles holds up those of his own address first.
        let waited = timeout(self.limits.handshake, async {
            let knock = seat.head.knock().await?;
            Some((knock, self.handshakes.clone().acquire_owned().await.ok()?))
        });
        let Ok(Some(_shaking)) = waited.await else {
            debug!("no turn for a handshake within {:?}; closed", self.limits.handshake);
            return None;
        };
        match timeout(self.limits.handshake, self.acceptor.accept(tcp).into_fallible()).await {
            Ok(Ok(tls)) => Some(tls),
            Ok(Err((error, tcp))) => {
                report(&error);
                // The other side must be able to read the alert.
                let _ = timeout(Duration::from_secs(1), linger(tcp)).await;
                None
            }
            Err(_elapsed) => {
                debug!("no handshake within {:?}; closed", self.limits.handshake);
                None
            }
        }
    }
}

/// Says why a handshake came to nothing, unless the verifier has said it already.
fn report(error: &io::Error) {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => {}
        Some(rustls::Error::NoCertificatesPresented) => {
            warn!("a call was refused: {}", HandshakeRefusal::NoCertificate);
        }
        Some(rustls::Error::AlertReceived(alert)) => {
            warn!("a caller refused this node: {}", tls::alert_in_words(*alert));
        }
        Some(other) => debug!("a call was refused: {other}"),
        None => debug!("a caller went away in the handshake: {error}"),
    }
}

/// Closes so that what was sent last arrives: a socket with unread data would be reset, and the alert lost.
async fn linger(mut tcp: TcpStream) {
    if tcp.shutdown().await.is_err() {
        return;
    }
    let mut scrap = [0_u8; 4096];
    let mut left = 16;
    while left > 0 && matches!(tcp.read(&mut scrap).await, Ok(1..)) {
        left -= 1;
    }
}

#[cfg(test)]
mod tests;
