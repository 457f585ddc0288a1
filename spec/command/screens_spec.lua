-- What a terminal shows of `pomex run`: compared with spec/command/screens, once times and ids are
-- masked. POMEX_SCREENS=write writes those files anew: look at each of them then.

local campaigns = require "spec.support.campaigns"
local window = require "spec.support.window"

if not campaigns.possible or not window.possible then return end

-- Times and ids, each as wide as it was.
local MASKS = {
  { "%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d", "YYYY-MM-DD hh:mm:ss" },
  { "[%w-]+ is (%l+)%-%d+%-%w+", "KEY is %1-ID" },
  { "cgt%-%d+%-%w+", "cgt-ID" }, { "asset%-%d+%-%w+", "asset-ID" },
  { "( +)%d s  ", "%1N s  " }, { "( +)%d%d s  ", "%1 N s  " }, { "( +)%d:%d%d  ", "%1 N s  " },
  { "about [%d: ]+ ?s? ?left", "about N left" }, { "· %d+ s ", "· N s " },
  { "· %d:%d%d ", "· N s " }, { "'[^']*' '[^']*/bin/pomex'", "pomex" },
  { "Stopped +", "Stopped                 " }, -- bash 5.3 makes it wider
}

-- Several answers are under way at once, so that ids and files come in any order.
local function without_order(text)
  return (text:gsub("[^\n]*\n", function(line)
    if line:find("^KEY is %l+%-ID\n") or line:find("^scene%-%d+%.mp4\n") then
      return "(an id or a file)\n"
    end
  end))
end

local function masked(text)
  for _, mask in ipairs(MASKS) do text = text:gsub(mask[1], mask[2]) end
  return without_order(text)
end

