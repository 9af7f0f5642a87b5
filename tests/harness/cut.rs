//! A proxy that breaks connections.
//!
//! It stands before a node's federation listener and owns the address that peers know, so that it is known before the node
//! starts and stays when the node is started anew. What it does can be changed while it runs, and changes what happens to
//! connections that are open.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

/// What the proxy does to bytes on their way back to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Pass,
    /// Closes what is open and what comes, at once.
    Refuse,
    /// Takes connections, but says nothing.
    Silent,
    /// Each piece comes later by this.
    Delay(Duration),
    /// A few bytes at a time.
    Dribble {
        /// How many.
        bytes: usize,
        /// How often.
        every: Duration,
    },
    /// Closes each connection after so many bytes more.
    CutAfter(usize),
}

/// A proxy that breaks connections.
#[derive(Debug)]
pub struct Cut {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    broken: watch::Sender<()>,
    target: Arc<Mutex<Option<SocketAddr>>>,
    _accepting: AbortOnDropHandle<()>,
}

impl Cut {
    /// Takes an address; leads nowhere yet.
    pub async fn listening() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, broken, target) = (watch::Sender::new(Mode::Pass), watch::Sender::new(()), Arc::default());
        let accepting = tokio::spawn(accept_all(listener, mode.clone(), broken.clone(), Arc::clone(&target)));
        Self { address, mode, broken, target, _accepting: AbortOnDropHandle::new(accepting) }
    }

    /// Where it leads from now on.
    pub fn lead_to(&self, target: SocketAddr) {
        *self.target.lock().unwrap() = Some(target);
    }

    /// What it does from now on, to open connections too.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Closes all connections that are open; new ones are taken.
    pub fn break_all(&self) {
        self.broken.send_replace(());
    }

    /// The address that callers know.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as an endpoint in a trust bundle.
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }
}

async fn accept_all(
    listener: TcpListener,
    mode: watch::Sender<Mode>,
    broken: watch::Sender<()>,
    target: Arc<Mutex<Option<SocketAddr>>>,
) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((caller, _)) = listener.accept().await else { continue };
        let carried = carry(caller, mode.subscribe(), Arc::clone(&target));
        let mut broken = broken.subscribe();
        connections.spawn(async move {
            tokio::select! {
                () = carried => {}
                _ = broken.changed() => {}
            }
        });
    }
}

async fn carry(caller: TcpStream, mut mode: watch::Receiver<Mode>, target: Arc<Mutex<Option<SocketAddr>>>) {
    if mode.wait_for(|mode| *mode != Mode::Silent).await.map_or(Mode::Refuse, |mode| *mode) == Mode::Refuse {
        return;
    }
    let Some(target) = *target.lock().unwrap() else { return };
    let Ok(node) = TcpStream::connect(target).await else { return };
    if caller.set_nodelay(true).is_err() || node.set_nodelay(true).is_err() {
        return;
    }
    let ((mut from_caller, to_caller), (from_node, mut to_node)) = (caller.into_split(), node.into_split());
    let mut there = Box::pin(async move {
        drop(copy(&mut from_caller, &mut to_node).await);
    });
    tokio::select! {
        () = &mut there => return,
        () = back(from_node, to_caller, mode) => {}
    }
    // What was sent last must arrive: a socket with unread bytes would be reset.
    drop(timeout(Duration::from_secs(1), there).await);
}

/// Carries bytes towards the caller until the connection is to be closed.
async fn back(mut node: OwnedReadHalf, mut caller: OwnedWriteHalf, mut mode: watch::Receiver<Mode>) {
    let mut buffer = vec![0_u8; 16 << 10];
    let mut waiting = Vec::new();
    let mut sent = 0;
    loop {
        if mode.has_changed().unwrap_or(false) {
            sent = 0;
        }
        let now = *mode.borrow_and_update();
        let (most, pause) = match now {
            Mode::Refuse => break,
            Mode::Silent if mode.changed().await.is_err() => break,
            Mode::Silent => {
                sent = 0;
                continue;
            }
            Mode::Pass => (usize::MAX, Duration::ZERO),
            Mode::Delay(by) => (usize::MAX, by),
            Mode::Dribble { bytes, every } => (bytes, every),
            Mode::CutAfter(bytes) if sent >= bytes => break,
            Mode::CutAfter(bytes) => (bytes - sent, Duration::ZERO),
        };
        if waiting.is_empty() {
            tokio::select! {
                changed = mode.changed() => {
                    if changed.is_err() { break }
                    sent = 0;
                }
                read = node.read(&mut buffer) => match read {
                    Ok(0) | Err(_) => break,
                    Ok(read) => waiting.extend(buffer.iter().take(read)),
                },
            }
            continue;
        }
        if !pause.is_zero() {
            tokio::select! {
                changed = mode.changed() => {
                    if changed.is_err() { break }
                    sent = 0;
                    continue;
                }
                () = sleep(pause) => {}
            }
        }
        let piece: Vec<u8> = waiting.drain(..most.min(waiting.len())).collect();
        if caller.write_all(&piece).await.is_err() {
            break;
        }
        sent += piece.len();
    }
    drop(caller.shutdown().await);
}
