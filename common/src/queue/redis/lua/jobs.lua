-- jobs: list the jobs of a version, with their owners and the states of their tasks.
-- KEYS 1 alive  2 owners  3 jobs  (only they name the jobs, so the keys of `tasks` are built from ARGV 1; one hash tag)
-- ARGV 1 prefix
-- Returns {{job, ms since its last sign of life or -1, its age in ms or -1, owner JSON or empty,
--      tasks waiting, leased, finished}, …}
-- Invariant: everything; it only reads.
local now, seen, found = now_ms(), {}, {}
for _, key in ipairs({KEYS[1], KEYS[3]}) do
    -- A parked job is in `alive` alone, one that never gave a sign of life in `jobs` alone.
    for _, job in ipairs(redis.call('ZRANGE', key, 0, -1)) do
        local states = not seen[job] and redis.call('HVALS', job_key(ARGV[1], job, 'tasks')) or {}
        local counts = {0, 0, 0}
        for _, state in ipairs(states) do
            local which = state == WAITING and 1 or is_finished(state) and 3 or 2
            counts[which] = counts[which] + 1
        end
        local sign, owner = redis.call('ZSCORE', KEYS[1], job), redis.call('HGET', KEYS[2], job)
        local since, json = string.match(owner or '', '^(%d+) (.*)$')
        local function ago(ms) return ms and math.max(0, now - ms) or -1 end
        if not seen[job] then found[#found + 1] = {job, ago(sign), ago(since), json or '', unpack(counts)} end
        seen[job] = true
    end
end
return found
