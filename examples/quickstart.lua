-- From a person's verification to a saved video. quickstart.sh builds what this needs and runs
-- it; what it takes is listed there.

local pomex = require "pomex"
local check = pomex.check

local options = { portrait = "https://cdn.example/portrait.jpg",
  callback_url = "https://app.example/callback", output = "quickstart.mp4" }
do
  local flags = { ["--live"] = "live", ["--browser"] = "browser", ["--tty"] = "tty" }
  local values = { ["--callback-url"] = "callback_url", ["--portrait"] = "portrait",
    ["--output"] = "output" }
  local i = 1
  while arg[i] do
    local flag, value = flags[arg[i]], values[arg[i]]
    if not flag and not value then
      io.stderr:write("quickstart: unknown argument: ", arg[i], "\n")
      os.exit(2)
    end
    options[flag or value] = flag and true or arg[i + 1]
    i = i + (flag and 1 or 2)
  end
end

-- ---------------------------------------------------------------------------- on the screen

io.stdout:setvbuf "no"

local function step(text, ...)
  print(("• " .. text):format(...))
end

-- Waits, and shows it: on a terminal one line that changes in place, elsewhere a line for each
-- new status. `start(on_update, on_progress)` begins the wait and returns its operation.
local function watch(what, status, start)
  local begin, shown = os.time(), nil
  local operation = start(function(object) status = object.status end, function(done, total)
    if options.tty and total then
      status = ("%d %% of %.1f MB"):format(math.floor(done * 100 / math.max(total, 1)), total / 1e6)
    end
  end)
  local function show()
    if not status then return end
    if options.tty then
      io.write(("\r  the %s is %-10s %3d s "):format(what, status, os.time() - begin))
    elseif status ~= shown then
      print(("  the %s is %s"):format(what, status))
    end
    shown = status
  end
  while not operation:done() do
    show()
    operation:wait(0.25)   -- what runs out here is this look at it, not the operation
  end
  local value, err = operation:wait()
  status = value and value.status or "failed"
  show()
  if options.tty then print() end
  return check(value, err)
end

-- -------------------------------------------------------------------------------- the phone

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- What the page's button does: it posts the form; the answer is the 302 to callback_url.
local function press_pass(h5_link)
  local pipe = assert(io.popen("curl -sS --noproxy '*' -o /dev/null -d outcome=pass "
    .. "-w '%{http_code} %{redirect_url}' " .. quoted(h5_link)))
  local answer = pipe:read "*a"
  pipe:close()
  local status, location = answer:match "^(%d+) (%S+)$"
  assert(status == "302", "the page answered " .. answer)
  step('Played the phone: pressed "pass", and was sent (302) to\n  %s', location)
  return location
end

local function ask_human()
  print "  Open it, do the scan, and paste here the address that the browser was sent to:"
  io.write "  > "
  return assert(io.read "*l", "no address was given")
end

-- The whole number of so many bytes, the most significant first.
local function number_at(data, at, bytes)
  local number = 0
  for i = at, at + bytes - 1 do number = number * 256 + data:byte(i) end
  return number
end

-- How long a video plays: duration over timescale of its mvhd box.
local function seconds_of(path)
  local file = assert(io.open(path, "rb"))
  local data = file:read "*a"
  file:close()
  local at = data:find("mvhd", 1, true)
  if not at then return 0, #data end
  local long = data:byte(at + 4) == 1
  local scale_at = at + (long and 24 or 16)
  return number_at(data, scale_at + 4, long and 8 or 4) / number_at(data, scale_at, 4), #data
end

-- ---------------------------------------------------------------------------------- the flow

local function flow(client)
  local session = check(client.sessions:create { callback_url = options.callback_url, lang = "en" })
  step("Created a session. This link is for the person's phone:\n  %s", session.h5_link)

  local by_hand = options.live or options.browser
  local address = by_hand and ask_human() or press_pass(session.h5_link)
  local person = check(pomex.callback.parse_unverified(address))
  step("Verified (%s): %s", person.verify_type or "no type given", person.group_id)

  local asset = check(client.assets:create { url = options.portrait, asset_type = "Image",
    group_id = person.group_id })
  step("Uploaded a portrait: %s", asset.id)
  asset = watch("asset", asset.status, function(on_update)
    return client.async.assets:wait(asset.id, { on_update = on_update })
  end)

  local page = check(client.assets:list { group_id = person.group_id })
  step("Listed the person's assets: %d, the first is called %q", page.total_count,
    page.items[1].name)

  -- Whether the file can be written is looked at before the video is asked for.
  watch("video", nil, function(on_update, on_progress)
    return client.async.generations:create_and_wait({
      model = "byteplus/seedance-2.0-fast",
      content = pomex.content()
        :text "The person in {rachel} smiles and waves at the camera."
        :image(asset, "rachel"),
    }, {
      save = options.output, overwrite = true, on_update = on_update, on_progress = on_progress,
      on_created = function(task)
        step("Asked for a video with asset://%s: %s", asset.id, task.id)
        on_update(task)
      end,
    })
  end)
  local seconds, bytes = seconds_of(options.output)
  step("Saved %s: %.1f MB, %.1f s", options.output, bytes / 1e6, seconds)
end

local sb, client

local function main()
  if options.live then
    client = check(pomex.new())
  else
    sb = check(require("pomex.sandbox").start { asset_seconds = 2, generation_seconds = 6 })
    client = check(pomex.new(sb:client_options()))
    step("Started a sandbox at %s (no real service, nothing is billed)", sb.url)
  end
  flow(client)
end

local ok, why = xpcall(main, tostring)
if client then client:close() end
if sb then sb:stop() end
if ok then
  local bin = (os.getenv "POMEX_SANDBOX_BIN" or "build/release/bin/"):match "^(.*)/"
  step("Next, try the command that was built (\"After the quickstart\" in README.md goes on):\n"
    .. "  export PATH=%s:$PATH\n  pomex --help", bin:gsub("[^%w/._-]", "\\%0"))
else
  -- Ctrl-C reaches a Lua program as an error of this name.
  local interrupted = why:find("interrupted!", 1, true)
  io.stderr:write(interrupted and "\nquickstart: stopped" or "\nquickstart: " .. why, "\n")
  os.exit(interrupted and 130 or 1, true)
end
