-- release: hand tasks of one stream back, to be leased at once.
-- KEYS 1 stream  2 tasks  3 bell
-- ARGV quadruples: the task's field in `tasks`, entry, holds, consumer
-- Returns how many were handed back; the others' leases were stale, and nothing was done to them.
-- Keeps: the old token is wrong from here on (the entry is nobody's), and the delivery is not counted.
local released = 0
for i = 1, #ARGV, 4 do
    local field, entry, holds, consumer = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    if held(KEYS[1], entry, holds, consumer, #ARGV / 4) then
        redis.call('XCLAIM', KEYS[1], GROUP, 'nobody', 0, entry, 'TIME', 1, 'JUSTID') -- Idle since 1970: ended.
        redis.call('HINCRBY', KEYS[2], field .. ':r', 1)
        released = released + 1
    end
end
if released > 0 then
    redis.call('XADD', KEYS[3], 'MAXLEN', 1, '*', 'w', 1)
end
return released
