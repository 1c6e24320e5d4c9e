//! One connection as the broker asks about it: who is it, what may it do. Each connection has its
//! own of these, so that a denial can end exactly that one.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use mqtt5::MqttError;
use mqtt5::broker::{AuthProvider, AuthResult, BrokerEventHandler, ClientConnectEvent};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;
use service_kit::clock::SharedClock;
use service_kit::secret::{ExposeSecret as _, Secret};
use subtle::ConstantTimeEq as _;

use crate::accounts::{Accounts, AccountsError};
use crate::acl::{self, Action};
use crate::clients::Clients;
use crate::registry::{Held, Link, Strings};
use crate::throttle::Throttle;

/// The answer of a boxed check.
type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What all connections share.
pub(crate) struct Door {
    pub(crate) accounts: Accounts,
    pub(crate) clients: Clients,
    pub(crate) party_username: String,
    pub(crate) party_password: Secret,
    pub(crate) home_rate: u32,
    pub(crate) clock: SharedClock,
    pub(crate) number: AtomicU64,
}

/// Why a login is refused.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("there is no such user")]
    Unknown,
    #[error("the password is wrong")]
    Password,
    #[error("the client id is another user's")]
    ClientId,
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    #[error("the sessions cannot be read: {0}")]
    Sessions(#[from] MqttError),
}

impl Refusal {
    /// As EMQX answers: a database that is down looks like an unknown user.
    const fn reason(&self) -> ReasonCode {
        match self {
            Self::Password => ReasonCode::BadUsernameOrPassword,
            Self::ClientId => ReasonCode::ClientIdentifierNotValid,
            Self::Unknown | Self::Accounts(_) | Self::Sessions(_) => ReasonCode::NotAuthorized,
        }
    }
}

/// Who has logged in.
struct Known {
    username: String,
    client_id: String,
    is_party: bool,
}

pub(crate) struct Connection {
    door: Arc<Door>,
    number: u64,
    pub(crate) strings: Strings,
    known: OnceLock<Known>,
    /// Set once the client has its CONNACK: what is denied before that ends nothing.
    open: AtomicBool,
    throttle: Throttle,
}

impl Connection {
    pub(crate) fn new(door: Arc<Door>) -> Self {
        Self {
            number: door.number.fetch_add(1, Ordering::Relaxed),
            strings: Strings::new(),
            known: OnceLock::new(),
            open: AtomicBool::new(false),
            throttle: Throttle::new(door.home_rate),
            door,
        }
    }

    /// To be called when nothing of the connection is left.
    pub(crate) fn leave(&self) {
        if let Some(known) = self.known.get() {
            self.door
                .clients
                .registry
                .leave(&known.client_id, self.number);
        }
        self.strings.ended.cancel();
    }

    async fn login(&self, connect: &ConnectPacket) -> Result<String, Refusal> {
        let username = connect.username.as_deref().ok_or(Refusal::Unknown)?;
        let password = connect.password.as_deref().unwrap_or_default();
        let client_id = connect.client_id.as_str();
        if username == self.door.party_username {
            let expected = self.door.party_password.expose_secret().as_bytes();
            if !bool::from(expected.ct_eq(password)) {
                return Err(Refusal::Password);
            }
            self.take(client_id, username, connect.protocol_version, true)
                .await?;
            return Ok(username.to_owned());
        }
        let accounts = &self.door.accounts;
        let hash = accounts.hash(username).await?.ok_or(Refusal::Unknown)?;
        let is_password = accounts.is_password(password.to_vec(), hash.clone());
        if !is_password.await? {
            return Err(Refusal::Password);
        }
        self.take(client_id, username, connect.protocol_version, false)
            .await?;
        // From here on the connection is seen by whoever looks for this user's connections. A user
        // who was removed before that must not slip through.
        if accounts.hash(username).await?.as_ref() != Some(&hash) {
            return Err(Refusal::Unknown);
        }
        Ok(username.to_owned())
    }

    /// Takes the client id for this connection, for as long as it lives.
    async fn take(
        &self,
        client_id: &str,
        username: &str,
        protocol: u8,
        is_party: bool,
    ) -> Result<(), Refusal> {
        let clients = &self.door.clients;
        let is_entitled = is_party || client_id == username;
        if !is_entitled
            && (client_id == self.door.party_username
                || self.door.accounts.hash(client_id).await?.is_some())
        {
            return Err(Refusal::ClientId);
        }
        let link = || Link {
            strings: self.strings.clone(),
            protocol,
            connected_at: self.door.clock.now(),
        };
        let claim = || {
            clients
                .registry
                .claim(client_id, username, self.number, link())
        };
        if claim() == Err(Held) {
            if !is_entitled {
                return Err(Refusal::ClientId);
            }
            clients.kick(client_id).await?;
            claim().map_err(|Held| Refusal::ClientId)?;
        }
        let known = Known {
            username: username.to_owned(),
            client_id: client_id.to_owned(),
            is_party,
        };
        // A connection logs in once.
        if self.known.set(known).is_err() {
            return Err(Refusal::ClientId);
        }
        let session = clients.store.session(client_id).await?;
        let is_foreign =
            session.is_some_and(|session| session.user_id.as_deref() != Some(username));
        if is_foreign && !is_entitled {
            return Err(Refusal::ClientId);
        }
        if is_foreign {
            clients.store.forget(client_id).await?;
        }
        Ok(())
    }

    async fn may(&self, action: Action, topic: &str) -> bool {
        let Some(known) = self.known.get() else {
            return false;
        };
        if known.is_party {
            return true;
        }
        if action == Action::Publish {
            self.throttle.pass().await;
        }
        // Whoever joins a group takes messages from the others in it.
        let is_shared = action == Action::Subscribe && topic.starts_with("$share/");
        let allowed = !is_shared
            && match self.door.accounts.rules(&known.username).await {
                Ok(rules) => acl::allows(&rules, action, topic),
                Err(error) => {
                    tracing::warn!(%error, "denied: access cannot be checked");
                    false
                }
            };
        if !allowed && self.open.load(Ordering::Acquire) {
            tracing::info!(username = known.username, ?action, "denied, disconnecting");
            self.strings.end();
        }
        allowed
    }
}

impl AuthProvider for Connection {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        _address: SocketAddr,
    ) -> Answer<'a, Result<AuthResult, MqttError>> {
        Box::pin(async move {
            Ok(match self.login(connect).await {
                Ok(username) => AuthResult::success_with_user(username),
                Err(refusal) => {
                    match refusal {
                        Refusal::Accounts(_) | Refusal::Sessions(_) => {
                            tracing::warn!(%refusal, "login refused");
                        }
                        _ => tracing::info!(%refusal, "login refused"),
                    }
                    AuthResult::fail(refusal.reason())
                }
            })
        })
    }

    fn authorize_publish<'a>(
        &'a self,
        _client_id: &str,
        _user_id: Option<&'a str>,
        topic: &'a str,
    ) -> Answer<'a, bool> {
        Box::pin(self.may(Action::Publish, topic))
    }

    fn authorize_subscribe<'a>(
        &'a self,
        _client_id: &str,
        _user_id: Option<&'a str>,
        topic_filter: &'a str,
    ) -> Answer<'a, bool> {
        Box::pin(self.may(Action::Subscribe, topic_filter))
    }
}

impl BrokerEventHandler for Connection {
    fn on_client_connect(&self, _event: ClientConnectEvent) -> Answer<'_, ()> {
        Box::pin(async { self.open.store(true, Ordering::Release) })
    }
}
