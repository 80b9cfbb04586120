-- Batches like those of loadgen: the same fields, topics and sizes, each event with an id of its
-- own. A batch of 0 events is the same small body in every request.
-- Everything but the ids is rendered once, and the request is put together by hand, which is faster
-- than wrk.format. With "anew", each event is made when it is sent, as loadgen does.

local TOPICS = { "auth", "payment", "orders" }

-- Number of rendered sets of events. They take turns, so that requests differ in size.
local SETS = 16

local sets, turn, count, salt, batch, pool = {}, 0, 0, 0, 0, ""

local function text(length)
  local characters = {}
  for place = 1, length do
    characters[place] = string.char(math.random(97, 122))
  end
  return table.concat(characters)
end

-- Puts ids into the even places, and the text between them into the odd ones.
local function render(batch)
  local parts = {}
  for place = 1, batch do
    local before = place == 1 and "[" or ","
    local open = ('%s{"topic":"%s","event_id":"'):format(before, TOPICS[math.random(#TOPICS)])
    parts[2 * place - 1] = (parts[2 * place - 1] or "") .. open
    parts[2 * place] = ""
    -- A payload of 64 to 256 bytes, with the names of its fields and a number.
    parts[2 * place + 1] = ('","timestamp":"2025-01-01T00:00:00.000Z",'
      .. '"source":"loadgen","payload":{"n":%d,"data":"%s"}}')
      :format(place, text(math.random(48, 240) - #tostring(place)))
  end
  parts[2 * batch + 1] = parts[2 * batch + 1] .. "]"
  return parts
end

local function anew()
  local events = {}
  for place = 1, batch do
    count = count + 1
    local start = math.random(#pool - 256)
    local data = pool:sub(start, start + math.random(48, 240) - #tostring(count) - 1)
    events[place] = ('{"topic":"%s","event_id":"%08x-%04x-4%03x-8%03x-%012x",'
      .. '"timestamp":"%s","source":"loadgen","payload":{"n":%d,"data":"%s"}}')
      :format(TOPICS[math.random(#TOPICS)], math.random(0, 0x7fffffff), math.random(0, 0xffff), math.random(0, 0xfff),
        math.random(0, 0xfff), count, os.date("!%Y-%m-%dT%H:%M:%S.000Z", count / 1000), count, data)
  end
  return "[" .. table.concat(events, ",") .. "]"
end

function init(args)
  if args[1] == "0" then
    wrk.headers["Content-Type"] = "application/json"
    whole = wrk.format("POST", nil, nil, "{}")
    request = function() return whole end
    return
  end
  math.randomseed(os.time())
  salt = math.random(0, 0x7fffffff)
  batch = tonumber(args[1])
  if args[2] == "anew" then
    wrk.headers["Content-Type"] = "application/json"
    pool = text(65536)
    request = function() return wrk.format("POST", nil, nil, anew()) end
    return
  end
  for set = 1, SETS do
    sets[set] = render(batch)
  end
  head = ("POST %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\nContent-Length: ")
    :format(wrk.path, wrk.host, wrk.port)
end

function request()
  turn = turn % SETS + 1
  local parts = sets[turn]
  for place = 2, #parts, 2 do
    count = count + 1
    parts[place] = ("%08x-0000-4000-8000-%012x"):format(salt, count)
  end
  local body = table.concat(parts)
  return head .. #body .. "\r\n\r\n" .. body
end

function done(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(("requests=%d errors=%d\n"):format(summary.requests, failed))
end
