-- lease: give tasks to a consumer: class by class, jobs in turn, and ended leases before new tasks.
-- KEYS 1 jobs  2 bell for all  3 bell for the consumer  4 unconfirmed  (keys of jobs are built from ARGV 1)
-- ARGV 1 prefix  2 consumer
--      3 most tasks  4 most of those for all  5 lease_ms  6 bytes to stop after  7 ttl_ms
--      8 `woken`, if the bell for all woke it, or empty  9 unconfirmed_us
--      10 the class that goes first  11 the class of its addressed tasks  12 13 the other classes
--      14… lease ids whose answers the consumer received
-- Returns {1 nothing is left for it | 0, lease id, {job, class, delivery, {{entry, {field, task}}, …}, previous holder}, …}
--      For a task whose body is a blob: {entry, {field, '', 'bytes', length of the body}}
-- Invariant: every entry given is pending for this consumer, its task is leased under the lease id, and that is new and
--      unconfirmed. If tasks are left for all, the bell rings, or a worker that it woke has yet to call.
local prefix, me, room, lease_ms, bytes = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[5], tonumber(ARGV[6])
local us, jobs, heard = now_us(), live_jobs(KEYS[1], ARGV[1]), {unpack(ARGV, 14)}
local answer = {0, us .. ':' .. me}
local state = LEASED .. answer[2]
end_unconfirmed(KEYS[4], us - ARGV[9], heard, prefix, jobs, {ARGV[10], ARGV[12], ARGV[13]})
local function give(job, class, delivery, entries, held_by)
    local set = {}
    for n, entry in ipairs(entries) do
        bytes = bytes - (tonumber(entry[2][4]) or #entry[2][2])
        set[2 * n - 1], set[2 * n] = entry[2][1], state
    end
    redis.call('HSET', job_key(prefix, job, 'tasks'), unpack(set))
    room = room - #entries
    answer[#answer + 1] = {job, class, delivery, entries, held_by}
end
local function rooms() return room > 0 and bytes > 0 and room end
local function give_all(class)
    each_turn(KEYS[1], jobs, us, rooms, function(job, most)
        local before = room
        take(job_key(prefix, job, class), me, lease_ms, most, rooms, function(...) give(job, class, ...) end)
        return room < before
    end)
end
for class = 10, 11 do give_all(ARGV[class]) end
-- With room left, no addressed task waits, so a ring of its bell would be false.
if rooms() then redis.call('UNLINK', KEYS[3]) else ring(KEYS[3], ARGV[7]) end
-- A worker that was woken leaves a share of the tasks for all to others.
room = math.min(room, tonumber(ARGV[4]))
for class = 12, 13 do give_all(ARGV[class]) end
if answer[3] then note_lease_id(KEYS[4], us, answer[2], heard, ARGV[7]) end
if rooms() then redis.call('UNLINK', KEYS[2]) elseif ARGV[8] ~= '' then ring(KEYS[2], ARGV[7]) end
answer[1] = rooms() and 1 or 0
return answer
