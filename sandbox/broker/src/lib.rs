//! The embedded broker of the sandbox.
