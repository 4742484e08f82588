-- extend: let leases on one stream last for a full length from now.
-- KEYS 1 stream  2 tasks
-- ARGV 1 consumer
--      2… triples: the task's field in `tasks`, entry, lease id
-- Returns for each 1 extended | 0 lost: the lease no longer held its task
-- Invariant: an extension is no delivery, so the entry's count stays (JUSTID).
local states, fields = states_of(KEYS[2], 2, 3)
local held, answers = {}, {}
for n in ipairs(fields) do
    if states[n] == LEASED .. ARGV[3 * n + 1] then held[#held + 1] = ARGV[3 * n] end
end

-- An entry may have gone with its stream while its state is left.
local got = #held > 0 and claim(KEYS[1], ARGV[1], held, 'JUSTID') or {}
for n in ipairs(fields) do
    answers[n] = states[n] == LEASED .. ARGV[3 * n + 1] and got[ARGV[3 * n]] and 1 or 0
end
return answers
