//! One connection to a server: greeted, and closed when it is silent for too long.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisConnectionInfo, RedisResult, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::fault::Fault;
use super::server::{Greeting, Server};
use super::socket::{self, Endpoint, Socket, Traffic};

/// The longest line of an answer to a greeting.
const LONGEST_LINE: usize = 1024;

/// A connection, for one request at a time.
pub struct Connection {
    redis: MultiplexedConnection,
    pub traffic: Arc<Traffic>,
    driver: JoinHandle<()>,
    /// When it was last given back.
    pub idle_since: Instant,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// Dials an endpoint of a server, and logs in.
    ///
    /// # Errors
    /// [`Fault`], within twice [`super::Timing::connect`]. Its text names the address, never the
    /// credentials.
    pub async fn dial(
        server: &Server,
        endpoint: &Endpoint,
        received: &Arc<AtomicU64>,
    ) -> Result<Self, Fault> {
        let address = server.address_of(endpoint);
        let opening =
            socket::open(endpoint, server.tls.as_ref(), server.timing.answer, Arc::clone(received));
        let opened = timeout(server.timing.connect, opening);

        let guess = match server.tls {
            Some(_) => " (a port without TLS keeps silent, too: `redis://`)",
            None => "",
        };
        let unreachable =
            |why: String| Fault::Broken(format!("no Redis answers at {address}: {why}{guess}"));
        let (mut socket, traffic) = match opened.await {
            Err(_) => return Err(unreachable("it does not answer in time".into())),
            // A fault of TLS or of this process says more than that no server answers.
            Ok(Err(error)) => match Fault::from(redis::RedisError::from(error)) {
                Fault::Broken(why) => return Err(unreachable(why)),
                other => return Err(other),
            },
            Ok(Ok(opened)) => opened,
        };

        match timeout(server.timing.connect, greet(&mut socket, &server.greeting)).await {
            Err(_) => {
                let why = format!(
                    "{address} accepts connections, but does not answer: it is silent{guess}"
                );
                return Err(Fault::Broken(why));
            }
            Ok(Err(Fault::Broken(why))) => {
                let guess = match server.tls {
                    Some(_) => {
                        "does it ask for a client's certificate (`--tls-cert FILE --tls-key FILE`)?"
                    }
                    None => "does it speak TLS only (`rediss://`), or is it not a Redis?",
                };
                return Err(Fault::Broken(format!("{address} hangs up at once ({why}); {guess}")));
            }
            Ok(greeted) => greeted?,
        }

        // The library must not greet again, nor limit the time of answers: silence is judged here.
        let settings = RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let (redis, driver) =
            MultiplexedConnection::new_with_config(&settings, socket, config).await?;
        Ok(Connection { redis, traffic, driver: tokio::spawn(driver), idle_since: Instant::now() })
    }

    /// Sends a command, and returns its answer. After [`Fault::Broken`] the connection is of no
    /// use.
    pub async fn send(&mut self, command: &Cmd, silence: Duration) -> Result<Value, Fault> {
        let traffic = Arc::clone(&self.traffic);
        let answer =
            unless_silent(&traffic, silence, self.redis.send_packed_command(command)).await?;
        Ok(answer.extract_error()?)
    }

    /// Sends `count` commands at once, and returns their answers.
    pub async fn send_all(
        &mut self,
        commands: &Pipeline,
        count: usize,
        silence: Duration,
    ) -> Result<Vec<Value>, Fault> {
        let traffic = Arc::clone(&self.traffic);
        let answers =
            unless_silent(&traffic, silence, self.redis.send_packed_commands(commands, 0, count))
                .await?;

        let answers: RedisResult<Vec<Value>> =
            answers.into_iter().map(Value::extract_error).collect();
        Ok(answers?)
    }

    /// Asks for a sign of life; any answer is one, an error too.
    pub async fn ping(&mut self, silence: Duration) -> Result<(), Fault> {
        match self.send(&redis::cmd("PING"), silence).await {
            Err(fault @ Fault::Broken(_)) => Err(fault),
            _ => Ok(()),
        }
    }
}

/// Waits for an answer as long as bytes pass: each begins `silence` anew.
async fn unless_silent<T>(
    traffic: &Traffic,
    silence: Duration,
    request: impl Future<Output = RedisResult<T>>,
) -> Result<T, Fault> {
    let began = Instant::now();
    let mut request = pin!(request);

    loop {
        let quiet_since = traffic.last().max(began);
        tokio::select! {
            biased;
            answer = &mut request => return answer.map_err(Fault::from),
            () = sleep_until(quiet_since + silence) => {}
        }
        // Bytes that passed meanwhile begin the wait anew.
        if traffic.last().max(began) == quiet_since {
            return Err(Fault::Broken(format!(
                "Redis has been silent for {:.0} s",
                silence.as_secs_f64()
            )));
        }
    }
}

/// Logs in, and checks that a Redis answers. By hand, as the client library drops the reasons of a
/// server that hangs up (too many clients, protected mode).
async fn greet(socket: &mut Box<dyn Socket>, greeting: &Greeting) -> Result<(), Fault> {
    let commands = greeting.commands();
    let packed: Vec<u8> = commands.iter().flat_map(Cmd::get_packed_command).collect();

    // Reads the answer even if sending failed: a server that hangs up may have said why.
    let sent = async {
        socket.write_all(&packed).await?;
        socket.flush().await
    };
    let sent = sent.await;

    // One answer for each command, the first bad one decides.
    for _ in &commands {
        let line = read_line(socket).await.map_err(|error| {
            // A failure to send says more than the missing answer.
            let error = sent
                .as_ref()
                .err()
                .map_or(error, |sent| io::Error::new(sent.kind(), sent.to_string()));
            Fault::from(redis::RedisError::from(error))
        })?;

        match line.as_bytes().first() {
            Some(b'+') => {}
            // Both mean that the login worked: a user without the right to ping, or a server that
            // cannot save, which refuses pings as it refuses writes. The first write reports that.
            Some(b'-') if line.starts_with("-NOPERM") || line.starts_with("-MISCONF") => {}
            Some(b'-') => return Err(Fault::of_line(&line)),
            _ => return Err(Fault::not_redis()),
        }
    }
    Ok(())
}

async fn read_line(socket: &mut Box<dyn Socket>) -> io::Result<String> {
    // Byte by byte, as bytes past the greeting belong to the client library.
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") && line.len() < LONGEST_LINE {
        line.push(socket.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_trickling_answer_is_awaited_but_silence_fails() {
        let traffic = Traffic::for_tests();
        let silence = Duration::from_secs(3);
        let trickle = async {
            for _ in 0..5 {
                tokio::time::sleep(silence / 4).await;
                traffic.pass_for_tests();
            }
            Ok(7)
        };

        assert_eq!(unless_silent(&traffic, silence, trickle).await.unwrap(), 7);

        let silent = std::future::pending::<RedisResult<()>>();
        assert!(matches!(unless_silent(&traffic, silence, silent).await, Err(Fault::Broken(_))));
    }
}
