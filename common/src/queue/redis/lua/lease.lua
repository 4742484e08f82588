-- lease: give tasks to a consumer: class by class, jobs in turn, and in each the ended leases before what is new.
-- KEYS 1 jobs  2 bell  3 the bell of the consumer  (the jobs' own keys are built from ARGV 1: only `jobs` says which there are; one hash tag)
-- ARGV 1 prefix  2 consumer  3 most tasks  4 lease_ms  5 bytes to stop after  6… classes, the first first
-- Returns {last ring of each bell, the hold, {job, class, delivery, {{entry, {field, task}}, …}}, …}; for a task whose
--      body stands apart {entry, {field, '', 'bytes', its length}}
-- Keeps: every entry given is pending for this consumer, and the hold, which no call had before, is the state of its
--      task; a job served goes behind the others.
local prefix, me, room, lease_ms, bytes = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local hold = now_us() .. ':' .. me
local answer = {last_ring(KEYS[2]), last_ring(KEYS[3]), hold}
local function give(job, class, delivery, entries)
    local set = {}
    for n, entry in ipairs(entries) do
        bytes = bytes - (tonumber(entry[2][4]) or #entry[2][2])
        set[2 * n - 1], set[2 * n] = entry[2][1], hold
    end
    redis.call('HSET', job_key(prefix, job, 'tasks'), unpack(set))
    room = room - #entries
    answer[#answer + 1] = {job, class, delivery, entries}
end
local function rooms() return room > 0 and bytes > 0 and room end
each_turn(KEYS[1], prefix, 6, rooms, function(job, class, most)
    local stream, before = job_key(prefix, job, class), room
    local holds = overdue(stream, lease_ms, most)
    if holds then
        for _, ended in ipairs(holds) do
            local entries = rooms() and take_ended(stream, me, lease_ms, ended[1])
            if entries then give(job, class, ended[4] + 1, entries) end
        end
        read_new(stream, me, most - (before - room), rooms, function(entries) give(job, class, 1, entries) end)
    end
    return room < before
end)
return answer
