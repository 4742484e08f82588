//! Checks whether a server can be used at all.
//!
//! Reads everything from `INFO`: `CONFIG GET` is often denied, and unknown on hosted Redis.

use std::collections::HashMap;

use super::fault::Fault;

/// The oldest Redis with all commands of the scripts: `XPENDING … IDLE` and exclusive ranges.
const OLDEST: (u32, u32) = (6, 2);

/// Judges the answer of `INFO`.
///
/// # Errors
/// [`Fault::Hopeless`] with a sentence and a hint: not Redis, too old, a replica that takes no
/// writes, or one that evicts.
pub fn usable(info: &str) -> Result<(), Fault> {
    let fields = fields(info);
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();

    let Some(version) = parse_version(field("redis_version")) else {
        return hopeless(
            "what answers there is not Redis".into(),
            "check host and port; Redis usually listens on 6379",
        );
    };

    if version < OLDEST {
        let (major, minor) = OLDEST;
        let reason = format!(
            "this Redis is {}, Sheaf needs {major}.{minor} or newer",
            field("redis_version")
        );
        return hopeless(
            reason,
            "install a newer Redis (or Valkey), or run `docker run -p 6379:6379 redis:7`",
        );
    }

    // A sentinel answers `INFO` like a server, but has no data.
    if field("redis_mode") == "sentinel" {
        let hint = "say whose master: `redis+sentinel://HOST:26379/MASTER`, with the name that the sentinel has for it";
        return hopeless("this is a Redis Sentinel, which holds no queue".into(), hint);
    }

    // A replica in a cluster will do: it names the node that has the queue.
    let in_cluster = field("cluster_enabled") == "1";
    if !in_cluster && field("role") == "slave" && field("slave_read_only") != "0" {
        let host = field("master_host");
        let port = field("master_port");
        let hint = format!("use its master: `redis://{host}:{port}`");
        return hopeless("this Redis is a read-only replica".into(), &hint);
    }

    // Without a limit of memory, no policy ever applies.
    let policy = field("maxmemory_policy");
    if field("maxmemory") != "0" && !policy.is_empty() && policy != "noeviction" {
        let reason =
            format!("this Redis drops keys when its memory is full (`maxmemory-policy {policy}`)");
        return hopeless(
            reason,
            "set `maxmemory-policy noeviction`: tasks would vanish silently otherwise",
        );
    }
    Ok(())
}

/// The limit of the server's memory in bytes, from the answer of `INFO`; 0: no limit is known.
pub fn maxmemory(info: &str) -> u64 {
    fields(info).get("maxmemory").and_then(|most| most.parse().ok()).unwrap_or_default()
}

/// How many clients the server has, and how many it allows; `None`: `INFO` does not say.
pub fn clients(info: &str) -> Option<(u64, u64)> {
    let fields = fields(info);
    let number = |name| fields.get(name)?.parse().ok();
    number("connected_clients").zip(number("maxclients")).filter(|(_, allowed)| *allowed > 0)
}

/// The fields in an answer of `INFO`.
pub fn fields(info: &str) -> HashMap<&str, &str> {
    info.lines().filter_map(|line| line.trim_end().split_once(':')).collect()
}

fn hopeless(reason: String, hint: &str) -> Result<(), Fault> {
    Err(Fault::Hopeless { reason, hint: Some(hint.into()) })
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\n# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n\
        # Replication\r\nrole:master\r\n";

    fn reason(info: &str) -> String {
        match usable(info) {
            Err(Fault::Hopeless { reason, hint: Some(_) }) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_plain_redis_will_do() {
        usable(GOOD).unwrap();
        usable(&GOOD.replace("7.0.15", "6.2.0")).unwrap();
        usable(&GOOD.replace("7.0.15", "10.1")).unwrap();
    }

    #[test]
    fn an_unusable_redis_is_refused_with_a_reason() {
        assert!(reason(&GOOD.replace("7.0.15", "6.0.16")).contains("is 6.0.16, Sheaf needs 6.2"));
        assert!(reason(&GOOD.replace("7.0.15", "5.0.3")).contains("5.0.3"));

        assert!(reason("").contains("not Redis"));
        assert!(reason("redis_version:banana").contains("not Redis"));

        let replica = GOOD.replace(
            "role:master",
            "role:slave\r\nslave_read_only:1\r\nmaster_host:a\r\nmaster_port:1",
        );
        assert!(reason(&replica).contains("read-only replica"));
    }

    #[test]
    fn clients_are_counted_only_against_a_known_limit() {
        assert_eq!(clients("# Clients\r\nconnected_clients:7\r\nmaxclients:30\r\n"), Some((7, 30)));
        assert_eq!(clients("connected_clients:7\r\n"), None);
    }

    #[test]
    fn eviction_matters_only_where_memory_has_a_limit() {
        let evicts = GOOD.replace("noeviction", "allkeys-lru");
        usable(&evicts).unwrap();
        assert!(reason(&evicts.replace("maxmemory:0", "maxmemory:1000")).contains("allkeys-lru"));
    }
}
