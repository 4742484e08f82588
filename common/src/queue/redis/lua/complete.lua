-- complete: store what tasks of one stream came to, each once, and forget the tasks.
-- KEYS 1 tasks  2 outcomes  3 blobs  4 news  5 stream  (blobs' own keys are built from ARGV 2; one hash tag)
-- ARGV 1 keep_ms  2 what the job's keys begin with, then for each: its field in `tasks`, entry, hold, outcome encoded
--      (empty: it was sent before), and what was sent before (empty: nothing; see `take_over`)
-- Returns for each 1 stored (now, or before by this very hold) | 0 stale: nothing was written
-- Keeps: a task's outcome is written at most once; no outcome without its rows; goes through when the server is full.
drains(KEYS[1])
local keep_ms, base = ARGV[1], ARGV[2]
local states, fields = states_of(KEYS[1], 3, 5)
local answers, once, set, outcomes, entries = {}, {}, {}, {}, {}
for n, field in ipairs(fields) do
    local at = 5 * n - 2
    local hold, sent = ARGV[at + 2], ARGV[at + 4]
    local finished, apart = FINISHED .. hold, nil
    answers[n] = 1
    if states[n] == hold and not once[field] then
        apart = sent == '' and '' or take_over(KEYS[3], base, field, hold, sent, keep_ms)
    end
    if apart then
        once[field] = finished
        set[#set + 1], set[#set + 2] = field, finished
        local k = #outcomes
        outcomes[k + 1], outcomes[k + 2], outcomes[k + 3], outcomes[k + 4] = field, ARGV[at + 3], apart, hold
        entries[#entries + 1] = ARGV[at + 1]
    elseif states[n] ~= finished and once[field] ~= finished then -- If it is, it came before, and the reply was lost.
        answers[n] = 0
        if sent ~= '' then refuse(base, field, hold, sent) end
    end
end
if #set == 0 then return answers end
delete_finished(KEYS[5], entries)
redis.call('XADD', KEYS[2], '*', unpack(outcomes))
redis.call('HSET', KEYS[1], unpack(set))
redis.call('XADD', KEYS[4], 'MAXLEN', 1, '*', 'w', 1)
for k = 2, 4 do redis.call('PEXPIRE', KEYS[k], keep_ms) end
return answers
