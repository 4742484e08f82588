-- close: remove a job, with all that it left but its blobs.
-- KEYS 1 jobs  2 addressed  3 tasks  4 outcomes  5… the job's other keys
-- ARGV 1 job  2 what the job's keys begin with
-- Returns 1 if tasks were not finished, or outcomes not collected | 0
-- Keeps: what is leased goes stale.
local open = redis.call('EXISTS', KEYS[3]) == 1 or redis.call('XLEN', KEYS[4]) > 0
redis.call('UNLINK', unpack(with_addressed_streams({unpack(KEYS, 2)}, KEYS[2], ARGV[2])))
redis.call('ZREM', KEYS[1], ARGV[1])
return open and 1 or 0
