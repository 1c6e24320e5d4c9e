//! What a stack is started with.

use std::path::PathBuf;

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
    /// Further variables for one service: its name, the variable's, the value.
    pub of_service: Vec<(String, String, String)>,
    /// Further variables for nginx's templates.
    pub nginx: Vec<(String, String)>,
    /// All services in one process, under the database's owner: `metergate serve`.
    pub together: bool,
    /// nginx looks the services up by name and finds two of each, as it does in front of containers. Each is
    /// started once; [`Stack::add`](super::Stack::add) starts the second.
    pub replicas: bool,
    /// Where the database's files lie; without it, where there is room in memory.
    pub cluster_in: Option<PathBuf>,
}
