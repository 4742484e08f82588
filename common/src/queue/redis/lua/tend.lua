-- tend: park the jobs whose coordinators are silent, and name one job to remove.
-- KEYS 1 alive  2 jobs
-- ARGV 1 abandoned_ms: after this silence a job is parked
--      2 removed_ms: after this silence it is named for removal
--      3 ttl_ms
-- Returns the job that has been silent for longest, if it is due for removal, or empty
-- Invariant: no job loses tasks here. A job that never gave a sign of life counts as heard now.
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
