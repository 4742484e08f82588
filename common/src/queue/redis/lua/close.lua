-- close: remove a job, with all that it left but its blobs.
-- KEYS 1 jobs  2 bell of all  3 versions  4 addressed  5 tasks  6 outcomes  7… the job's other keys
-- ARGV 1 job  2 what the job's keys begin with  3 version
-- Returns 1 if tasks were not finished, or outcomes not collected | 0
-- Keeps: what is leased goes stale. After the last job of a version nothing of it is left: its bells, in which nobody has
--        anything to hear, go too. (The next push makes them again.)
local open = redis.call('EXISTS', KEYS[5]) == 1 or redis.call('XLEN', KEYS[6]) > 0
local bells = {KEYS[2]}
for _, worker in ipairs(redis.call('SMEMBERS', KEYS[4])) do bells[#bells + 1] = KEYS[2] .. '@' .. worker end
redis.call('UNLINK', unpack(with_addressed_streams({unpack(KEYS, 4)}, KEYS[4], ARGV[2])))
redis.call('ZREM', KEYS[1], ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('UNLINK', unpack(bells))
    redis.call('ZREM', KEYS[3], ARGV[3])
end
return open and 1 or 0
