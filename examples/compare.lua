-- What compare.sh runs, once pomex is built: each fault against each program, with sandboxes of
-- their own. What they were billed for, and who got the key, is asked of the sandboxes.

local sandbox = require "pomex.sandbox"
local socket = require "socket"

local REQUEST_TIMEOUT = 2   -- seconds; both programs have it
local PROGRAMS = { { "plain", "thirty_lines.lua" }, { "pomex", "pomex_lines.lua" } }

-- `elsewhere` is another host; it knows the key, so it can tell whether it was sent it.
local FAULTS = {
  { "no fault", function() end },
  { "the answer is lost after the task was made", function(sb)
    sb:fault { endpoint = "generations.create", after_accept = "drop" }
  end },
  { "a reused connection dies with its request", function(sb)
    sb:fault { endpoint = "*", reused = true, after_accept = "drop", times = 0 }
  end, "luasocket reuses none; libcurl does, and would send a POST again: pomex does not let it" },
  { "the video breaks off in the middle", function(sb)
    sb:fault { endpoint = "video", after_accept = "truncate" }
  end },
  { "the task is made, and then there is silence", function(sb)
    sb:fault { endpoint = "generations.create", after_accept = "hang" }
  end },
  { "an answer redirects to another host", function(sb, elsewhere)
    sb:fault { endpoint = "generations.get", status = 302,
      headers = { Location = elsewhere.url .. "/v1/video/generations/x" } }
  end },
}

local HERE = debug.getinfo(1, "S").source:match "^@(.*/)[^/]*$" or "./"

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function first_line(file)
  local line = file:read "*l"
  file:close()
  return line
end

-- "whole", "broken" or "none": an mp4 is boxes, each beginning with its length, to the last byte.
local function state_of(path)
  local file = io.open(path, "rb")
  if not file then return "none" end
  local size = file:seek "end"
  local at, boxes = 0, 0
  while at < size do
    file:seek("set", at)
    local a, b, c, d = (file:read(4) or ""):byte(1, 4)
    local length = d and ((a * 256 + b) * 256 + c) * 256 + d or 0
    if length < 8 then break end
    at, boxes = at + length, boxes + 1
  end
  file:close()
  return at == size and boxes > 1 and "whole" or "broken"
end

local function was_sent_the_key(elsewhere)
  for _, request in ipairs(elsewhere.journal:requests()) do
    if request.authorized then return true end
  end
  return false
end

-- The key goes through the pipe: everybody may read a command line. What the program says goes to
-- `log`.
local function run(program, sb, output, log)
  local pipe = assert(io.popen(("read -r POMEX_API_KEY; export POMEX_API_KEY; "
    .. "POMEX_BASE_URL=%s REQUEST_TIMEOUT=%d timeout 30 %s %s %s %s > %s 2>&1"):format(sb.url,
    REQUEST_TIMEOUT, quoted(arg[-1]), quoted(HERE .. program), sb:add_person(), quoted(output),
    quoted(log)), "w"))
  pipe:write(sb.key, "\n")
  pipe:close()
end

-- Runs the program to its end. Returns its row, and the first line that it said.
local function try(program, inject, folder)
  local sb = assert(sandbox.start { asset_seconds = 0.2, generation_seconds = 0.2 })
  local elsewhere = assert(sandbox.start { key = sb.key })
  inject(sb, elsewhere)
  local output = folder .. "/" .. program .. ".mp4"
  local begin = socket.gettime()
  run(program, sb, output, output .. ".log")
  local row = { seconds = socket.gettime() - begin, tasks = sb.ledger:count "generation",
    file = state_of(output), leaked = was_sent_the_key(elsewhere) and "yes" or "no" }
  os.remove(output)
  sb:stop()
  elsewhere:stop()
  local said = first_line(assert(io.open(output .. ".log"))) or ""
  local words = said:gsub("^%S*lua%S*: ", ""):gsub("^%S*%.lua:%d+: ", "")
  return row, words
end

local FORMAT = "%-44s  %-7s  %5s  %-6s  %7s  %s"

local function compare(folder)
  print(FORMAT:format("fault", "program", "tasks", "file", "seconds", "key leaked"))
  for _, fault in ipairs(FAULTS) do
    for i, program in ipairs(PROGRAMS) do
      local row, said = try(program[2], fault[2], folder)
      print(FORMAT:format(i == 1 and fault[1] or "", program[1], ("%d"):format(row.tasks),
        row.file, ("%.1f"):format(row.seconds), row.leaked))
      if said ~= "" then print("    it said: " .. said) end
    end
    if fault[3] then print("    (" .. fault[3] .. ")") end
  end
end

io.stdout:setvbuf "line"
local folder = assert(first_line(assert(io.popen "mktemp -d")), "mktemp made no folder")
local ok, why = pcall(compare, folder)
os.execute("rm -rf " .. quoted(folder))
if not ok then
  io.stderr:write("compare: ", tostring(why), "\n")
  os.exit(1, true)
end