describe("the screen of pomex run #command", function()
  local env, win = {}, nil
  campaigns.begin(env, { asset_seconds = 0, generation_seconds = 3000 })

  after_each(function()
    if win then win:close() end
    win = nil
    env.sb.clock:advance(6000)
  end)

  local function manifest(count)
    local lines = { "key,prompt,images,duration,save,portrait,group_id\n",
      ("rachel-front,,,,,https://cdn.example/a.jpg,%s\n"):format(env.person) }
    for i = 1, count do
      lines[#lines + 1] = ("scene-%d,{x} waves,x=job:rachel-front,5,,,\n"):format(i)
    end
    env.write("m.csv", table.concat(lines))
  end

  local function open(columns, rows, more)
    win = window.open(columns, rows, env.profile() .. (more or ""), env.folder)
    return win
  end

  -- The same twice: nothing is being drawn.
  local function settled(with_colors)
    local before
    for _ = 1, 100 do
      local now = masked(win:seen(with_colors))
      if now == before then return now end
      before = now
    end
    return before
  end

  local function compare(name, with_colors)
    local seen, path = settled(with_colors), ("spec/command/screens/%s.txt"):format(name)
    if os.getenv "POMEX_SCREENS" == "write" then
      local file = assert(io.open(path, "wb"))
      file:write(seen)
      file:close()
    end
    assert.equal(campaigns.read(path), seen, name)
  end

  -- Five of twelve are being made.
  local function five_active(columns, rows, before, more)
    manifest(12)
    open(columns, rows, before)
    win:type("clear; pomex run m.csv --yes --concurrency 5" .. (more or ""))
  end

  -- All of them are seen to be, and the sum knows it.
  local function is_drawn()
    win:await "scene%-5 [^\n]*que.*1[ /]o?f? ?13 done.*5 act"
  end

  -- Those five come to their end; the next five are being made.
  local function five_more()
    env.sb.clock:advance(4000)
    win:await "scene%-10 [^\n]*que.*6[ /]o?f? ?13 done.*5 act"
  end

  it("asks once, with the count and the sum", function()
    manifest(12)
    open(80, 24)
    win:type "clear; pomex run m.csv --price 2.5"
    win:await "Go on"
    compare "asked"
    win:type "n"
    win:await "next:"
    compare "asked-no"
  end)

  it("is a line for each active job and a sum, in 80 columns", function()
    five_active(80, 24)
    is_drawn()
    compare "active-80x24"
    five_more()
    compare "later-80x24"
    win:press "C-c"
    win:await "next:.*%$\n$"
    compare "interrupted-80x24"
  end)

  it("goes on with the time since the attempt began", function()
    five_active(80, 24)
    win:await "scene%-5 +[4-9] s +making"
    win:press "C-c"
    win:await "next:.*%$\n$"
    win:type "clear; pomex run m.csv --yes --concurrency 5"
    local seconds = win:await "scene%-5 +%d+ s +making":match "scene%-5 +(%d+) s"
    assert.is_true(tonumber(seconds) >= 4, seconds)
  end)

  it("fits a small window", function()
    five_active(40, 10)
    is_drawn()
    five_more()
    compare "later-40x10"
    win:press "C-c"
    win:await "%$\n$"
    compare "interrupted-40x10"
  end)

  it("cuts the jobs that do not fit, and says how many", function()
    manifest(30)
    open(60, 10)
    win:type "clear; pomex run m.csv --yes --concurrency 20 --price 2.5 --max-cost 10"
    win:await "1 of 31 done · [1-9].*20 act" -- the money comes with the next count
    compare "many-60x10"
  end)

  it("uses a large window", function()
    five_active(200, 50)
    is_drawn()
    five_more()
    compare "later-200x50"
  end)

  it("is drawn anew when the window is resized", function()
    five_active(80, 24)
    is_drawn()
    win:resize(22, 8)
    win:await "1/13 done"
    compare "resized-22x8"
    win:resize(100, 30)
    win:await "1 of 13 done"
    compare "resized-100x30"
    five_more()
    compare "resized-later"
  end)

  it("says what failed and what is unclear, and what to type", function()
    env.write("m.csv", "key,prompt,duration\nbad,[fail],5\nlost,lost,5\ngood,good,5\n")
    env.sb:fault { endpoint = "generations.create", after_accept = "drop", skip = 1 }
    open(100, 30)
    win:type "clear; pomex run m.csv --yes --concurrency 1"
    win:await "bad +%d+ s +making"
    env.sb.clock:advance(4000)
    win:await "good +%d+ s +making %(queued%).*1 unclear"
    compare "unclear-active"
    env.sb.clock:advance(4000)
    win:await "next:.*%$\n$"
    compare "unclear-end"
  end)

  it("has colours, and none with NO_COLOR", function()
    five_active(80, 24)
    is_drawn()
    compare("colours", true)
    win:press "C-c"
    win:await "next:.*%$\n$" -- its worker holds its store until it ends
    win:close()
    env.sb.clock:advance(6000)
    os.execute("rm -f " .. env.path "m.csv.jobs.db*" .. " " .. env.path "*.mp4")
    five_active(80, 24, "export NO_COLOR=1\n")
    is_drawn()
    compare("no-colour", true)
  end)

  it("is a line a change on a dumb terminal, and in a pipe", function()
    manifest(2)
    open(80, 24, "export TERM=dumb\n")
    win:type "clear; pomex run m.csv --yes --concurrency 1"
    win:await "scene%-1 is cgt"
    compare "dumb"
    win:press "C-c"
    win:await "next:.*%$\n$"
    win:close()
    os.remove(env.path "m.csv.jobs.db")
    env.sb.clock:advance(6000)
    open(80, 24)
    win:type "clear; pomex run m.csv --yes --concurrency 1 2>&1 | cat"
    win:await "scene%-1 is cgt"
    compare "piped"
  end)

  it("is silent with --quiet, apart from ids", function()
    five_active(80, 24, nil, " --quiet")
    win:await "scene%-5 is"
    compare "quiet"
  end)

  it("ends at once at the second Ctrl-C", function()
    manifest(3)
    env.sb:fault { endpoint = "generations.create", delay = 60, times = 1 }
    open(80, 24)
    win:type "clear; pomex run m.csv --yes --concurrency 1"
    win:await "sending.*1 of 4 done" -- the sum knows of the portrait
    compare "sending"
    win:press "C-c"
    win:await "stopping.*stopping"
    compare "stopping"
    os.execute "sleep 0.2" -- within a tenth of a second it is the same wish
    win:press "C-c"
    win:await "next:.*%$\n$"
    compare "killed"
  end)

  it("is taken away at Ctrl-Z, and drawn again after fg", function()
    five_active(80, 24)
    is_drawn()
    win:press "C-z"
    win:await "Stopped"
    compare "suspended"
    win:type "fg"
    win:await "Stopped.*5 active"
    compare "resumed"
    win:press "C-c"
    win:await "next:"
  end)

  it("ends with the files and one line", function()
    manifest(3)
    open(80, 24)
    win:type "clear; pomex run m.csv --yes --concurrency 1"
    for i = 1, 3 do
      win:await(("scene%%-%d +%%d+ s +making"):format(i))
      env.sb.clock:advance(4000)
    end
    win:await "4 of 4 done.*%$\n$"
    compare "done"
  end)
end)
