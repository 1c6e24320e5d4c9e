//! A third party's notification endpoint.

use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::Certificates;

/// How long a notification may take before a test says that it never came.
const DEADLINE: Duration = Duration::from_secs(20);

/// A third party's notification endpoint.
pub(crate) struct Inbox {
    pub(crate) url: String,
    bodies: UnboundedReceiver<String>,
}

impl Inbox {
    /// Answers the first `refusals` notifications with 503 and takes the others.
    pub(crate) fn open(refusals: usize) -> Self {
        Self::listen(refusals, None)
    }

    /// Takes all notifications over TLS, with the certificate of `localhost`.
    pub(crate) fn open_tls(certificates: &Certificates) -> Self {
        service_kit::http::install_tls_provider();
        let (certificate, key) = &certificates.server;
        let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        Self::listen(0, Some(config.with_single_cert(chain, key).unwrap()))
    }

    fn listen(refusals: usize, tls: Option<ServerConfig>) -> Self {
        let (sender, bodies) = unbounded_channel();
        let left = std::sync::Arc::new(std::sync::Mutex::new(refusals));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let port = listener.local_addr().unwrap().port();
        let url = format!("{scheme}://localhost:{port}/espi/notification");
        let server = HttpServer::new(move || {
            let (sender, left) = (sender.clone(), left.clone());
            let take = move |body: String| {
                let (sender, left) = (sender.clone(), left.clone());
                async move {
                    let mut left = left.lock().unwrap();
                    if *left > 0 {
                        *left -= 1;
                        return HttpResponse::ServiceUnavailable().finish();
                    }
                    sender.send(body).unwrap();
                    HttpResponse::Ok().finish()
                }
            };
            App::new().route("/espi/notification", web::post().to(take))
        });
        let server = server.workers(1).disable_signals();
        let server = match tls {
            Some(tls) => server.listen_rustls_0_23(listener, tls),
            None => server.listen(listener),
        };
        tokio::spawn(server.unwrap().run());
        Self { url, bodies }
    }

    /// The links of the next notification.
    pub(crate) async fn next(&mut self) -> Vec<String> {
        let body = tokio::time::timeout(DEADLINE, self.bodies.recv()).await;
        let body = body
            .expect("a notification in time")
            .expect("an open inbox");
        espi::notification::parse(body.as_bytes()).unwrap()
    }

    /// True when nothing has come that nobody looked at.
    pub(crate) fn is_empty(&mut self) -> bool {
        self.bodies.is_empty()
    }
}
