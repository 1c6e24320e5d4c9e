//! Who is connected under which client id. A client id belongs to one user as long as any of its
//! connections lives; a second connection of the same user takes the session over, as MQTT has it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// The strings by which an open connection is pulled. Clones pull the same ones.
#[derive(Debug, Clone)]
pub(crate) struct Strings {
    /// Makes the connection say goodbye and end.
    end: broadcast::Sender<()>,
    /// Cuts it without a word, when it does not end by itself.
    pub(crate) cut: CancellationToken,
    /// Cancelled when nothing of it is left.
    pub(crate) ended: CancellationToken,
}

impl Strings {
    pub(crate) fn new() -> Self {
        Self {
            end: broadcast::Sender::new(1),
            cut: CancellationToken::new(),
            ended: CancellationToken::new(),
        }
    }

    /// What the connection itself listens to.
    pub(crate) fn goodbye(&self) -> broadcast::Receiver<()> {
        self.end.subscribe()
    }

    /// Asks the connection to end. One that has ended does not hear it.
    pub(crate) fn end(&self) {
        if self.end.send(()).is_err() {
            tracing::trace!("the connection has ended already");
        }
    }
}

/// A connection that has logged in.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) strings: Strings,
    pub(crate) protocol: u8,
    pub(crate) connected_at: Timestamp,
}

struct Holder {
    username: String,
    links: HashMap<u64, Link>,
}

/// The client id is another user's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Held;

/// A connection as the REST API shows it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) client_id: String,
    pub(crate) username: String,
    pub(crate) protocol: u8,
    pub(crate) connected_at: Timestamp,
}

#[derive(Default)]
pub(crate) struct Registry {
    holders: Mutex<HashMap<String, Holder>>,
}

impl Registry {
    /// Enters connection `number` of `username` under `client_id`.
    pub(crate) fn claim(
        &self,
        client_id: &str,
        username: &str,
        number: u64,
        link: Link,
    ) -> Result<(), Held> {
        let mut holders = self.lock();
        let holder = holders
            .entry(client_id.to_owned())
            .or_insert_with(|| Holder {
                username: username.to_owned(),
                links: HashMap::new(),
            });
        if holder.username != username {
            return Err(Held);
        }
        holder.links.insert(number, link);
        Ok(())
    }

    /// Strikes connection `number` out.
    pub(crate) fn leave(&self, client_id: &str, number: u64) {
        let mut holders = self.lock();
        if let Some(holder) = holders.get_mut(client_id) {
            holder.links.remove(&number);
            if holder.links.is_empty() {
                holders.remove(client_id);
            }
        }
    }

    /// What pulls the connections under `client_id`.
    pub(crate) fn strings(&self, client_id: &str) -> Vec<Strings> {
        let holders = self.lock();
        let links = holders.get(client_id).map(|holder| holder.links.values());
        links
            .into_iter()
            .flatten()
            .map(|link| link.strings.clone())
            .collect()
    }

    /// Every client id with an open connection, its newest one.
    pub(crate) fn all(&self) -> Vec<Seen> {
        let holders = self.lock();
        let seen = |(client_id, holder): (&String, &Holder)| {
            let newest = holder.links.iter().max_by_key(|(number, _)| **number)?.1;
            Some(Seen {
                client_id: client_id.clone(),
                username: holder.username.clone(),
                protocol: newest.protocol,
                connected_at: newest.connected_at,
            })
        };
        holders.iter().filter_map(seen).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Holder>> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link {
            strings: Strings::new(),
            protocol: 5,
            connected_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_client_id_belongs_to_one_user_until_its_last_connection_ends() {
        let registry = Registry::default();
        assert_eq!(registry.claim("c", "ada", 1, link()), Ok(()));
        assert_eq!(registry.claim("c", "bob", 2, link()), Err(Held));
        assert_eq!(registry.claim("c", "ada", 3, link()), Ok(()));
        assert_eq!(registry.strings("c").len(), 2);
        assert_eq!(registry.all().len(), 1, "one client id is one client");
        registry.leave("c", 1);
        assert_eq!(registry.claim("c", "bob", 4, link()), Err(Held));
        registry.leave("c", 3);
        registry.leave("c", 3);
        assert_eq!(registry.claim("c", "bob", 5, link()), Ok(()));
    }
}
