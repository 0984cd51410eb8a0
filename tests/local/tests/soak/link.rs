//! A TCP proxy in front of an endpoint, whose connections can be reset and held.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    resets: watch::Sender<()>,
    held: watch::Sender<bool>,
}

impl Link {
    /// Starts a proxy. While nothing listens at the target, it closes connections at once.
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (resets, held) = (watch::Sender::new(()), watch::Sender::new(false));
        let link = Self { address, resets: resets.clone(), held: held.clone() };
        tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else { continue };
                let (mut reset, held) = (resets.subscribe(), held.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = forward(client, target, held) => {}
                        _ = reset.changed() => {}
                    }
                });
            }
        });
        link
    }

    /// Closes all connections, whatever they carry.
    pub(crate) fn reset(&self) {
        self.resets.send_replace(());
    }

    /// Holds back all bytes, or lets them pass again.
    pub(crate) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }
}

async fn forward(client: TcpStream, target: SocketAddr, held: watch::Sender<bool>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        () = pump(from_client, to_server, held.subscribe()) => {}
        () = pump(from_server, to_client, held.subscribe()) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut held: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if held.wait_for(|held| !held).await.is_err() || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
