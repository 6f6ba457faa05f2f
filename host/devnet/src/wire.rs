//! The listener and the connections. Bytes pass through a pipe of our own between the socket and the JSON-RPC
//! server, because that is where faults belong.

use std::sync::Arc;

use jsonrpsee::server::{
    BatchRequestConfig, Methods, RandomStringIdProvider, ServerConfig, ServerHandle, TowerServiceBuilder,
    serve, stop_channel,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::{
    faults::{Exhausted, Switches},
    frames::Requests,
};

/// The length of a node's subscription ids.
const SUBSCRIPTION_ID_LEN: usize = 16;
/// The node's own limits.
const MAX_REQUEST: u32 = 15 * 1024 * 1024;
const MAX_RESPONSE: u32 = 15 * 1024 * 1024;
/// What is under way between socket and server per direction.
const PIPE: usize = 64 * 1024;

/// Accepts connections until it is dropped, and ends them all then.
pub(crate) async fn accept(listener: TcpListener, methods: Methods, switches: Arc<Switches>) {
    let config = ServerConfig::builder()
        .max_request_body_size(MAX_REQUEST)
        .max_response_body_size(MAX_RESPONSE)
        .set_batch_request_config(BatchRequestConfig::Unlimited)
        .set_id_provider(RandomStringIdProvider::new(SUBSCRIPTION_ID_LEN))
        .build();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    let connection = connection(socket, config.clone(), methods.clone(), switches.clone());
                    connections.spawn(connection);
                }
                Err(error) => tracing::debug!(%error, "A connection was not accepted"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(socket: TcpStream, config: ServerConfig, methods: Methods, switches: Arc<Switches>) {
    // Subscribed first: a closing from here on is seen.
    let mut closings = switches.closings();
    let mut hang = switches.hang();
    let slow = switches.slow();
    let limit = switches.limit();
    let (over, mut ended) = watch::channel(None);
    let silent = over.subscribe();
    let (stop, _server): (_, ServerHandle) = stop_channel();
    let service = jsonrpsee::server::Server::builder()
        .set_config(config)
        .to_service_builder();
    let service = TowerServiceBuilder::build(service, methods, stop);
    let (outside, inside) = duplex(PIPE);
    // The answer to a JSON-RPC call is one small packet that must not wait for more.
    drop(socket.set_nodelay(true));
    let (from_client, to_client) = socket.into_split();
    let (from_server, to_server) = tokio::io::split(outside);
    let answers = async {
        let mut from_server = from_server;
        let mut to_client = to_client;
        let mut buffer = vec![0; PIPE];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            if hang.wait_for(|hang| !*hang).await.is_err() {
                break;
            }
            let pause = *slow.borrow();
            tokio::time::sleep(pause).await;
            if *silent.borrow() == Some(Exhausted::Silence) {
                std::future::pending::<()>().await;
            }
            let Some(bytes) = buffer.get(..length) else { break };
            if to_client.write_all(bytes).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        // A closing wins over an answer that is ready.
        biased;
        _ = closings.changed() => {}
        _ = ended.wait_for(|over| *over == Some(Exhausted::Close)) => {}
        () = answers => {}
        _ = async { tokio::join!(requests(from_client, to_server, &limit, &over), serve(inside, service)) } => {}
    }
}

/// Passes on what the client sends, up to the request that is one too many; `over` then tells what happens.
async fn requests(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    limit: &watch::Receiver<Option<(u32, Exhausted)>>,
    over: &watch::Sender<Option<Exhausted>>,
) {
    let mut requests = Requests::default();
    let mut buffer = vec![0; PIPE];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let limit = *limit.borrow();
        let bytes = buffer.get(..length).unwrap_or_default();
        let beyond = requests.beyond(bytes, limit.map(|(requests, _)| requests));
        let bytes = bytes.get(..beyond.unwrap_or(length)).unwrap_or_default();
        if to.write_all(bytes).await.is_err() {
            break;
        }
        if let (Some(_), Some((_, then))) = (beyond, limit) {
            over.send_replace(Some(then));
            // A client that gives up ends it.
            drop(tokio::io::copy(&mut from, &mut tokio::io::sink()).await);
            over.send_replace(Some(Exhausted::Close));
        }
    }
    drop(to.shutdown().await);
}
