-- stage: keep a blob for the finish that will take it over, even when the server is full: finishing drains it.
-- KEYS 1 tasks  2 blob
-- ARGV 1 keep_ms  2 bytes
-- Returns 1
-- Keeps: what is not taken over disappears by itself.
drains(KEYS[1])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[1])
return 1
