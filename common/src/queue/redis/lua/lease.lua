-- lease: give tasks to a consumer: class by class, jobs in turn, and in each the ended leases before what is new.
-- KEYS 1 jobs  2 bell  (the jobs' own keys are built from ARGV 1: only `jobs` says which there are; one hash tag)
-- ARGV 1 prefix  2 consumer  3 most tasks  4 lease_ms  5 bytes to stop after  6… classes, the first first
-- Returns {last ring of the bell, {job, class, holds, releases, {{entry, {field, task}}, …}}, …}
-- Keeps: every entry given is pending for this consumer, and its holds have grown; a job served goes behind the others.
local prefix, me, room, lease_ms, bytes = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local answer = {last_ring(KEYS[2])}
local function give(job, class, holds, releases, entries)
    for _, entry in ipairs(entries) do bytes = bytes - #entry[2][2] end
    room = room - #entries
    answer[#answer + 1] = {job, class, holds, releases, entries}
end
local function ended(job, class, stream, holds)
    for _, hold in ipairs(holds) do
        local claimed = bytes > 0 and redis.call('XCLAIM', stream, GROUP, me, lease_ms, hold[1])
        if claimed and claimed[1] then
            local releases = redis.call('HGET', job_key(prefix, job, 'tasks'), claimed[1][2][1] .. ':r')
            give(job, class, hold[4] + 1, tonumber(releases or 0), claimed)
        elseif claimed then
            redis.call('XACK', stream, GROUP, hold[1]) -- Its entry was deleted by another hand.
        end
    end
end
local function rooms() return room > 0 and bytes > 0 and room end
each_turn(KEYS[1], prefix, 6, rooms, function(job, class, most)
    local stream, before = job_key(prefix, job, class), room
    local holds = overdue(stream, lease_ms, most)
    if holds then
        ended(job, class, stream, holds)
        read_new(stream, me, most - (before - room), rooms, function(entries) give(job, class, 1, 0, entries) end)
    end
    return room < before
end)
return answer
