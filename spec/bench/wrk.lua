--- Loads an nginx with wrk, and prints the rows of a table, for the benches beside it.

local proc = require "spec.support.proc"
local shell = require "spec.support.shell"

local wrk = {}

---What the upstream of either answers.
wrk.ASSET = [[{"id":"asset-1","object":"asset","status":"active","asset_type":"Image",]]
  .. [["group_id":"group-1","name":"front","created_at":1700000000,"url":"https://cdn.example/]]
  .. ("a"):rep(120) .. [["}]]

---@param what string
---@param got string
---@param wanted? string
function wrk.row(what, got, wanted)
  io.write(("%-62s %-30s %s\n"):format(what, got, wanted or ""))
  io.flush()
end

---@param list number[]
---@return number
function wrk.median(list)
  table.sort(list)
  return list[math.floor((#list + 1) / 2)]
end

---Milliseconds of what wrk prints: "131.00us", "1.20ms", "1.02s".
---@param text string
---@return number
function wrk.ms(text)
  local number, unit = (text or error "wrk said nothing"):match("^([%d.]+)(%a+)$")
  return tonumber(number) * ({ us = 0.001, ms = 1, s = 1000, m = 60000 })[unit]
end

---@param server Nginx
---@param path string
---@param connections integer
---@param seconds number
---@return { p50: number, p99: number, rate: number, count: number, failed: number, cpu: number }
function wrk.load(server, path, connections, seconds)
  local worker = server:workers()[1]
  local before = proc.usage(worker)
  local text = shell.bash(("wrk -t1 -c%d -d%gs --latency %s%s"):format(connections, seconds,
    server.url, path))
  local after = server:runs(worker) and proc.usage(worker) or before
  local count = tonumber(text:match("(%d+) requests in")) or error(text)
  local failed = tonumber(text:match("Non%-2xx or 3xx responses: (%d+)") or 0)
  for n in (text:match("Socket errors: [^\n]+") or ""):gmatch("%d+") do
    failed = failed + tonumber(n)
  end
  return {
    p50 = wrk.ms(text:match("\n +50%%%s+(%S+)")), p99 = wrk.ms(text:match("\n +99%%%s+(%S+)")),
    rate = tonumber(text:match("Requests/sec:%s+(%S+)")), count = count, failed = failed,
    cpu = (after.ticks - before.ticks) * 10000 / count,
  }
end

return wrk
