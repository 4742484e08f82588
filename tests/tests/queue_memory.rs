//! The queue within a process does what every queue must.

use sheaf_common::queue::MemoryQueue;
use sheaf_tests::both::Both;
use sheaf_tests::conformance::LEASE;

async fn run<F: Future<Output = ()>>(_case: &str, case: impl FnOnce(Both<MemoryQueue>) -> F) {
    case(Both::of(MemoryQueue::with_lease(LEASE))).await;
}

sheaf_tests::for_every_case!(run);
