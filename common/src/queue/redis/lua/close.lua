-- close: remove a job, with all that it left.
-- KEYS 1 jobs  2 blobs  3… the job's other keys
-- ARGV 1 job  2 what the job's keys begin with
-- Returns 1
-- Keeps: what is leased goes stale; what is sent before a finish that comes too late disappears by itself.
local names = redis.call('SMEMBERS', KEYS[2])
for first = 1, #names, 512 do
    drop_blobs(KEYS[2], ARGV[2], {unpack(names, first, math.min(first + 511, #names))})
end
redis.call('UNLINK', unpack(KEYS, 2))
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
