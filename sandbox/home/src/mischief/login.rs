//! Connecting to the broker.

use futures_util::future::join;

use super::{Fault, message};
use crate::rogue::{Login, Publish, Rogue, Will};
use crate::stream::Shared;
use crate::{Answer, HomeStatus};

/// Connections of a flood, one after the other.
const FLOOD: usize = 20;

impl Shared {
    /// A login that is fine, under a client id of its own.
    pub(super) fn login(&self) -> Login {
        Login::new(
            &self.credentials,
            format!("rogue-{}", self.random.uuid().simple()),
        )
    }

    /// Where a rogue finds the broker.
    pub(super) fn broker(&self) -> String {
        let named = self.mischief.broker.clone();
        named.unwrap_or_else(|| {
            let uri = &self.credentials.server_uri;
            uri.split_once("://")
                .map_or(uri.as_str(), |it| it.1)
                .to_owned()
        })
    }

    /// Connects with this login.
    pub(super) async fn rogue(&self, login: &Login) -> Result<Rogue, Answer> {
        Rogue::connect(&self.broker(), login).await
    }
}

pub(super) async fn carry_out(shared: &Shared, fault: Fault) -> Vec<Answer> {
    let victim = shared.mischief.victim();
    let mut login = shared.login();
    match fault {
        Fault::ForeignPermission => login.username = victim.permission.to_string(),
        Fault::AnotherClientId => login.client_id = victim.permission.to_string(),
        Fault::WrongPassword => login.password.push('x'),
        Fault::HugeClientId => login.client_id = "x".repeat(usize::from(u16::MAX)),
        Fault::Empty => login.client_id.clear(),
        Fault::SessionExpiry => login.session_expiry = Some(u32::MAX),
        Fault::ForeignWill => {
            let told = message::status(shared, HomeStatus::Revoked, shared.clock.now());
            login.will = told.map(|told| Will {
                topic: format!("aiida/v1/{}/status", victim.permission),
                payload: told.payload,
            });
        }
        Fault::Parallel => {
            let (one, two) = join(tried(shared, &login), tried(shared, &login)).await;
            return vec![one, two];
        }
        Fault::Flood => {
            let mut answers = Vec::new();
            for _ in 0..FLOOD {
                answers.push(tried(shared, &shared.login()).await);
            }
            return answers;
        }
        Fault::HalfOpen => return vec![silent(shared).await],
        Fault::MidMessage => return vec![broken_off(shared).await],
        Fault::Truncated => return vec![garbage(shared).await],
        Fault::Duplicate => return twice(shared, &login).await,
        // Not to connect, or much later, is the home's own affair.
        _ => return Vec::new(),
    }
    vec![tried(shared, &login).await]
}

/// With the credentials of a permission that has ended; and the household's answer once more.
pub(super) async fn after_the_end(shared: &Shared) -> Vec<Answer> {
    let login = tried(shared, &shared.login()).await;
    vec![login, shared.door.accept_again().await]
}

/// Connects, and is gone without a word.
async fn tried(shared: &Shared, login: &Login) -> Answer {
    match shared.rogue(login).await {
        Ok(mut rogue) => rogue.ping().await,
        Err(answer) => answer,
    }
}

/// A connection on which nothing is said.
async fn silent(shared: &Shared) -> Answer {
    match Rogue::open(&shared.broker()).await {
        Ok(mut rogue) => rogue.ended().await,
        Err(answer) => answer,
    }
}

/// A message before the login, and only half of it.
async fn broken_off(shared: &Shared) -> Answer {
    match Rogue::open(&shared.broker()).await {
        Ok(rogue) => {
            let topic = &shared.credentials.status_topic;
            rogue.break_off(&Publish::new(topic, &[0; 100])).await
        }
        Err(answer) => answer,
    }
}

/// Another protocol altogether.
async fn garbage(shared: &Shared) -> Answer {
    let said = async {
        let mut rogue = Rogue::open(&shared.broker()).await?;
        rogue
            .send(b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n")
            .await?;
        Ok(rogue.ended().await)
    };
    said.await.unwrap_or_else(|answer: Answer| answer)
}

/// A second login on the same connection.
async fn twice(shared: &Shared, login: &Login) -> Vec<Answer> {
    let mut rogue = match shared.rogue(login).await {
        Ok(rogue) => rogue,
        Err(answer) => return vec![answer],
    };
    let again = rogue.login_again(login).await;
    vec![
        Answer::Taken,
        again.err().unwrap_or(Answer::Taken),
        rogue.ended().await,
    ]
}
