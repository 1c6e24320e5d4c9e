//! A stack whose settings change while it runs, and whose database is put away and back.

use super::{DATABASE, Stack, StackError};

impl Stack {
    /// What processes that are started now are told.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        let found = self.settings.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Changes a setting; processes that run already are not told.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Starts a replica with the present settings, and then ends the oldest in order.
    pub fn replace(&mut self, name: &str) -> Result<(), StackError> {
        self.add(name)?;
        self.terminate(name)
    }

    /// Throws the database away and makes an empty one of its name.
    pub async fn empty_database(&self) -> Result<(), StackError> {
        for statement in [
            format!("DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"),
            format!("CREATE DATABASE {DATABASE}"),
        ] {
            self.cluster.sql("postgres", &statement).await?;
        }
        Ok(())
    }

    /// The database's address for a login of somebody else's making, without a password.
    #[must_use]
    pub fn database_url_of(&self, login: &str) -> String {
        self.cluster.url_as(login, "", DATABASE).replace(":@", "@")
    }
}
