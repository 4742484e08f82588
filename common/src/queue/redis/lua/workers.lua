-- workers: list the workers seen lately, and the versions that have jobs.
-- KEYS 1 workers  2 seen  3 versions
-- ARGV 1 gone_ms: entries older than this are left out
-- Returns {{ms ago, JSON}, …}, {{ms ago, version}, …}
-- Invariant: everything; it only reads.
local now = now_ms()
local function ages(key, value)
    local found = {}
    local scored = redis.call('ZRANGEBYSCORE', key, now - ARGV[1], '+inf', 'WITHSCORES')
    for i = 1, #scored, 2 do
        local shown = value(scored[i])
        if shown then
            found[#found + 1] = {math.max(0, now - scored[i + 1]), shown}
        end
    end
    return found
end
return {
    ages(KEYS[2], function(worker) return redis.call('HGET', KEYS[1], worker) end),
    ages(KEYS[3], function(version) return version end),
}
