-- note: store the past of a task for the workers that have it later.
-- KEYS 1 past  2 tasks
-- ARGV 1 the task's field in `tasks`
--      2 lease id
--      3 past, encoded
--      4 ttl_ms
-- Returns 1 noted | 0 stale: the lease no longer held the task, nothing was written
-- Invariant: only the holder of a task can note its past. Goes through when the server is full.
if redis.call('HGET', KEYS[2], ARGV[1]) ~= LEASED .. ARGV[2] then return 0 end
drains(KEYS[2])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
