-- complete: store what tasks of one stream came to, each once, and forget the tasks.
-- KEYS 1 tasks  2 outcomes  3 blobs  4 news  5 stream  (blobs' own keys are built from ARGV 2; one hash tag)
-- ARGV 1 keep_ms  2 what the job's keys begin with  3 all outcomes, encoded  4… groups: hold, what was sent before (empty:
--      nothing; see `take_over`), number of tasks; then for each: field in `tasks`, entry
-- Returns for each 1 stored (now, or before by this very hold) | 0 stale: nothing was written
-- Keeps: a task's outcome counts once (the entry names those that do); no outcome without its rows; goes through when the
--      server is full.
drains(KEYS[1])
local keep_ms, base = ARGV[1], ARGV[2]
local states, fields, holds, sents, at = states_of_groups(KEYS[1], 4, 3, 2)
local answers, once, set, stored, entries = {}, {}, {}, {}, {}
for n, field in ipairs(fields) do
    local hold, sent = holds[n], sents[n]
    local finished, taken = FINISHED .. hold, false
    answers[n] = 1
    if states[n] == hold and not once[field] then
        taken = sent == '' or take_over(KEYS[3], base, field, hold, sent, keep_ms)
    end
    if taken then
        once[field] = finished
        set[#set + 1], set[#set + 2] = field, finished
        stored[#stored + 1], entries[#entries + 1] = field, ARGV[at[n] + 1]
    elseif states[n] ~= finished and once[field] ~= finished then -- If it is, it came before, and the reply was lost.
        answers[n] = 0
        if sent ~= '' then refuse(base, field, hold, sent) end
    end
end
if #set == 0 then return answers end
delete_finished(KEYS[5], entries)
redis.call('XADD', KEYS[2], '*', table.concat(stored, ' '), ARGV[3])
redis.call('HSET', KEYS[1], unpack(set))
redis.call('XADD', KEYS[4], 'MAXLEN', 1, '*', 'w', 1)
for k = 2, 4 do redis.call('PEXPIRE', KEYS[k], keep_ms) end
return answers
