//! A connection that knows who is at its other end and can be closed from outside.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep, sleep_until},
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::Connected;

use super::crowd::Head;
use crate::connections::Entry;

/// A connection's place among all, and among those from its address.
#[derive(Debug)]
pub(super) struct Seat {
    #[expect(dead_code, reason = "held for its drop")]
    pub(super) place: OwnedSemaphorePermit,
    pub(super) head: Head,
}

/// A connection after its handshake.
#[derive(Debug)]
pub struct Connection<I> {
    tls: TlsStream<TcpStream>,
    info: I,
    closing: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// Closes the connection when nothing was taken for so long.
    stall: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    _entry: Option<Entry>,
    _seat: Seat,
}

impl<I> Connection<I> {
    pub(super) fn new(tls: TlsStream<TcpStream>, info: I, entry: Option<Entry>, seat: Seat, stall: Duration) -> Self {
        let closing = entry.as_ref().map(|entry| Box::pin(entry.closing.clone().cancelled_owned()));
        Self { tls, info, closing, stall, stalled: None, _entry: entry, _seat: seat }
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

    /// What came of writing, unless the caller has taken nothing for too long.
    fn watched<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let until = Instant::now() + self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep_until(until)));
        match stalled.as_mut().poll(context) {
            Poll::Ready(()) => {
                let why = format!("closed here: the caller took nothing for {} s", self.stall.as_secs());
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)))
            }
            Poll::Pending => Poll::Pending,
        }
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
        let written = Pin::new(&mut this.tls).poll_write(context, bytes);
        this.watched(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check(context)?;
        let written = Pin::new(&mut this.tls).poll_write_vectored(context, slices);
        this.watched(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.tls).poll_flush(context);
        this.watched(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.tls).poll_shutdown(context);
        this.watched(context, shut)
    }
}
