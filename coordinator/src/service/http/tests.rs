//! The whole shell with the handlers of contents, on a real socket, spoken to in raw bytes.

mod abuse;
mod secure;
mod uploads;
mod world;
