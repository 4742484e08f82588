//! The queue on Redis does what every queue must.

use sheaf_common::queue::RedisQueue;
use sheaf_tests::both::Both;
use sheaf_tests::conformance::LEASE;
use sheaf_tests::redis_server::RedisServer;

async fn run<F: Future<Output = ()>>(case: &str, test: impl FnOnce(Both<RedisQueue>) -> F) {
    let Some(server) = RedisServer::start(case).await else { return };
    test(server.queue(LEASE).await).await;
}

sheaf_tests::for_every_case!(run);
