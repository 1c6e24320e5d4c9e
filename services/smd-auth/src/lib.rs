//! smd-auth
