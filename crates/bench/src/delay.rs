//! A way to a node that takes as long as one through a network: each byte comes later by the same time, and keeps its place.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

/// Pieces that are on their way at once.
const ON_THE_WAY: usize = 1_024;

/// What stands before a node.
pub(crate) struct Delay {
    address: SocketAddr,
    target: Arc<Mutex<Option<SocketAddr>>>,
    /// In microseconds, for each direction.
    one_way: Arc<AtomicU64>,
    _accepting: AbortOnDropHandle<()>,
}

impl Delay {
    /// Takes an address; leads nowhere yet.
    pub(crate) async fn listen() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (target, one_way) = (Arc::<Mutex<Option<SocketAddr>>>::default(), Arc::<AtomicU64>::default());
        let (to, later) = (Arc::clone(&target), Arc::clone(&one_way));
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                while connections.try_join_next().is_some() {}
                let Ok((caller, _)) = listener.accept().await else { continue };
                let target = *to.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(target) = target {
                    connections.spawn(carry(caller, target, Arc::clone(&later)));
                }
            }
        });
        Ok(Self { address, target, one_way, _accepting: AbortOnDropHandle::new(accepting) })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    pub(crate) fn lead_to(&self, target: SocketAddr) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = Some(target);
    }

    /// How long a byte takes there and its answer back, together.
    pub(crate) fn set_round_trip(&self, round_trip: Duration) {
        let micros = u64::try_from(round_trip.as_micros() / 2).unwrap_or_default();
        self.one_way.store(micros, Ordering::Relaxed);
    }
}

async fn carry(caller: TcpStream, target: SocketAddr, later: Arc<AtomicU64>) {
    let Ok(node) = TcpStream::connect(target).await else { return };
    if caller.set_nodelay(true).is_err() || node.set_nodelay(true).is_err() {
        return;
    }
    let ((from_caller, to_caller), (from_node, to_node)) = (caller.into_split(), node.into_split());
    tokio::join!(one_way(from_caller, to_node, Arc::clone(&later)), one_way(from_node, to_caller, later));
}

async fn one_way(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, later: Arc<AtomicU64>) {
    let (send, mut arrive) = mpsc::channel::<(Instant, Vec<u8>)>(ON_THE_WAY);
    let read = async move {
        let mut piece = vec![0; 64 << 10];
        while let Ok(length) = from.read(&mut piece).await {
            let when = Instant::now() + Duration::from_micros(later.load(Ordering::Relaxed));
            let Some(read) = piece.get(..length).filter(|read| !read.is_empty()) else { break };
            if send.send((when, read.to_vec())).await.is_err() {
                break;
            }
        }
    };
    let write = async move {
        while let Some((when, piece)) = arrive.recv().await {
            sleep_until(when).await;
            if to.write_all(&piece).await.is_err() {
                break;
            }
        }
        drop(to.shutdown().await);
    };
    tokio::join!(read, write);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_sent_comes_back_unchanged_and_not_before_its_time() {
        let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let delay = Delay::listen().await.unwrap();
        delay.lead_to(echo.local_addr().unwrap());
        let round_trip = Duration::from_millis(30);
        delay.set_round_trip(round_trip);
        tokio::spawn(async move {
            let (mut caller, _) = echo.accept().await.unwrap();
            let (mut from, mut to) = caller.split();
            tokio::io::copy(&mut from, &mut to).await.unwrap();
        });
        let mut caller = TcpStream::connect(delay.address).await.unwrap();
        let begun = std::time::Instant::now();
        caller.write_all(b"there and back").await.unwrap();
        let mut answer = [0; 14];
        caller.read_exact(&mut answer).await.unwrap();
        assert!(begun.elapsed() >= round_trip);
        assert_eq!(&answer, b"there and back");
    }
}
