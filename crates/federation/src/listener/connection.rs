//! A connection that knows who is at its other end and can be closed from outside.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::Connected;

use crate::connections::Entry;

/// A connection after its handshake.
#[derive(Debug)]
pub struct Connection<I> {
    tls: TlsStream<TcpStream>,
    info: I,
    closing: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    _entry: Option<Entry>,
    _place: OwnedSemaphorePermit,
}

impl<I> Connection<I> {
    pub(super) fn new(tls: TlsStream<TcpStream>, info: I, entry: Option<Entry>, place: OwnedSemaphorePermit) -> Self {
        let closing = entry.as_ref().map(|entry| Box::pin(entry.closing.clone().cancelled_owned()));
        Self { tls, info, closing, _entry: entry, _place: place }
    }

    /// Who is at the other end.
    pub fn info(&self) -> &I {
        &self.info
    }

    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let closed = self.closing.as_mut().is_some_and(|closing| closing.as_mut().poll(context).is_ready());
        if closed {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "closed here: the peering was changed"));
        }
        Ok(())
    }
}

impl<I: Clone + Send + Sync + 'static> Connected for Connection<I> {
    type ConnectInfo = I;

    fn connect_info(&self) -> I {
        self.info.clone()
    }
}

impl<I: Unpin> AsyncRead for Connection<I> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check(context)?;
        Pin::new(&mut this.tls).poll_read(context, buffer)
    }
}

impl<I: Unpin> AsyncWrite for Connection<I> {
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
