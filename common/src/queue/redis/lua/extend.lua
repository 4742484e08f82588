-- extend: let leases on one stream go on for a full length from now.
-- KEYS 1 stream
-- ARGV triples: entry, holds, consumer
-- Returns for each 1 extended | 0 lost: the lease no longer held its task
-- Keeps: the holds of an entry do not grow by it (JUSTID), so the token stays right.
local answers = {}
for i = 1, #ARGV, 3 do
    local entry, holds, consumer = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    if held(KEYS[1], entry, holds, consumer, #ARGV / 3) then
        redis.call('XCLAIM', KEYS[1], GROUP, consumer, 0, entry, 'JUSTID')
        answers[#answers + 1] = 1
    else
        answers[#answers + 1] = 0
    end
end
return answers
