-- close: remove a job, and all that it left except its blobs.
-- KEYS 1 jobs  2 alive  3 owners
--      4 bell for all workers
--      5 unconfirmed
--      6 versions
--      7 seen
--      8 addressed  9 tasks  10 outcomes
--      11… the job's other keys
-- ARGV 1 job
--      2 the prefix of the job's keys
--      3 version
-- Returns 1 if tasks were unfinished or outcomes uncollected | 0
-- Invariant: leases of the job go stale. The last job of a version takes the shared keys along: bells, which can wake
--      nobody any more, and unconfirmed lease ids. The next push makes them again.
-- Asked before all keys are gone.
local open = redis.call('EXISTS', KEYS[9]) == 1 or redis.call('XLEN', KEYS[10]) > 0
local rest = {KEYS[4], KEYS[5]}
for _, worker in ipairs(redis.call('SMEMBERS', KEYS[8])) do rest[#rest + 1] = KEYS[4] .. '@' .. worker end
local keys = with_addressed_streams({unpack(KEYS, 8)}, KEYS[8], ARGV[2])
-- `addressed` may have been lost, so the streams of all listed workers go too.
for _, worker in ipairs(redis.call('ZRANGE', KEYS[7], 0, -1)) do keys[#keys + 1] = addressed_stream(ARGV[2], worker) end

redis.call('UNLINK', unpack(keys))
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])

-- A parked job stands in `alive` alone, one that never gave a sign of life in `jobs` alone.
if redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then
    redis.call('UNLINK', unpack(rest))
    redis.call('ZREM', KEYS[6], ARGV[3])
end
return open and 1 or 0
