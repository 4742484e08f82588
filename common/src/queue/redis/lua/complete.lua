-- complete: store what tasks of one job came to, each once, and forget the tasks.
-- KEYS 1 tasks  2 outcomes  3 rows  4 news  5… streams of the classes
-- ARGV 1 keep_ms  2 consumer, then for each: which KEY is its stream, its field in `tasks`, entry, holds, token,
--      outcome encoded, number of blocks, the blocks
-- Returns for each 1 stored (now, or before by this very lease) | 0 stale: nothing was written
-- Keeps: an entry's outcome is written at most once; no outcome without its rows; goes through when the server is full.
drains(KEYS[1])
local places, fields, at = {}, {}, 3
while at <= #ARGV do
    places[#places + 1], fields[#fields + 1] = at, ARGV[at + 1]
    at = at + 7 + tonumber(ARGV[at + 6])
end
local states = redis.call('HMGET', KEYS[1], unpack(fields))
local answers, finished, set, releases, gone, news = {}, {}, {}, {}, {}, {}
for n, i in ipairs(places) do
    local stream, field, entry, holds, token = KEYS[tonumber(ARGV[i])], unpack(ARGV, i + 1, i + 4)
    answers[n] = 0
    if states[n] == token or finished[field] == token then
        answers[n] = 1 -- It came before, and the reply was lost.
    elseif states[n] == entry and not finished[field] and held(stream, entry, holds, ARGV[2], #places) then
        for block = 1, tonumber(ARGV[i + 6]) do
            redis.call('HSET', KEYS[3], field .. ':' .. (block - 1), ARGV[i + 6 + block])
        end
        answers[n], finished[field] = 1, token
        set[#set + 1], set[#set + 2] = field, token
        local k = #news
        news[k + 1], news[k + 2], news[k + 3], news[k + 4] = field, ARGV[i + 5], 'k', token
        if holds ~= '1' then releases[#releases + 1] = field .. ':r' end
        gone[stream] = gone[stream] or {}
        table.insert(gone[stream], entry)
    end
end
for stream, entries in pairs(gone) do delete_finished(stream, entries) end
if #set > 0 then note_finished(KEYS, set, releases, news, ARGV[1]) end
return answers
