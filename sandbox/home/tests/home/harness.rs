//! A home, a facade, a broker and an observer at the broker, put together for one test.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use home::{Generation, Home, HomeStatus, Options, PermissionReport};
use paho_mqtt::{
    AsyncClient, AsyncReceiver, ConnectOptionsBuilder, CreateOptionsBuilder, Message,
    PersistenceType, QoS,
};
use serde_json::{Value, json};
use test_support::wait;
use uuid::Uuid;

use crate::broker::Broker;
use crate::facade::Facade;

pub(crate) const PERMISSION: &str = "22222222-2222-4222-8222-222222222222";
pub(crate) const EDDIE: &str = "11111111-1111-4111-8111-111111111111";
pub(crate) const NEED: &str = "44444444-4444-4444-8444-444444444444";
pub(crate) const PASSWORD: &str = "only-given-once";
pub(crate) const TOKEN: &str = "head.claims.signature";
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Everything one test needs.
pub(crate) struct Stage {
    pub(crate) broker: Broker,
    pub(crate) facade: Facade,
    pub(crate) observer: Observer,
}

impl Stage {
    /// A facade whose one permission is `need`, accepted with credentials the broker knows.
    pub(crate) async fn set(need: Value) -> Self {
        let broker = Broker::start(&[(PERMISSION, PASSWORD)]);
        let facade = Facade::start();
        let stage = Self {
            observer: Observer::connect(broker.open).await,
            broker,
            facade,
        };
        stage.invite(PERMISSION, &need);
        stage
    }

    /// From now on the facade knows this permission, and answers its yes; that of no other.
    pub(crate) fn invite(&self, permission: &str, need: &Value) {
        let replace = |value: &Value| -> Value {
            let text = value.to_string().replace(PERMISSION, permission);
            serde_json::from_str(&text).unwrap()
        };
        let inbound = need["type"] == "inbound-aiida";
        self.facade.details(permission, replace(&details(need)));
        let answer = credentials("tcp", self.broker.plain, inbound);
        self.facade.on_accept(200, replace(&answer));
    }

    /// The literal code of each generation.
    pub(crate) fn code(&self, generation: Generation) -> String {
        if generation != Generation::November2025 {
            return self.bundle_code(&[PERMISSION]);
        }
        let base = &self.facade.base;
        let code = json!({
            "eddieId": EDDIE,
            "permissionId": PERMISSION,
            "serviceName": "Energy service",
            "handshakeUrl": format!("{base}/permission-request/{PERMISSION}"),
            "bearerToken": TOKEN
        });
        STANDARD.encode(code.to_string())
    }

    /// The literal code of homes of 2026 for these permissions.
    pub(crate) fn bundle_code(&self, permissions: &[&str]) -> String {
        let base = &self.facade.base;
        let code = json!({
            "eddieId": EDDIE,
            "permissionIds": permissions,
            "handshakeUrl": format!("{base}/permission-request/{{permissionId}}"),
            "accessToken": TOKEN
        });
        STANDARD.encode(code.to_string())
    }

    /// A home that has scanned and accepted.
    pub(crate) async fn home(&self, generation: Generation) -> Home {
        let home = Home::start(options(generation));
        let ids = home.scan(&self.code(generation)).await.unwrap();
        assert_eq!(ids, [id()]);
        home
    }
}

pub(crate) fn options(generation: Generation) -> Options {
    Options {
        connect_timeout: Duration::from_secs(5),
        reconnect_after: Duration::from_millis(50),
        reconnect_at_most: Duration::from_millis(200),
        ..Options::new(generation)
    }
}

pub(crate) fn id() -> Uuid {
    PERMISSION.parse().unwrap()
}

pub(crate) fn topic(rest: &str) -> String {
    format!("aiida/v1/{PERMISSION}/{rest}")
}

pub(crate) fn report(home: &Home) -> PermissionReport {
    home.report().permission(id()).unwrap().clone()
}

