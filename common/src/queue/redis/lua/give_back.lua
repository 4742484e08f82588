-- give_back: hand a task to the other workers, with its past.
-- KEYS 1 stream  2 tasks  3 bell  4 past
-- ARGV 1 ttl_ms
--      2 lease_ms
--      3 worker
--      4 the task's field in `tasks`
--      5 entry
--      6 lease id
--      7 past, encoded
-- Returns 1 handed back | 0 stale: the lease no longer held the task, nothing was written
-- Invariant: the lease id is void from here on. This worker gets the task only if no other took it within a lease's length.
if redis.call('HGET', KEYS[2], ARGV[4]) ~= LEASED .. ARGV[6] then return 0 end
drains(KEYS[2])

-- Counts as idle for one length of a lease: for all others the lease has ended, for this worker not yet.
local ended = string.format('%.0f', now_ms() - ARGV[2])
if not claim(KEYS[1], all_but(ARGV[3]), {ARGV[5]}, 'TIME', ended, 'JUSTID')[ARGV[5]] then return 0 end
redis.call('HSET', KEYS[2], ARGV[4], WAITING)
redis.call('HSET', KEYS[4], ARGV[4], ARGV[7])
redis.call('PEXPIRE', KEYS[4], ARGV[1])
ring(KEYS[3], ARGV[1])
return 1
