-- release: hand tasks of one stream back, to be leased at once.
-- KEYS 1 stream  2 tasks  3 bell
-- ARGV 1 ttl_ms
--      2… triples: the task's field in `tasks`, entry, lease id
-- Returns how many were handed back; stale leases change nothing
-- Invariant: the lease id is void from here on, and the delivery does not count.
local states, fields = states_of(KEYS[2], 2, 3)
local released = 0
for n, field in ipairs(fields) do
    local entry, lease_id = ARGV[3 * n], ARGV[3 * n + 1]
    local pending = states[n] == LEASED .. lease_id and redis.pcall('XPENDING', KEYS[1], GROUP, entry, entry, 1)
    if pending and pending[1] then
        -- Held by nobody and idle since 1970, so the lease has ended.
        claim(KEYS[1], 'nobody', {entry}, 'TIME', 1, 'RETRYCOUNT', pending[1][4] - 1, 'JUSTID')
        redis.call('HSET', KEYS[2], field, WAITING)
        released = released + 1
    end
end
if released > 0 then
    ring(KEYS[3], ARGV[1])
end
return released
