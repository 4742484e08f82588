-- tend: park the jobs whose coordinators give no sign of life, and name one that is to be removed.
-- KEYS 1 alive  2 jobs
-- ARGV 1 abandoned_ms: who was silent for so long is parked  2 removed_ms: … is named  3 ttl_ms
-- Returns the job that has been silent for longest, if that is long enough to remove it, or empty
-- Invariant: all that the jobs hold. A job that never gave a sign counts as heard now.
local now = now_ms()
redis.call('ZREM', KEYS[1], '') -- Needs no memory, so the rest goes through when the server is full.
for _, job in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    redis.call('ZADD', KEYS[1], 'NX', now, job)
end
for _, job in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])) do
    redis.call('ZREM', KEYS[2], job)
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2], 'LIMIT', 0, 1)[1] or ''
