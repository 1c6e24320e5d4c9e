//! A caller of the REST API.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Method, StatusCode};

use super::API;

pub(crate) struct Rest {
    client: reqwest::Client,
    base: String,
}

impl Rest {
    pub(crate) fn new(address: SocketAddr) -> Self {
        service_kit::http::install_tls_provider();
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        let base = format!("http://{address}");
        Self { client, base }
    }

    pub(crate) async fn as_user(
        &self,
        user: (&str, &str),
        method: Method,
        path: &str,
    ) -> (StatusCode, String) {
        let request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .basic_auth(user.0, Some(user.1));
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> serde_json::Value {
        let (status, body) = self.as_user(API, Method::GET, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> (StatusCode, String) {
        self.as_user(API, Method::DELETE, path).await
    }

    /// Client ids of a user, in their order.
    pub(crate) async fn clients_of(&self, username: &str) -> Vec<String> {
        let answer = self
            .get(&format!("/api/v5/clients?username={username}"))
            .await;
        let clients = answer["data"].as_array().unwrap().iter();
        clients
            .map(|client| client["clientid"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) async fn kick(&self, client_id: &str) {
        let (status, body) = self.delete(&format!("/api/v5/clients/{client_id}")).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{client_id}: {body}");
    }
}
