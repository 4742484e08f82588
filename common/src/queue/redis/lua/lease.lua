-- lease: give tasks to a consumer: by priority, class by class, jobs in turn, and ended leases before new tasks.
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
local prefix, me, lease_ms = ARGV[1], ARGV[2], ARGV[5]
local us, heard, answer = now_us(), {unpack(ARGV, 14)}, {0}
local jobs, levels = live_jobs(KEYS[1], prefix)
answer[2] = us .. ':' .. me
end_unconfirmed(KEYS[4], us - ARGV[9], heard, prefix, jobs, {ARGV[10], ARGV[12], ARGV[13]})
local room = new_room(tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[6]))
local function give(job, class, delivery, entries, held_by)
    local set = {}
    for n, entry in ipairs(entries) do set[2 * n - 1], set[2 * n] = entry[2][1], LEASED .. answer[2] end
    redis.call('HSET', job_key(prefix, job, 'tasks'), unpack(set))
    room.fill(entries)
    answer[#answer + 1] = {job, class, delivery, entries, held_by}
end
local had_room = true
for _, level in ipairs(levels) do
    for class = 10, 13 do
        -- A worker that was woken leaves a share of the tasks for all to others.
        room.is_for_all = class > 11
        each_turn(KEYS[1], level, us, room.left, function(job, most)
            local before, stream = #answer, job_key(prefix, job, ARGV[class])
            take(stream, me, lease_ms, most, room.left, function(...) give(job, ARGV[class], ...) end)
            return #answer > before
        end)
        if class == 11 then had_room = had_room and room.left() end
    end
end
room.is_for_all = true
-- With room left, no addressed task waits, so a ring of its bell would be false.
if had_room then redis.call('UNLINK', KEYS[3]) else ring(KEYS[3], ARGV[7]) end
if answer[3] then note_lease_id(KEYS[4], us, answer[2], heard, ARGV[7]) end
if room.left() then redis.call('UNLINK', KEYS[2]) elseif ARGV[8] ~= '' then ring(KEYS[2], ARGV[7]) end
answer[1] = room.left() and 1 or 0
return answer
