-- close: remove a job, with all that it left but its blobs.
-- KEYS 1 jobs  2 alive  3 owners  4 addressed  5 tasks  6 outcomes  7… the job's other keys
-- ARGV 1 job  2 what the job's keys begin with
-- Returns 1 if tasks were not finished, or outcomes not collected | 0
-- Keeps: what is leased goes stale.
local open = redis.call('EXISTS', KEYS[5]) == 1 or redis.call('XLEN', KEYS[6]) > 0
redis.call('UNLINK', unpack(with_addressed_streams({unpack(KEYS, 4)}, KEYS[4], ARGV[2])))
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return open and 1 or 0
