//! Between the service and its database: forwards, until it is told to lose the answer of a commit, or to let nobody
//! through.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

#[derive(Clone, Default)]
pub(crate) struct Proxy {
    /// The next commit after a credential was stored arrives, and its answer does not.
    armed: Arc<AtomicBool>,
    /// No connection comes through, and none stays.
    cut: Arc<watch::Sender<bool>>,
}

impl Proxy {
    pub(crate) fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn cut_off(&self, cut: bool) {
        self.cut.send_replace(cut);
    }

    pub(crate) fn has_struck(&self) -> bool {
        !self.armed.load(Ordering::SeqCst)
    }

    /// The address to use in place of this one.
    pub(crate) fn before(&self, url: &str) -> String {
        let url = url::Url::parse(url).unwrap();
        let real = SocketAddr::new(
            url.host_str().unwrap().parse().unwrap(),
            url.port().unwrap(),
        );
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let proxy = self.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let proxy = proxy.clone();
                tokio::spawn(async move {
                    let mut cut = proxy.cut.subscribe();
                    let forwarding = async {
                        let server = TcpStream::connect(real).await.unwrap();
                        proxy.forward(client, server).await;
                    };
                    tokio::select! {
                        biased;
                        _ = cut.wait_for(|cut| *cut) => {}
                        () = forwarding => {}
                    }
                });
            }
        });
        let mut through = url.clone();
        through.set_port(Some(address.port())).unwrap();
        through.to_string()
    }

    async fn forward(&self, client: TcpStream, server: TcpStream) {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let mut back = JoinSet::new();
        back.spawn(async move {
            let _copied = tokio::io::copy(&mut from_server, &mut to_client).await;
        });
        let mut stores_credential = false;
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read) = from_client.read(&mut buffer).await {
            if read == 0 {
                break;
            }
            let said = String::from_utf8_lossy(&buffer[..read]);
            stores_credential |= said.contains("\"credential\"");
            let strikes = said.contains("COMMIT")
                && stores_credential
                && self.armed.swap(false, Ordering::SeqCst);
            if strikes {
                // Nothing of the answer comes through.
                back.shutdown().await;
                to_server.write_all(&buffer[..read]).await.unwrap();
                // Postgres carries it out although nobody listens any more.
                tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                return;
            }
            if to_server.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
    }
}
