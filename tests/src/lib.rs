//! What tests of several crates share.
//!
//! * [`conformance`]: what every queue must do, as functions over the trait.
//! * [`redis_server`]: a real `redis-server` for one test.
//! * [`proxy`]: a way to a server that can be cut, stalled and opened again.
//! * [`make`]: small tasks and outcomes.
//! * [`wait`]: waiting for something to become true.

pub mod conformance;
pub mod make;
pub mod proxy;
pub mod redis_server;
pub mod wait;
