-- close: remove a job, with all that it left but its blobs.
-- KEYS 1 jobs  2 alive  3 owners  4 bell of all  5 unconfirmed  6 versions  7 seen  8 addressed  9 tasks  10 outcomes
--      11… the job's other keys
-- ARGV 1 job  2 what the job's keys begin with  3 version
-- Returns 1 if tasks were not finished, or outcomes not collected | 0
-- Invariant: what is leased goes stale. After the last job of a version nothing of it is left: its bells, in which nobody has
--        anything to hear, and its holds go too. (The next push makes them again.)
local open = redis.call('EXISTS', KEYS[9]) == 1 or redis.call('XLEN', KEYS[10]) > 0
local rest = {KEYS[4], KEYS[5]}
for _, worker in ipairs(redis.call('SMEMBERS', KEYS[8])) do rest[#rest + 1] = KEYS[4] .. '@' .. worker end
local own = with_addressed_streams({unpack(KEYS, 8)}, KEYS[8], ARGV[2])
-- Those of the workers that are there, too: `addressed` may be lost.
for _, worker in ipairs(redis.call('ZRANGE', KEYS[7], 0, -1)) do own[#own + 1] = addressed_stream(ARGV[2], worker) end
redis.call('UNLINK', unpack(own))
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
-- Who is parked is in `alive` alone, who never gave a sign in `jobs` alone.
if redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then
    redis.call('UNLINK', unpack(rest))
    redis.call('ZREM', KEYS[6], ARGV[3])
end
return open and 1 or 0
