-- complete: store what tasks of one job came to, each once, and forget the tasks.
-- KEYS 1 tasks  2 outcomes  3 rows  4 news  5… streams of the classes
-- ARGV 1 keep_ms, then for each: which KEY is its stream, its field in `tasks`, entry, holds, consumer,
--      outcome encoded, number of blocks, the blocks
-- Returns for each 1 stored (now, or before by this very lease) | 0 stale: nothing was written
-- Keeps: an entry's outcome is written at most once; no outcome without its rows; goes through when the server is full.
drains(KEYS[1])
local places, fields, at = {}, {}, 2
while at <= #ARGV do
    places[#places + 1], fields[#fields + 1] = at, ARGV[at + 1]
    at = at + 7 + tonumber(ARGV[at + 6])
end
local states = redis.call('HMGET', KEYS[1], unpack(fields))
local answers, marks, set, releases, gone, news = {}, {}, {}, {}, {}, {}
for n, i in ipairs(places) do
    local stream, field, entry, holds, consumer = KEYS[tonumber(ARGV[i])], unpack(ARGV, i + 1, i + 4)
    local mark = 'f' .. entry .. ':' .. holds .. ':' .. consumer
    answers[n] = 0
    if states[n] == mark or marks[field] == mark then
        answers[n] = 1 -- It came before, and the reply was lost.
    elseif states[n] == entry and not marks[field] and held(stream, entry, holds, consumer, #places) then
        for block = 1, tonumber(ARGV[i + 6]) do
            redis.call('HSET', KEYS[3], field .. ':' .. (block - 1), ARGV[i + 6 + block])
        end
        answers[n], marks[field], releases[#releases + 1] = 1, mark, field .. ':r'
        append(set, field, mark)
        append(news, 'o', ARGV[i + 5], 't', field, 'k', mark)
        gone[stream] = append(gone[stream] or {}, entry)
    end
end
for stream, entries in pairs(gone) do delete_finished(stream, entries) end
if #set > 0 then note_finished(KEYS, set, releases, news, ARGV[1]) end
return answers
