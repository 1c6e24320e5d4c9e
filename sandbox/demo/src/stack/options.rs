//! What a stack is started with.

use super::Side;

/// What may differ from one stack to another.
#[derive(Debug, Clone, Default)]
pub struct StackOptions {
    /// Lift the custodian's request budget, at both ends.
    pub fast: bool,
    /// Which services run.
    pub side: Side,
    /// Further variables for the sandbox custodian.
    pub custodian: Vec<(String, String)>,
    /// Further variables for the services.
    pub services: Vec<(String, String)>,
    /// Further variables for nginx's templates.
    pub nginx: Vec<(String, String)>,
    /// All services in one process, under the database's owner: `metergate serve`.
    pub together: bool,
}
