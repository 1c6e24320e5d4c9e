//! Stands in for an AIIDA gateway.
