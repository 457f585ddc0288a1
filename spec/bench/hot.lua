-- What one GET costs, of what raw libcurl's costs that waits by epoll, as pomex does; beside raw
-- libcurl that waits by poll, and a bare binding of libcurl with lua-cjson. Interleaved rounds, so
-- that a noisy neighbour hits all alike; medians. hot.sh calls it. Not a gate.
-- Where valgrind is installed: instructions as well, which no neighbour moves.

local bin = assert(os.getenv("POMEX_BENCH_BIN"), "POMEX_BENCH_BIN")
local rounds = tonumber(os.getenv("POMEX_BENCH_ROUNDS") or 5)
local HTTP, TLS, CA = os.getenv("POMEX_BENCH_HTTP"), os.getenv("POMEX_BENCH_TLS"),
  os.getenv("POMEX_BENCH_CA")

local PROGRAMS = {
  epoll = bin .. "/bench_raw epoll", perform = bin .. "/bench_raw perform",
  pomex = "lua5.4 spec/bench/get.lua pomex", rival = "lua5.4 spec/bench/get.lua rival",
  look = "lua5.4 spec/bench/get.lua look", differing = "lua5.4 spec/bench/get.lua look",
}

local ASSETS = { look = "/asset-2", differing = "/asset-3" }

local function command(name, scheme, count, flight)
  local url = (scheme == "TLS" and TLS or HTTP) .. (ASSETS[name] or "/asset-1")
  return ("%s %s sk-bench %d %d %s"):format(PROGRAMS[name], url, count, flight,
    scheme == "TLS" and CA or "")
end

local function numbers(line)
  local pipe = assert(io.popen(line))
  local rate, cpu = pipe:read("*a"):match "([%d.]+) ([%d.]+)"
  pipe:close()
  return assert(tonumber(rate), line), tonumber(cpu)
end

local function median(list)
  table.sort(list)
  return list[math.floor((#list + 1) / 2)]
end

local function row(what, got, wanted)
  io.write(("%-44s %-52s %s\n"):format(what, got, wanted or ""))
  io.flush()
end

-- Instructions a request: those of a long run, less those of a short one.
local function instructions(name, scheme, flight)
  local function of(count)
    local pipe = assert(io.popen("valgrind --tool=callgrind --callgrind-out-file=/dev/null "
      .. command(name, scheme, count, flight) .. " 2>&1"))
    local text = pipe:read("*a")
    pipe:close()
    return assert(tonumber(text:match "Collected : (%d+)"), text)
  end
  return (of(flight * 50 + 1000) - of(flight * 2 + 1000)) / (flight * 48)
end

local valgrind = os.execute("command -v valgrind > /dev/null 2>&1")

local function compare(scheme, flight, count, wanted)
  local rate, cpu = {}, {}
  local names = { "epoll", "perform", "rival", "pomex" }
  for _, name in ipairs(names) do rate[name], cpu[name] = {}, {} end
  for i = 1, rounds do
    for _, name in ipairs(names) do
      rate[name][i], cpu[name][i] = numbers(command(name, scheme, count, flight))
    end
    for _, name in ipairs { "perform", "rival", "pomex" } do
      rate[name][i] = rate[name][i] / rate.epoll[i]
      cpu[name][i] = cpu[name][i] / cpu.epoll[i]
    end
  end
  for _, name in ipairs { "perform", "rival", "pomex" } do
    local got = ("CPU %.2f, rate %.2f"):format(median(cpu[name]), median(rate[name]))
    row(("%s %d: %s, of raw epoll's"):format(scheme, flight, name), got,
      name == "pomex" and wanted)
  end
  if valgrind then
    local base = instructions("epoll", scheme, flight)
    row(("%s %d: instructions"):format(scheme, flight),
      ("raw epoll %.0f, rival %.0f, pomex %.0f"):format(base,
        instructions("rival", scheme, flight), instructions("pomex", scheme, flight)))
  end
end

for _, flight in ipairs { 1, 8, 64, 256 } do
  compare("http", flight, flight == 1 and 10000 or 40000,
    ({ [8] = "CPU <= 1.35, < rival", [64] = "CPU <= 1.25, < rival; rate >= 0.80",
      [256] = "CPU < rival" })[flight])
end
compare("TLS", 64, 40000, "rate >= 0.95")

local look = {}
for i = 1, rounds do
  local _, same = numbers(command("look", "http", 2, 64))
  local _, differing = numbers(command("differing", "http", 2, 64))
  look[i] = same / differing
end
row("a look that finds what the last one found", ("CPU %.2f, of one whose answer differs"):format(
  median(look)), "<= 0.9")
