//! The near-real-time side end to end: a running system ([`World`]), homes with a permission each ([`House`]), and the
//! books that are held against both (`books`).

mod books;
mod handshake;
mod house;
mod world;

pub use books::ACCEPTED;
pub use house::House;
pub use world::{
    DATA_NEEDS, DEADLINE, EVERYTHING, FOR_2025, LIMITS, QUIET, QUIET_2025, RAW, World, named,
    start, start_with,
};
