--- A whole flow, in which one allocation of Lua's fails, or all from one on until the call
--- that it strikes has ended. test_starved.c runs it for each of them. `starved(f, …)` is a
--- pcall with the failing allocator; between such calls there is memory.

local base_url, folder, starved, count = ...
local pomex = require "pomex"

-- The LuaJIT of 2023 crashes if memory runs out on a trace, and in a tostring of a number.
if jit then jit.off() end

-- Loads what is loaded when it is used: starved_require.lua is about that.
local first = assert(pomex.new { api_key = "sk-test-key", base_url = base_url })
first:run(pomex.content)
first:close()

local unpack = table.unpack or unpack
local REFUSAL = "not enough memory"

local function pack(...)
  return { n = select("#", ...), ... }
end

-- What a program does that catches the error, frees something and goes on.
local function keep(f, ...)
  for _ = 1, 3 do
    local result = pack(starved(f, ...))
    if result[1] then return unpack(result, 2, result.n) end
    if not tostring(result[2]):find(REFUSAL, 1, true) then error(result[2], 0) end
  end
  error("it raises though there is memory")
end

local function is(wanted, got, what)
  if wanted ~= got then
    error(("%s: %s and not %s"):format(what, tostring(got), tostring(wanted)), 2)
  end
end

local events, updates, created, told = 0, 0, 0, 0
local client = assert(keep(pomex.new, {
  api_key = "sk-test-key", base_url = base_url, proxy = "", rate_limits = false,
  poll = { asset = { first = 0.001, max = 0.001 }, generation = { first = 0.001, max = 0.001 } },
  on_event = function(event) events = events + #(event.name .. "!") end,
}))
local async = client.async

-- Steps until nothing is left: whatever failed, no operation and no task hangs.
local function drain()
  for _ = 1, 20000 do
    if keep(client.step, client) == 0 then return end
    keep(client.poll, client, 0.05)
  end
  error("it never ends: " .. tostring(client))
end

-- A started operation's result, whatever its wait raised.
local function value(op)
  local result, err = keep(op.wait, op)
  if err then error("it was told: " .. tostring(err)) end
  local again = keep(op.wait, op)
  is(result, again, "the result that was kept")
  return result
end

local session = value(keep(async.sessions.create, async.sessions, {
  callback_url = "https://app.example/cb" }))
is("https://h5.example/?a=b", session.h5_link, "h5_link")

local asset = value(keep(async.assets.create, async.assets, {
  url = "https://cdn.example/a.jpg", asset_type = "Image", group_id = "group-1" }))
is("asset-1", asset.id, "asset")
is(1, count "POST /v1/video/assets" - count "POST /v1/video/assets/sessions", "uploads")

local active = value(keep(async.assets.wait, async.assets, asset, {
  on_update = function(seen) updates = updates + #(seen.status .. "!") end }))
is("active", active.status, "asset")

-- Beside others, with a handler and a waiting task.
local generation = keep(async.generations.create, async.generations, {
  model = "byteplus/seedance-2.0",
  content = pomex.content():text "{a} waves":image("asset-1", "a") })
keep(generation.on_done, generation, function(task, err)
  told = told + 1
  assert(err == nil, err)
  return task.id .. "!"
end)
local waiter = keep(client.spawn, client, function()
  coroutine.yield()
  return client.generations:wait("cgt-1", { on_update = function() end })
end)
local crowd = {}
for i = 1, 5 do
  crowd[i] = keep(client.spawn, client, function() return generation:wait() end)
end
local task = value(generation)
is("cgt-1", task.id, "task")
drain()
is(1, told, "on_done")
is(1, count "POST /v1/video/generations", "billed requests")
local function ended(what, field, wanted)
  is(true, what:done(), "the task is over")
  local whole, got = pcall(what.wait, what)
  if whole then
    is(wanted, got[field], "what the task returned")
  else
    is(REFUSAL, tostring(got):match(REFUSAL), "what the task raised")
  end
end
ended(waiter, "status", "succeeded")
for i = 1, 5 do ended(crowd[i], "id", "cgt-1") end

-- Many at once; each ends, with its value or with what it raised.
local results = keep(client.map, client, { 1, 2, 3, 4 }, function(i)
  local got = pomex.check(client.assets:get("asset-1"))
  return got.id .. i
end, { concurrency = 2 })
for i = 1, 4 do
  if results[i][1] == nil then
    is(REFUSAL, tostring(results[i][2]):match(REFUSAL), "what one of many raised")
  else
    is("asset-1" .. i, results[i][1], "one of many")
  end
end
drain()

local path = folder .. "/out.mp4"
local file = value(keep(async.generations.download, async.generations, task, path, {
  on_progress = function(done, total) return done .. "/" .. total end }))
is(path, file.path, "path")
is(20, file.size, "size")
is("0123456789abcdefghij", assert(io.open(path, "rb")):read("*a"), "the file")

-- The plain forms, and what they return when told no.
local both = keep(client.run, client, function()
  local made = pomex.check(client.assets:create_and_wait({
    url = "https://cdn.example/b.jpg", asset_type = "Image", group_id = "group-1" }, {
    on_created = function() created = created + 1 end }))
  return made.status
end)
is("active", both, "create_and_wait")
local nothing, err = keep(client.assets.get, client.assets, "missing")
is(nil, nothing, "a missing asset")
is("not_found_error", err.type, "error")
if not jit then is("not_found_error", keep(tostring, err):match("^[%w_]+"), "line") end
local page = keep(client.assets.list, client.assets, { group_id = "group-1" })
is(2, #page.items, "items")
drain()

-- One is dropped in flight, one cancelled, one ended by close.
keep(async.assets.get, async.assets, "hangs")
local cancelled = keep(async.assets.get, async.assets, "hangs")
keep(cancelled.cancel, cancelled)
local closed = keep(async.assets.get, async.assets, "hangs")
keep(client.step, client)
collectgarbage()
keep(client.close, client)
for _, op in ipairs { cancelled, closed } do
  local gone, why = keep(op.wait, op)
  is(nil, gone, "of a closed client")
  is("cancelled_error", why.type, "error")
  is(op == closed, why.message:find("closed", 1, true) ~= nil, why.message)
  is(nil, why.message:find("process", 1, true), why.message)
end
is(true, events > 0 and updates > 0, "news")
