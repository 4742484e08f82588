//! A server that forgets, restarts, is cut off or not there yet while a job runs.

use nix::sys::signal::Signal;
use sheaf_tests::place::{Place, connected, drain, says};
use sheaf_tests::proxy::{Proxy, Way};
use sheaf_tests::redis_server::Options;
use sheaf_tests::server;

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_server_is_filled_again() {
    let server = server!("a_flushed_server_is_filled_again");
    let place = Place::at(server.url());
    let _worker = place.worker("");
    let mut run = place.started(20);
    server.command::<()>(&["FLUSHALL"]);
    place.reaches(&mut run, 60);
    server.command::<()>(&["FLUSHALL"]);
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_survives_restarts_with_or_without_data() {
    for arguments in [&["--appendonly", "yes", "--appendfsync", "everysec"][..], &[]] {
        let options = Options {
            arguments: arguments.iter().map(ToString::to_string).collect(),
            ..Options::default()
        };
        let mut server = server!("a_run_survives_restarts_with_or_without_data", options);
        let place = Place::at(server.url());
        let _workers = [place.worker(""), place.worker("")];
        let run = place.started(30);
        server.kill();
        server.restart().await;
        run.finish().code(0);
        place.has_the_same_bytes();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_lost_by_their_server_are_sent_again() {
    const NAME: &str = "bytes_lost_by_their_server_are_sent_again";
    let (server, mut first, second) = (server!(NAME), server!(NAME), server!(NAME));
    let place = Place::at(server.url()).with_bytes_at(&[first.url(), second.url()]);
    let _workers = [place.worker(""), place.worker("")];
    let mut run = place.started(20);
    first.kill();
    first.restart().await;
    place.reaches(&mut run, 50);
    second.command::<()>(&["FLUSHALL"]);
    run.finish().code(0);
    place.has_the_same_bytes();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_breaks_is_survived() {
    let server = server!("a_network_that_breaks_is_survived");
    let proxy = Proxy::to(server.port()).await;
    let place = Place::at(proxy.url());
    let worker = place.worker("-v");
    let run = place.started(20);
    proxy.set(Way::Cut);
    says(&worker, "did not answer");
    proxy.set(Way::Open);
    run.finish().code(0);
    place.has_the_same_bytes();
    drain(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_waits_for_an_absent_server() {
    let mut server = server!("a_worker_waits_for_an_absent_server");
    server.kill();
    let place = Place::at(server.url());
    let worker = place.new_worker("-p 1").start();
    says(&worker, "waiting for Redis");
    server.restart().await;
    connected(&worker);
    drain(worker);
    server.kill();
    let waiting = place.new_worker("-p 1").start();
    says(&waiting, "waiting for Redis");
    waiting.signal(Signal::SIGTERM);
    waiting.finish().code(0);
}
