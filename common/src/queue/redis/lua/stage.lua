-- stage: store a blob even when the server is full: the `complete` that follows drains it.
-- KEYS 1 blob
-- ARGV 1 ttl_ms
--      2 bytes
-- Returns 1
-- Invariant: the blob expires unless `complete` succeeds.
redis.call('UNLINK', KEYS[1]) -- Redis checks its memory only at the first write, and this one needs none.
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
return 1
