//! Which token may see what: PG&E's classes, and the one consent a customer's token stands for.

use actix_web::http::StatusCode;
use service_kit::secret::ExposeSecret as _;

use super::Refusal;
use super::feed::Group;
use crate::config::ExpiredToken;
use crate::gateway::Credentials;
use crate::grants::{Authorization, Bearer, DataGroups, Refused};
use crate::model::{Customer, UsagePoint};
use crate::world::World;

/// Who asks, by a token that is good.
#[derive(Debug, Clone)]
pub(super) enum Caller {
    /// A third party for itself.
    Client(String),
    /// A third party for the customer of this authorization.
    Customer(u64),
    /// A third party for its own registration.
    Registration(String),
}

impl Caller {
    pub(super) fn of(world: &World, credentials: &Credentials) -> Result<Self, Refusal> {
        let Credentials::Bearer(token) = credentials else {
            return Err(Refusal::Unauthorized);
        };
        if let Some(client) = world.clients.by_registration_token(token.expose_secret()) {
            return Ok(Self::Registration(client.id.clone()));
        }
        let bearer = world
            .state()
            .grants
            .bearer(world.now(), token.expose_secret());
        let refused = |why| match why {
            Refused::Expired => Refusal::Expired(expired_status(world)),
            Refused::Unknown | Refused::Ended => Refusal::Unauthorized,
        };
        match bearer.map_err(refused)? {
            Bearer::Client(id) => Ok(Self::Client(id)),
            Bearer::Access(id) => Ok(Self::Customer(id)),
            Bearer::Refresh(_) => Err(Refusal::Unauthorized),
        }
    }

    /// The client id, when the token is of the client class.
    pub(super) fn client(&self) -> Result<&str, Refusal> {
        match self {
            Self::Client(id) => Ok(id),
            Self::Customer(_) | Self::Registration(_) => Err(Refusal::Forbidden),
        }
    }

    /// The client id, when the token is of the registration class.
    pub(super) fn registration(&self) -> Result<&str, Refusal> {
        match self {
            Self::Registration(id) => Ok(id),
            Self::Client(_) | Self::Customer(_) => Err(Refusal::Forbidden),
        }
    }

    /// The authorization's id, when the token is of the customer class.
    pub(super) fn authorization(&self) -> Result<u64, Refusal> {
        match self {
            Self::Customer(id) => Ok(*id),
            Self::Client(_) | Self::Registration(_) => Err(Refusal::Forbidden),
        }
    }

    /// The consent to this subscription, when the token is that customer's.
    pub(super) fn consent(&self, world: &World, subscription: u64) -> Result<Consent, Refusal> {
        if self.authorization()? != subscription {
            return Err(Refusal::Forbidden);
        }
        Consent::of(world, subscription)
    }
}

/// The status for an expired token: the sources say both.
fn expired_status(world: &World) -> StatusCode {
    match world.config.behaviour.expired {
        ExpiredToken::Unauthorized => StatusCode::UNAUTHORIZED,
        ExpiredToken::Forbidden => StatusCode::FORBIDDEN,
    }
}

/// What a customer agreed to, with the customer.
#[derive(Debug)]
pub(super) struct Consent {
    pub(super) authorization: Authorization,
    pub(super) customer: Customer,
}

impl Consent {
    pub(super) fn of(world: &World, subscription: u64) -> Result<Self, Refusal> {
        let authorization = world.state().grants.get(subscription).cloned();
        let authorization = authorization
            .filter(|authorization| authorization.status(world.now()) == 1)
            .ok_or(Refusal::Forbidden)?;
        let customer = world
            .model
            .customer(&authorization.choice.customer)
            .cloned();
        Ok(Self {
            authorization,
            customer: customer.ok_or(Refusal::Forbidden)?,
        })
    }

    /// Refuses when the customer did not choose this group of data.
    pub(super) fn chosen(&self, group: impl Fn(DataGroups) -> bool) -> Result<&Self, Refusal> {
        if group(self.authorization.choice.data) {
            Ok(self)
        } else {
            Err(Refusal::Forbidden)
        }
    }

    /// The usage points that the customer chose.
    pub(super) fn usage_points(&self) -> impl Iterator<Item = &UsagePoint> {
        let chosen = &self.authorization.choice.usage_points;
        self.customer
            .usage_points
            .iter()
            .filter(|point| chosen.contains(&point.id))
    }

    /// What a batch of some of them holds.
    pub(super) fn groups(&self, ids: &[String]) -> Vec<Group> {
        let billing = self.authorization.choice.data.billing;
        self.usage_points()
            .filter(|point| ids.contains(&point.id))
            .map(|point| Group::UsagePoint {
                point: point.clone(),
                billing,
            })
            .collect()
    }
}
