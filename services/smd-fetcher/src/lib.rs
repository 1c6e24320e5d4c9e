//! smd-fetcher
