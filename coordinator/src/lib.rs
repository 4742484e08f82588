//! x
pub mod assemble;
pub mod ledger;
pub mod spool;
