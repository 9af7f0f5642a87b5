use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use isopolity_domain::{Clock as _, clock::SystemClock};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsConnector;

use super::*;
use crate::{Identity, LeafKeeper, testing::city, tls::api_server_config};

/// Someone who calls and never reads, and the listener's end of that connection.
async fn deaf_caller(limits: ListenerLimits) -> (impl Sized, Connection<CallerAddress>) {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemClock.now();
    let city = Identity::create(folder.path(), &city("feira.example"), now).unwrap();
    let keeper = LeafKeeper::api(city.clone(), vec!["localhost".to_owned()], now).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut incoming = accept_callers(listener, api_server_config(&keeper), limits);
    let config = tls::client_config(&city.ca_pem()).unwrap();
    let tcp = TcpStream::connect(address).await.unwrap();
    let shaking = TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), tcp);
    let (caller, taken) = tokio::join!(shaking, incoming.next());
    ((caller.unwrap(), incoming), taken.unwrap().unwrap())
}

#[tokio::test]
async fn who_takes_nothing_of_what_is_written_to_him_is_cut_off() {
    let limits = ListenerLimits { stall: Duration::from_millis(50), ..ListenerLimits::default() };
    let (_caller, mut connection) = deaf_caller(limits).await;
    let piece = vec![0; 64 << 10];
    let error = loop {
        if let Err(error) = connection.write_all(&piece).await {
            break error;
        }
    };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
}
