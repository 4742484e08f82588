-- sign: note that the coordinator of a job is alive, and who owns the job.
-- KEYS 1 alive  2 owners  3 versions  4 jobs  5 tasks of the job  6 bell
-- ARGV 1 job
--      2 owner, JSON, or empty if unknown
--      3 version
--      4 ttl_ms
--      5 level of the job's priority
-- Returns 1 the job was parked, and takes its turn again | 0
-- Invariant: the time since which the job exists does not change. A job in `jobs` has the score of its priority. Goes through when the server is full.
drains(KEYS[5])
local now = now_ms()
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZADD', KEYS[3], now, ARGV[3])

local known = redis.call('HGET', KEYS[2], ARGV[1])
if not known or ARGV[2] ~= '' then
    redis.call('HSET', KEYS[2], ARGV[1], (known and string.match(known, '^%d+') or now) .. ' ' .. ARGV[2])
end

-- A job without tasks would be taken off `jobs` by the next lease.
local back = 0
if redis.call('EXISTS', KEYS[5]) == 1 then back = redis.call('ZADD', KEYS[4], 'NX', score_of(ARGV[5], 0), ARGV[1]) end
-- Its priority may have changed. It keeps its turn.
local score = redis.call('ZSCORE', KEYS[4], ARGV[1])
if score and level_of(score) ~= tonumber(ARGV[5]) then
    redis.call('ZADD', KEYS[4], score_of(ARGV[5], score - level_of(score) * LEVEL), ARGV[1])
end
if back == 1 then ring(KEYS[6], ARGV[4]) end
for k = 1, 4 do redis.call('PEXPIRE', KEYS[k], ARGV[4]) end
return back