/// Waits until the permission's report is as wanted.
pub(crate) async fn until(
    home: &Home,
    what: &str,
    wanted: impl Fn(&PermissionReport) -> bool,
) -> PermissionReport {
    let mut last = report(home);
    let found = tokio::time::timeout(LIMIT, async {
        loop {
            last = report(home);
            if wanted(&last) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let found = found.await.is_ok();
    assert!(
        found,
        "waited {LIMIT:?} in vain: {what}; the report says {last:#?}"
    );
    last
}

pub(crate) async fn until_status(home: &Home, status: HomeStatus) -> PermissionReport {
    let what = format!("status {status:?}");
    until(home, &what, |report| report.status == status).await
}

pub(crate) fn outbound(schemas: &[&str]) -> Value {
    json!({
        "type": "outbound-aiida",
        "id": NEED,
        "name": "Power now",
        "description": "What the household uses",
        "purpose": "Steering",
        "policyLink": "https://ep.example/policy",
        "transmissionSchedule": "* * * * * *",
        "asset": "CONNECTION-AGREEMENT-POINT",
        "schemas": schemas,
        "dataTags": ["1-0:1.8.0", "1-0:1.7.0"],
        "allowedPermissionCommands": ["UPDATE_TRANSMISSION_SCHEDULE", "SET_TRANSMISSION_ENABLED"]
    })
}

pub(crate) fn inbound() -> Value {
    json!({
        "type": "inbound-aiida",
        "id": NEED,
        "name": "Limits",
        "purpose": "Steering",
        "policyLink": "https://ep.example/policy",
        "transmissionSchedule": "* * * * * *",
        "asset": "CONTROLLABLE-UNIT",
        "acknowledgementRequired": true,
        "schemas": ["MIN-MAX-ENVELOPE-CIM-V1-12", "OPAQUE"]
    })
}

/// The literal answer to ACCEPT.
pub(crate) fn credentials(scheme: &str, port: u16, inbound: bool) -> Value {
    let data = if inbound {
        "data/inbound/+"
    } else {
        "data/outbound"
    };
    json!({
        "serverUri": format!("{scheme}://localhost:{port}"),
        "username": PERMISSION,
        "password": PASSWORD,
        "dataTopic": topic(data),
        "statusTopic": topic("status"),
        "commandTopic": topic("command/+"),
        "terminationTopic": topic("termination"),
        "acknowledgementTopic": inbound.then(|| topic("acknowledgement"))
    })
}

/// Literal details around a data need, from today on.
pub(crate) fn details(need: &Value) -> Value {
    details_from(need, &today())
}

/// The same with a start of one's own.
pub(crate) fn details_from(need: &Value, start: &str) -> Value {
    json!({
        "eddie_id": EDDIE,
        "permission_request": {
            "permission_id": PERMISSION,
            "connection_id": "flat 7",
            "data_need_id": NEED,
            "meter_id": null,
            "start": start,
            "end": "2999-12-31"
        },
        "data_need": need
    })
}

pub(crate) fn today() -> String {
    let now = service_kit::clock::SystemClock::shared().now();
    now.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

/// A client on the broker's open port that sees everything and may say anything.
pub(crate) struct Observer {
    client: AsyncClient,
    messages: AsyncReceiver<Option<Message>>,
    seen: std::sync::Mutex<Vec<Message>>,
}

impl Observer {
    pub(crate) async fn connect(port: u16) -> Self {
        Self::connect_as(port, "observer").await
    }

    /// The same with somebody else's client id.
    pub(crate) async fn connect_as(port: u16, client_id: &str) -> Self {
        let mut client = CreateOptionsBuilder::new()
            .server_uri(format!("tcp://localhost:{port}"))
            .client_id(client_id)
            .persistence(PersistenceType::None)
            .create_client()
            .unwrap();
        let messages = client.get_stream(None::<usize>);
        let options = ConnectOptionsBuilder::new_v5().clean_start(true).finalize();
        client.connect(options).await.unwrap();
        client.subscribe("aiida/#", 2).await.unwrap();
        Self {
            client,
            messages,
            seen: std::sync::Mutex::default(),
        }
    }

    pub(crate) async fn say(&self, rest: &str, payload: impl Into<Vec<u8>>, retained: bool) {
        let payload = payload.into();
        let message = if retained {
            Message::new_retained(topic(rest), payload, QoS::ExactlyOnce)
        } else {
            Message::new(topic(rest), payload, QoS::ExactlyOnce)
        };
        self.client.publish(message).await.unwrap();
    }

    /// Everything seen so far on this topic.
    pub(crate) fn seen(&self, rest: &str) -> Vec<Message> {
        let mut seen = self.seen.lock().unwrap();
        while let Ok(message) = self.messages.try_recv() {
            seen.extend(message);
        }
        let on_topic = seen.iter().filter(|message| message.topic() == topic(rest));
        on_topic.cloned().collect()
    }

    /// Waits for `count` messages on this topic.
    pub(crate) async fn wait(&self, rest: &str, count: usize) -> Vec<Message> {
        let what = format!("{count} messages on {rest}");
        wait::until(LIMIT, &what, async || {
            let seen = self.seen(rest);
            (seen.len() >= count).then_some(seen)
        })
        .await
    }

    /// What a newcomer is told on this topic: the kept message.
    pub(crate) async fn kept(&self, port: u16, rest: &str) -> Message {
        let newcomer = Self::connect_as(port, "newcomer").await;
        let kept = newcomer.wait(rest, 1).await.remove(0);
        assert!(kept.retained());
        kept
    }
}

pub(crate) fn json_of(message: &Message) -> Value {
    serde_json::from_slice(message.payload()).unwrap()
}

pub(crate) fn command(action: &str, more: &Value) -> String {
    let mut command = json!({
        "action": action,
        "regionConnectorId": "aiida",
        "permissionId": PERMISSION
    });
    for (key, value) in more.as_object().unwrap() {
        command[key] = value.clone();
    }
    command.to_string()
}
