//! Making a connection to one city, and noticing why it breaks.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use isopolity_domain::CityId;
use isopolity_proto::{catalog::Outcome, error::Reason};
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{LinkError, error::in_seconds};
use crate::{
    address::private_class,
    bundle::parse_endpoint,
    connections::{Ages, Connections, Entry},
    tls::{self, Credential, H2, LeafKeeper},
    trust::Trust,
};

/// Makes connections to one city.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    pub(super) trust: Arc<Trust>,
    pub(super) keeper: LeafKeeper,
    pub(super) city: CityId,
    pub(super) endpoint: String,
    pub(super) within: Duration,
    pub(super) breakage: Breakage,
    pub(super) connections: Arc<Connections>,
    pub(super) ages: Ages,
    /// Only the bundle is read, from whoever names the city.
    pub(super) unproven: bool,
}

/// Why the present connection broke, if it did. HTTP/2 above does not pass the cause on: in TLS 1.3 the other side judges
/// our certificate only after our half of the handshake is over.
#[derive(Clone, Debug, Default)]
pub(super) struct Breakage(Arc<Mutex<Option<LinkError>>>);

impl Breakage {
    pub(super) fn cause(&self) -> Option<LinkError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, cause: Option<LinkError>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cause;
    }
}

impl Connector {
    pub(super) async fn connect(self) -> Result<Watched, LinkError> {
        self.breakage.set(None);
        match timeout(self.within, self.attempt()).await {
            Ok(connected) => connected,
            Err(_elapsed) => {
                Err(unreachable(format!("no connection to {} within {}", self.endpoint, in_seconds(self.within))))
            }
        }
    }

    async fn attempt(&self) -> Result<Watched, LinkError> {
        let (host, port) = parse_endpoint(&self.endpoint).map_err(unreachable)?;
        let addresses = tokio::net::lookup_host((host.as_str(), port))
            .await
            .map_err(|error| unreachable(format!("the name {host} can't be resolved: {error}")))?;
        let mut connected = Err(unreachable(format!("the name {host} has no address")));
        for address in addresses {
            if let Err(refused) = may_be_called(&self.trust, address.ip(), &self.endpoint) {
                if connected.is_err() {
                    connected = Err(refused);
                }
                continue;
            }
            connected = TcpStream::connect(address).await.map_err(|error| match error.kind() {
                io::ErrorKind::ConnectionRefused => {
                    unreachable(format!("nothing listens at {} (connection refused)", self.endpoint))
                }
                _ => unreachable(format!("no connection to {}: {error}", self.endpoint)),
            });
            if connected.is_ok() {
                break;
            }
        }
        let tcp = connected?;
        tcp.set_nodelay(true).map_err(|error| LinkError::of_io(&error))?;

        let name = ServerName::try_from(host)
            .map_err(|error| unreachable(format!("the host of {} can't be called: {error}", self.endpoint)))?;
        let configure = if self.unproven { tls::bundle_client_config } else { tls::peer_client_config };
        let (config, verifier) = configure(&self.trust, &self.keeper, &self.city);
        let ours = Ours { trust: self.trust.clone(), keeper: self.keeper.clone() };
        let tls = TlsConnector::from(config).connect(name, tcp).await.map_err(|error| match verifier.refusal() {
            Some(refusal) => {
                if refusal.may_be_outdated() {
                    self.trust.nudges.outdated(&self.city);
                }
                LinkError::new(Outcome::Unreachable, Reason::TlsHandshake, format!("the peer was refused: {refusal}"))
            }
            None => ours.explain(&error),
        })?;
        if tls.get_ref().1.alpn_protocol() != Some(H2) {
            return Err(unreachable(format!("what answers at {} does not speak HTTP/2", self.endpoint)));
        }
        let shown = Credential::of_server(tls.get_ref().1.peer_certificates().unwrap_or_default());
        let entry = self.connections.enter_own(&self.city, shown.clone());
        // After entering: from here on, a change of the table closes the connection.
        if !self.unproven {
            shown.still_good(&self.trust, &self.city).map_err(|refusal| {
                LinkError::new(Outcome::Unreachable, Reason::TlsHandshake, format!("the peer was refused: {refusal}"))
            })?;
        }
        let closing = Box::pin(entry.closing.clone().cancelled_owned());
        // The channel is left after its age. What is under way then, and does not end by itself, ends here.
        let grace = Ages::jittered(self.ages.grace, self.trust.dice.roll());
        let too_old = Box::pin(sleep(self.ages.age + grace));
        Ok(Watched { tls, breakage: self.breakage.clone(), ours, closing, too_old, _entry: entry })
    }
}

/// What we show, to say what is wrong with it when the other side refuses it.
#[derive(Clone, Debug)]
struct Ours {
    trust: Arc<Trust>,
    keeper: LeafKeeper,
}

impl Ours {
    /// What a broken connection means, with what is wrong on our side, as far as it can be seen here.
    fn explain(&self, error: &io::Error) -> LinkError {
        let mut found = LinkError::of_io(error);
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::AlertReceived(alert)) = tls {
            let authorities = self.keeper.identity().bundle_authorities();
            let own = tls::own_fault(*alert, &self.keeper.chain(), &authorities, self.trust.clock.now());
            if let Some(own) = own {
                found.description = format!("{}; {own}", found.description);
            }
        }
        found
    }
}

/// Whether a connection to an address may be made.
pub(crate) fn may_be_called(trust: &Trust, address: IpAddr, endpoint: &str) -> Result<(), LinkError> {
    match private_class(address) {
        Some(class) if !trust.allows_private_addresses() => {
            let text = format!(
                "{endpoint} leads to {address}, {class}; it is not called unless federation.allow_private_addresses is set"
            );
            Err(LinkError::new(Outcome::Unreachable, Reason::AddressNotAllowed, text))
        }
        _ => Ok(()),
    }
}

fn unreachable(description: String) -> LinkError {
    LinkError::new(Outcome::Unreachable, Reason::Connection, description)
}

/// A connection that remembers why reading from it went wrong.
#[derive(Debug)]
pub(super) struct Watched {
    tls: TlsStream<TcpStream>,
    breakage: Breakage,
    ours: Ours,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    too_old: Pin<Box<Sleep>>,
    _entry: Entry,
}

impl Watched {
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let why = if self.closing.as_mut().poll(context).is_ready() {
            "the connection was closed here: the peering or the peer's bundle was changed"
        } else if self.too_old.as_mut().poll(context).is_ready() {
            "the connection was closed here: it has reached its greatest age"
        } else {
            return Ok(());
        };
        let closed = unreachable(why.to_owned());
        self.breakage.set(Some(closed.clone()));
        Err(io::Error::new(io::ErrorKind::ConnectionAborted, closed))
    }
}

impl AsyncRead for Watched {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check(context)?;
        let read = Pin::new(&mut this.tls).poll_read(context, buffer);
        if let Poll::Ready(Err(error)) = &read {
            this.breakage.set(Some(this.ours.explain(error)));
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check(context)?;
        Pin::new(&mut this.tls).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check(context)?;
        Pin::new(&mut this.tls).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tls).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tls).poll_shutdown(context)
    }
}
