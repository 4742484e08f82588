-- announce: list a worker, and drop those that have been silent for too long.
-- KEYS 1 workers  2 seen
-- ARGV 1 worker
--      2 its description, JSON
--      3 ttl_ms
--      4 gone_ms: after this silence a worker is dropped
-- Returns how many were dropped
-- Invariant: `workers` and `seen` name the same workers. Goes through when the server is full.
local now = now_ms()
drains(KEYS[1])
local gone = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[4])
for _, worker in ipairs(gone) do
    redis.call('ZREM', KEYS[2], worker)
    redis.call('HDEL', KEYS[1], worker)
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return #gone
