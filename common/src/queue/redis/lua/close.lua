-- close: remove a job, with all that it left but its blobs.
-- KEYS 1 jobs  2 addressed  3 tasks  4… the job's other keys
-- ARGV 1 job  2 what the job's keys begin with
-- Returns how many tasks were not finished, or their outcomes not collected
-- Keeps: what is leased goes stale.
local open = redis.call('HLEN', KEYS[3])
for _, worker in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    redis.call('UNLINK', addressed_stream(ARGV[2], worker))
end
redis.call('UNLINK', unpack(KEYS, 2))
redis.call('ZREM', KEYS[1], ARGV[1])
return open
