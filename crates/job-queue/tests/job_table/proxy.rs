//! Between a pool and its database: forwards, until the other side goes silent.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(crate) struct Proxy {
    /// The address to use in place of the database's.
    pub(crate) url: String,
    silence: watch::Sender<()>,
}

impl Proxy {
    pub(crate) async fn before(url: &str) -> Self {
        let (front, database) = url.rsplit_once('/').unwrap();
        let (front, port) = front.rsplit_once(':').unwrap();
        let port: u16 = port.parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (silence, silenced) = watch::channel(());
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut silenced = silenced.clone();
                silenced.mark_unchanged();
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        // Nobody hangs up.
                        _ = silenced.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self {
            url: format!("{front}:{own}/{database}"),
            silence,
        }
    }

    /// As when the database's host vanishes: on the connections of before, nothing comes through any more. New ones
    /// reach the one that took its place.
    pub(crate) fn go_silent(&self) {
        self.silence.send_replace(());
    }
}
