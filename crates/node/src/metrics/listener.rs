//! The listener: HTTP/1.1, one call for each connection, few connections at once, and little time for each.

use std::{pin::pin, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// Connections at once. Further callers wait in the system's queue.
const CONNECTIONS: usize = 16;
/// The time for a call's header.
const HEADER: Duration = Duration::from_secs(5);
/// The time for all of a call, until the answer is taken.
const WHOLE: Duration = Duration::from_secs(15);
/// The most bytes of a header. No body is read.
const HEADER_MAX: usize = 16 << 10;

/// Serves until it is told to drain; calls in hand end first.
pub(super) async fn serve(listener: TcpListener, routes: Router, draining: CancellationToken) {
    let mut calls = JoinSet::new();
    loop {
        tokio::select! {
            () = draining.cancelled() => break,
            Some(_ended) = calls.join_next() => {}
            accepted = listener.accept(), if calls.len() < CONNECTIONS => match accepted {
                Ok((tcp, _)) => {
                    calls.spawn(answer(tcp, routes.clone(), draining.clone()));
                }
                Err(error) => {
                    // A caller that hung up at once, or no file handles left: the latter passes when others leave.
                    warn!("a connection for metrics can't be accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
    drop(listener);
    while calls.join_next().await.is_some() {}
}

async fn answer(tcp: TcpStream, routes: Router, draining: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .max_buf_size(HEADER_MAX)
        // Nobody asks more often than every few seconds.
        .keep_alive(false)
        .serve_connection(TokioIo::new(tcp), TowerToHyperService::new(routes));
    let mut connection = pin!(connection);
    let whole = async {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = draining.cancelled() => {}
        }
        connection.as_mut().graceful_shutdown();
        connection.await
    };
    match timeout(WHOLE, whole).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!("a call for metrics came to nothing: {error}"),
        Err(_elapsed) => debug!("a call for metrics was not over within {} s; closed", WHOLE.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        task::JoinHandle,
    };

    use super::*;

    const CALL: &[u8] = b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n";

    async fn served() -> (SocketAddr, CancellationToken, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, draining) = (listener.local_addr().unwrap(), CancellationToken::new());
        let routes = Router::new().route("/metrics", get(async || "read"));
        (address, draining.clone(), tokio::spawn(serve(listener, routes, draining)))
    }

    /// What a caller gets who says this, until the connection is closed.
    async fn said(address: SocketAddr, call: &[u8]) -> String {
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(call).await.unwrap();
        let mut answer = Vec::new();
        // One who says too much may find the connection reset.
        let _ = tcp.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn a_call_is_answered_and_its_connection_closed() {
        let (address, ..) = served().await;
        let answer = said(address, CALL).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nread"), "{answer}");
    }

    #[tokio::test]
    async fn a_header_without_an_end_is_not_read_to_its_end() {
        let (address, ..) = served().await;
        let long = [CALL.trim_ascii_end(), b"\r\nx: ", &vec![b'x'; 2 * HEADER_MAX]].concat();
        assert!(!said(address, &long).await.contains("200 OK"));
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_keeps_others_waiting_for_seconds_only() {
        let (address, ..) = served().await;
        let mut idle = Vec::new();
        for _ in 0..CONNECTIONS {
            idle.push(TcpStream::connect(address).await.unwrap());
        }
        assert!(said(address, CALL).await.ends_with("read"));
        for mut idle in idle {
            let mut answer = Vec::new();
            idle.read_to_end(&mut answer).await.unwrap();
            assert!(!String::from_utf8(answer).unwrap().contains("200 OK"));
        }
    }

    #[tokio::test]
    async fn draining_ends_it_at_once_though_somebody_is_connected_who_says_nothing() {
        let (address, draining, serving) = served().await;
        let _idle = TcpStream::connect(address).await.unwrap();
        assert!(said(address, CALL).await.ends_with("read"), "so the one before was accepted");
        draining.cancel();
        timeout(HEADER / 2, serving).await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
