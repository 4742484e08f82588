//! A server that can be dialled: its endpoint, its greeting, and its encryption.

use std::sync::Arc;

use redis::{Cmd, ConnectionAddr};

use super::certificates;
use super::fault::unusable;
use super::settings::{RedisSettings, Timing};
use super::socket::Endpoint;
use super::tls::Tls;
use super::troubles::Troubles;
use super::url::{self, Sentinels};
use crate::queue::QueueError;

/// The first commands on a connection. Sheaf sends them itself, as the client library does not pass
/// on why a server refuses. Has no `Debug`, as it holds the password.
#[derive(Clone)]
pub struct Greeting {
    pub username: Option<String>,
    pub password: Option<String>,
    pub database: i64,
}

impl Greeting {
    pub fn commands(&self) -> Vec<Cmd> {
        let mut commands = Vec::new();
        if let Some(password) = &self.password {
            let mut auth = redis::cmd("AUTH");
            auth.arg(self.username.as_deref()).arg(password);
            commands.push(auth);
        }

        if self.database != 0 {
            let mut select = redis::cmd("SELECT");
            select.arg(self.database);
            commands.push(select);
        }

        // So that there is always an answer: a server that refuses a client says so in its first.
        commands.push(redis::cmd("PING"));
        commands
    }
}

/// A server that can be dialled; shows no password.
#[derive(Clone)]
pub struct Server {
    pub endpoint: Endpoint,
    /// The sentinels that name its endpoint; `None`: it is at `endpoint`.
    pub sentinels: Option<Sentinels>,
    pub tls: Option<Tls>,
    pub greeting: Greeting,
    pub timing: Timing,
    /// Its address, without user and password: for messages.
    pub address: String,
    pub troubles: Arc<Troubles>,
}

impl Server {
    /// Its sentinels, as servers to dial: the same, but without password and database.
    pub fn for_its_sentinels(&self) -> Server {
        let greeting = Greeting { username: None, password: None, database: 0 };
        Server { greeting, sentinels: None, ..self.clone() }
    }

    /// Makes a server from a URL and the settings.
    ///
    /// # Errors
    /// [`QueueError::Unusable`], in a sentence with a hint.
    pub fn resolve(url: &str, settings: &RedisSettings) -> Result<Self, QueueError> {
        let (url, sentinels) = url::without_sentinels(url)?;
        let info = url::parse(&url)?;
        let typed = info.redis_settings();

        let address = match &sentinels {
            None => url::address(&info),
            Some(sentinels) => {
                format!(
                    "the master `{}` of the sentinels at {}",
                    sentinels.master,
                    url::address(&info)
                )
            }
        };

        // Settings override the URL.
        let greeting = Greeting {
            username: settings.username.clone().or_else(|| typed.username().map(Into::into)),
            password: settings.password.clone().or_else(|| typed.password().map(Into::into)),
            database: typed.db(),
        };

        if greeting.username.is_some() && greeting.password.is_none() {
            let hint =
                "put it into the URL, `redis://USER:PASSWORD@HOST`, or into `SHEAF_REDIS_PASSWORD`";
            return Err(unusable("there is a Redis user but no password".into(), hint));
        }

        let (endpoint, is_tls) = match info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                (Endpoint::Tcp { host: host.clone(), port: *port }, false)
            }
            ConnectionAddr::TcpTls { host, port, .. } => {
                (Endpoint::Tcp { host: host.clone(), port: *port }, true)
            }
            ConnectionAddr::Unix(path) => (Endpoint::Unix(path.clone()), false),
            other => {
                return Err(unusable(
                    format!("`{other}` is no address for a queue"),
                    "check the URL",
                ));
            }
        };

        // Also without TLS, to refuse certificates that would have no effect.
        let tls = certificates::tls(is_tls, settings)?;
        Ok(Server {
            endpoint,
            sentinels,
            tls,
            greeting,
            timing: settings.timing,
            address,
            troubles: Arc::default(),
        })
    }

    /// The address of an endpoint of this server: for messages.
    pub fn address_of(&self, endpoint: &Endpoint) -> String {
        match endpoint {
            same if *same == self.endpoint => self.address.clone(),
            Endpoint::Unix(path) => format!("redis+unix://{}", path.display()),
            Endpoint::Tcp { host, port } => {
                let scheme = if self.tls.is_some() { "rediss" } else { "redis" };
                format!("{scheme}://{}:{port}", url::bracketed(host))
            }
        }
    }
}
