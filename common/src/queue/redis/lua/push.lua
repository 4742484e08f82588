-- push: put tasks of one job and class on their stream, each once.
-- KEYS 1 stream of the class, or of the addressee  2 tasks  3 jobs
--      4 bell for all, or for the addressee  5 versions  6 addressed
-- ARGV 1 job  2 version  3 ttl_ms
--      4 `drains`: goes through when the server is full, or `fills`
--      5 addressee: the worker that the tasks are for, or empty
--      6 level of the job's priority
--      7… triples: the task's field in `tasks`, task encoded, empty; or for a body that is a blob: field, empty, its length
-- Returns how many were added: not those that wait or are leased already. Error OOM: none was.
-- Invariant: a task id has at most one entry; a task that `tasks` calls waiting stands on the stream.
if ARGV[4] == 'drains' then drains(KEYS[2]) end
local group = redis.pcall('XGROUP', 'CREATE', KEYS[1], GROUP, '0', 'MKSTREAM')
if group.err and not string.find(group.err, 'BUSYGROUP') then
    return group
end
if ARGV[5] ~= '' and redis.call('SADD', KEYS[6], ARGV[5]) == 1 and group.err then
    -- `addressed` was lost, so the audit took all tasks on this stream for lost: they are pushed again.
    redis.call('UNLINK', KEYS[1])
    redis.call('XGROUP', 'CREATE', KEYS[1], GROUP, '0', 'MKSTREAM')
end

local known, fields = states_of(KEYS[2], 7, 3)
local set, put = {}, {}
for n, field in ipairs(fields) do
    local waits = known[n] and not is_finished(known[n])
    if not waits and not put[field] then
        local task, blob_bytes = ARGV[3 * n + 5], ARGV[3 * n + 6]
        if blob_bytes == '' then
            redis.call('XADD', KEYS[1], '*', field, task)
        else
            redis.call('XADD', KEYS[1], '*', field, '', 'bytes', blob_bytes)
        end
        put[field] = true
        set[#set + 1], set[#set + 2] = field, WAITING
    end
end

if #set > 0 then
    redis.call('HSET', KEYS[2], unpack(set))
    redis.call('ZADD', KEYS[3], 'NX', score_of(ARGV[6], 0), ARGV[1])
    ring(KEYS[4], ARGV[3])
end
renews(KEYS, ARGV[3], ARGV[2], KEYS[5])
return #set / 2
