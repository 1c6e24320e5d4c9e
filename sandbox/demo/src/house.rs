//! A home with one permission.

use home::{Generation, Home, Options, PermissionReport};
use uuid::Uuid;

use crate::party::Asked;
use crate::{BoxError, Site};

/// What homes are asked for: ids of data needs, which the operator's file has.
#[derive(Debug, Clone)]
pub struct Needs {
    /// Raw readings, out of the home.
    pub live_raw: String,
    /// Limits of power, into the home.
    pub power_limits: String,
}

impl Default for Needs {
    /// Those of `data-needs.json`.
    fn default() -> Self {
        Self {
            live_raw: "3f1c6d5a-7c1e-4a7e-9d55-2b8a4f0e1a02".to_owned(),
            power_limits: "3f1c6d5a-7c1e-4a7e-9d55-2b8a4f0e1a03".to_owned(),
        }
    }
}

/// A home with one permission.
pub struct House {
    /// The home.
    pub home: Home,
    /// Its permission.
    pub permission: Uuid,
}

impl House {
    /// What a home in front of this site is started with.
    #[must_use]
    pub fn options(site: &Site, generation: Generation) -> Options {
        Options {
            authority: Some(site.authority.clone()),
            ..Options::new(generation)
        }
    }

    /// Scans a code and says yes, once.
    pub async fn scan(options: Options, code: &str) -> Result<Self, BoxError> {
        let home = Home::start(options);
        let permissions = home.scan(code).await?;
        let permission = *permissions.first().ok_or("the code holds no permission")?;
        Ok(Self { home, permission })
    }

    /// What the home knows of it.
    pub fn report(&self) -> Result<PermissionReport, BoxError> {
        let report = self.home.report();
        Ok(report
            .permission(self.permission)
            .cloned()
            .ok_or("the home knows nothing of its permission")?)
    }
}

impl Asked {
    /// The code that a home of this generation can scan.
    pub fn code_for(&self, generation: Generation) -> Result<&str, BoxError> {
        if generation == Generation::November2025 {
            let older = self.older_codes.first();
            return Ok(&older.ok_or("no code for older homes")?.code);
        }
        Ok(&self.code)
    }
}
