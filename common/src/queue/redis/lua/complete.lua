-- complete: store the outcomes of tasks of one stream, each once, and drop the tasks.
-- KEYS 1 tasks  2 outcomes  3 news  4 stream
-- ARGV 1 ttl_ms
--      2 all outcomes, encoded
--      3… groups: lease id, number of tasks; then for each task: its field in `tasks`, its entry
-- Returns for each task 1 stored, now or before under this very lease id | 0 stale: nothing was written
-- Invariant: a task's outcome counts once. The new entry names the tasks whose outcomes count, by their fields in order.
--      If others were sent along, it lists their places, from 0. Goes through when the server is full.
drains(KEYS[1])
local states, fields, lease_ids, entry_of = states_of_groups(KEYS[1], 3, 2)
local answers, once, set, stored, entries, skipped = {}, {}, {}, {}, {}, {}

for n, field in ipairs(fields) do
    local finished = FINISHED .. lease_ids[n]
    answers[n] = 1
    -- One call may bring a task twice, as after a retry; the states are those before it.
    if states[n] == LEASED .. lease_ids[n] and not once[field] then
        once[field] = finished
        set[#set + 1], set[#set + 2] = field, finished
        stored[#stored + 1], entries[#entries + 1] = field, entry_of[n]
    else
        skipped[#skipped + 1] = n - 1
        -- Finished under this very lease id: it was stored before, and the reply was lost.
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
    redis.call('PEXPIRE', KEYS[k], ARGV[1]) -- From then on, `collect` renews them.
end
return answers
