-- notify: store an outcome that finishes no task.
-- KEYS 1 tasks  2 outcomes  3 news
-- ARGV 1 ttl_ms
--      2 outcome, encoded
-- Returns 1 stored | 0 the job is unknown
-- Invariant: `tasks` does not change, and a job that is gone does not come back.
if redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
drains(KEYS[1])
redis.call('XADD', KEYS[2], '*', '', ARGV[2])
redis.call('XADD', KEYS[3], 'MAXLEN', 1, '*', 'w', 1)
for k = 2, 3 do redis.call('PEXPIRE', KEYS[k], ARGV[1]) end
return 1
