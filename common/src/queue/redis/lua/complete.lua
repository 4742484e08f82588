-- complete: store what tasks of one stream came to, each once, and forget the tasks.
-- KEYS 1 tasks  2 outcomes  3 news  4 stream
-- ARGV 1 ttl_ms  2 all outcomes, encoded  3… groups: hold, number of tasks; then for each: field in `tasks`, entry
-- Returns for each 1 stored (now, or before by this very hold) | 0 stale: nothing was written
-- Invariant: a task's outcome counts once: the entry names those that do by their fields, in order, and, if there are some, the
--      others by their places, from 0. Goes through when the server is full.
drains(KEYS[1])
local states, fields, holds, entry_of = states_of_groups(KEYS[1], 3, 2)
local answers, once, set, stored, entries, skipped = {}, {}, {}, {}, {}, {}
for n, field in ipairs(fields) do
    local finished = FINISHED .. holds[n]
    answers[n] = 1
    if states[n] == LEASED .. holds[n] and not once[field] then
        once[field] = finished
        set[#set + 1], set[#set + 2] = field, finished
        stored[#stored + 1], entries[#entries + 1] = field, entry_of[n]
    else
        skipped[#skipped + 1] = n - 1
        -- If it was finished by this hold, it came before, and the reply was lost.
        if states[n] ~= finished and once[field] ~= finished then answers[n] = 0 end
    end
end
if #set == 0 then return answers end
delete_finished(KEYS[4], entries)
local entry = {table.concat(stored, ' '), ARGV[2]}
if skipped[1] then entry[3], entry[4] = 'skipped', table.concat(skipped, ' ') end
local is_new = redis.call('EXISTS', KEYS[2]) == 0
redis.call('XADD', KEYS[2], '*', unpack(entry))
redis.call('HSET', KEYS[1], unpack(set))
redis.call('XADD', KEYS[3], 'MAXLEN', 1, '*', 'w', 1)
for k = 2, is_new and 3 or 1 do
    redis.call('PEXPIRE', KEYS[k], ARGV[1]) -- Later, collect sees to it that they live on.
end
return answers
