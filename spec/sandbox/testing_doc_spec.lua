-- docs/testing.md has everything that the sandbox has, and nothing else; its examples run.

local cjson = require "cjson"
local control = require "pomex.sandbox.control"
local pages = require "spec.support.pages"
local pomex = require "pomex"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"

local read = pages.read
local PAGE = read "docs/testing.md"

-- The cells of a line of a table. A `|` within a cell is written `\|`.
local function cells(line)
  local list = {}
  for cell in line:gsub("\\|", "\0"):gmatch("|([^|]*)") do
    list[#list + 1] = cell:gsub("%z", "|"):match("^%s*(.-)%s*$")
  end
  return list
end

-- The rows of the table in a section whose first head is `head`.
local function rows(section, head)
  local text = assert((PAGE .. "\n## "):match("\n## " .. section .. "\n(.-)\n## "), section)
  local found, above
  for line in (text .. "\n"):gmatch("(.-)\n") do
    if found and not line:find("^|") then return found end
    if found then
      found[#found + 1] = cells(line)
    elseif line:find("^|%-") and cells(above)[1] == head then
      found = {}
    end
    above = line
  end
  error(section .. " has no table " .. head)
end

-- What stands in backticks in a cell, as far as `pattern` matches it.
local function quoted(cell, pattern, set)
  set = set or {}
  for code in cell:gmatch("`([^`]+)`") do
    local name = code:match(pattern or "^.+$")
    if name then set[name] = true end
  end
  return set
end

local function documented(section, head, pattern)
  local set = {}
  for _, row in ipairs(rows(section, head)) do quoted(row[1], pattern, set) end
  return set
end

local function keys(map)
  local set = {}
  for key in pairs(map) do
    if not tostring(key):find("^_") then set[key] = true end
  end
  assert(next(set), "nothing to compare")
  return set
end

-- Every first capture of `pattern` in the part of a source file between `from` and `to`.
local function source(path, from, to, pattern)
  local text = read(path)
  local _, begin = text:find(from, 1, true)
  assert(begin, path .. ": " .. from)
  local stop = assert(text:find(to, begin, true), path .. ": " .. to)
  local set = {}
  for name in text:sub(begin, stop):gmatch(pattern) do set[name] = true end
  return keys(set)
end

-- The fields of a class of lua/pomex/sandbox/types.lua.
local function annotated(class)
  local set = {}
  local text = read "lua/pomex/sandbox/types.lua":match("%-%-%-@class pomex%." .. class
    .. "[^\n]*\n(.-)\n\n") or read "lua/pomex/sandbox/types.lua":match("%-%-%-@class pomex%."
    .. class .. "[^\n]*\n(.*)")
  for name in text:gmatch("%-%-%-@field ([%w_]+)") do set[name] = true end
  return keys(set)
end

describe("docs/testing.md", function()
  local sb, client

  before_each(function()
    sb = assert(sandbox.start { asset_seconds = 0, generation_seconds = 0 })
    client = pomex.check(pomex.new(sb:client_options()))
  end)

  after_each(function()
    client:close()
    sb:stop()
  end)

  local function ask(method, path, body)
    return client:request(method, path, { body = body,
      headers = { ["X-Sandbox-Token"] = sb.token } }, { max_retries = 0 })
  end

  describe("#once names every", function()
    it("option of start", function()
      local options = documented("Starting it from Lua", "Option")
      assert.same(source("lua/pomex/sandbox/init.lua", "local OPTIONS = {", "\n}", "([%w_]+) = "),
        options)
      assert.same(annotated "SandboxOptions", options)
    end)

    it("field and method of a sandbox", function()
      assert.same(keys(sb), documented("Starting it from Lua", "Field"))
      local methods = {}
      for prefix, object in pairs { ["sb:"] = sb, ["sb.clock:"] = sb.clock,
        ["sb.ledger:"] = sb.ledger, ["sb.journal:"] = sb.journal } do
        for name, value in pairs(getmetatable(object)) do
          if type(value) == "function" then methods[prefix .. name] = true end
        end
      end
      assert.same(methods, documented("Starting it from Lua", "Method", "^[^(]+"))
    end)

    it("setting and limit, with its default", function()
      local plain = assert(sandbox.start {})
      local config = plain:state().config
      plain:stop()
      assert.same(keys(control.CONFIG), documented("Settings", "Setting"))
      assert.same(keys(control.CONFIG), keys(config))
      assert.same(keys(control.CONFIG), annotated "SandboxConfig")
      for _, row in ipairs(rows("Settings", "Setting")) do
        local name = next(quoted(row[1]))
        local usual = tonumber(row[2])
        if usual == nil then usual = row[2]:find "true" ~= nil end
        if name ~= "rate_limits" then assert.equal(usual, config[name], name) end
      end
      assert.same(keys(config.rate_limits), documented("Settings", "Limit"))
      assert.same(keys(config.rate_limits), annotated "SandboxRateLimits")
      for _, row in ipairs(rows("Settings", "Limit")) do
        assert.equal(tonumber(row[2]) or 0, config.rate_limits[next(quoted(row[1]))], row[1])
      end
    end)

    it("field of a fault", function()
      local fields = documented("Faults", "Field")
      assert.same(keys(control.FAULT), fields)
      assert.same(annotated "SandboxFault", fields)
      local _, err = ask("POST", "/_sandbox/faults", { nonsense = true })
      local known = {}
      for name in err.message:match("known are (.*)"):gmatch("[%w_]+") do known[name] = true end
      assert.same(known, fields)
    end)

    it("endpoint of a fault", function()
      local places = source("csrc/sandbox/control/faults.c", "is_place(const char *name)", "\n}",
        'strcmp%(name, "([^"]+)"%)')
      for name in pairs(source("csrc/core/rules/endpoint.c", "endpoints[POMEX_ENDPOINTS] = {",
        "\n};", '{POMEX_[%u_]+, "([%w.]+)", "[%w_]+", "%u+",%s+"/')) do
        places[name] = true
      end
      assert.same(places, documented("Faults", "`endpoint`"))
      for name in pairs(places) do sb:fault { endpoint = name } end
      local _, err = ask("POST", "/_sandbox/faults", { endpoint = "generation.create" })
      local told = {}
      for name in err.message:match("must be one of (.*)"):gmatch("[%w_.*]+") do
        told[name] = true
      end
      assert.same(places, told)
      -- The journal knows the same names: "nothing was sent there" is not said of a mistyped one.
      for _, name in ipairs { "generation.create", "*", "vide" } do
        local ok, why = pcall(sb.journal.requests, sb.journal, name)
        assert.is_false(ok)
        assert.matches("endpoint must be one of sessions.create, ", why, 1, true)
      end
      local annotation = source("lua/pomex/sandbox/types.lua", "@alias pomex.SandboxPlace", "\n\n",
        '| "([^"]+)"')
      assert.same(places, annotation)
    end)

    it("fault that says two things is refused", function()
      for _, fault in ipairs { { status = 500, after_accept = "drop" },
        { body = "a", after_accept = "drip" }, { status = 500, before_accept = "drop" },
        { before_accept = "drop", after_accept = "drop" },
        { before_accept = "drop", after_accept = "status", status = 500 } } do
        fault.endpoint = "assets.get"
        assert.has_error(function() sb:fault(fault) end)
      end
      sb:fault { endpoint = "assets.get", status = 500, after_accept = "status" }
      sb:clear_faults()
    end)

    it("count of what a fault struck", function()
      local id = sb:fault { endpoint = "assets.list", status = 500, times = 2 }
      local other = sb:fault { endpoint = "assets.get", status = 500 }
      assert.equal(0, sb:struck(id))
      for i = 1, 3 do
        client.assets:list({}, { max_retries = 0 })
        assert.equal(math.min(i, 2), sb:struck(id))
      end
      sb:clear_faults()
      assert.same({ 2, 0 }, { sb:struck(id), sb:struck(other) })
      assert.has_error(function() sb:struck(other + 1) end)
      assert.has_error(function() sb:struck "1" end)
    end)

    it("way of breaking an exchange", function()
      local all = source("csrc/sandbox/control/faults.c", "break_names[] = {", "};", '"(%l+)"')
      local after = documented("Faults", "`after_accept`")
      local before = documented("Faults", "`before_accept`")
      assert.same(all, after)
      for name in pairs(all) do
        sb:fault { endpoint = "*", after_accept = name }
        local taken = pcall(sb.fault, sb, { endpoint = "*", before_accept = name })
        assert.equal(before[name] or false, taken, name)
      end
    end)

    it("field of an entry and of a request", function()
      pomex.check(client.generations:create { model = "byteplus/seedance-2.0",
        content = pomex.content():text "A wave." })
      assert.same(keys(sb.ledger:entries()[1]), documented("Ledger and journal", "An entry's"))
      assert.same(keys(sb.ledger:entries()[1]), annotated "SandboxEntry")
      assert.same(keys(sb.journal:requests()[1]), documented("Ledger and journal", "A request's"))
      assert.same(keys(sb.journal:requests()[1]), annotated "SandboxRequest")
    end)

    it("outcome of a scan, mark, and field of assets", function()
      assert.same(source("csrc/sandbox/control/scan.c", "outcomes[] = {", "};", '{"([%l_]+)",'),
        documented("The scan", "Outcome"))
      local marks = source("csrc/sandbox/api/api_assets.c", "marks[] = {", "};",
        'POMEX_SB_[%u_]+, "([%w-]+)"')
      local of_text = source("csrc/sandbox/api/api.h", "_notices_send", "#endif",
        '[%u_]+_MARK%s+"([^"]+)"')
      for mark in pairs(of_text) do marks[mark] = true end
      assert.same(marks, documented("People, accounts and assets", "Mark"))
      assert.same(keys(control.ASSETS), documented("People, accounts and assets", "Field"))
      assert.same(keys(control.ASSETS), annotated "SandboxAssets")
    end)

    it("control, with what it takes and replies", function()
      local routes = {}
      for method, path in read "csrc/sandbox/control/control.c"
        :gmatch('{"(%u+)", "(/_sandbox/%l+)"') do
        routes[method .. " " .. path] = true
      end
      assert.same(keys(routes), documented("Over HTTP: /_sandbox/", "Request"))
      local session = pomex.check(client.sessions:create {
        callback_url = "https://app.example/cb" })
      local bodies = {
        clock = { advance = 1 }, config = {}, faults = { endpoint = "*" }, people = {},
        accounts = {}, scan = { h5_link = session.h5_link, outcome = "pass" },
        assets = { count = 2, group_id = sb:add_person(), name = "a", status = "active",
          asset_type = "Image" },
      }
      for _, row in ipairs(rows("Over HTTP: /_sandbox/", "Request")) do
        local method, path = row[1]:match("`(%u+) (%S+)`")
        local name = path:match("%l+$")
        local body = method == "POST" and bodies[name] or nil
        local reply, err = ask(method, path, body)
        assert(reply, row[1] .. ": " .. tostring(err))
        assert.same(quoted(row[3], "^[%w_]+$"), next(reply) and keys(reply) or {}, row[1])
        if body and name ~= "config" and name ~= "faults" then
          assert.same(quoted(row[2], "^[%w_]+$"), next(body) and keys(body) or {}, row[1])
        end
      end
      assert.same(annotated "SandboxState", keys(sb:state()))
    end)

    it("option of the program, and key of its line of JSON", function()
      assert.same(source("csrc/sandbox/program/options.c", "option known[] = {", "};",
        '{"([%l-]+)",'), documented("The program", "Option", "^%-%-([%l-]+)"))
      local said = {}
      for _, arguments in ipairs { "--port 0", "--port x" } do
        local line = shell.bash(os.getenv("POMEX_SANDBOX_BIN") .. " --json --quiet --watch-stdin "
          .. arguments .. " < /dev/null")
        for key in pairs(cjson.decode(line)) do said[key] = true end
      end
      for _, row in ipairs(rows("The program", "Option")) do
        if row[1] == "`--json`" then assert.same(said, quoted(row[3])) end
      end
    end)
  end)

  local number = 0
  for before, code in PAGE:gmatch("(.-)\n```lua\n(.-)```") do
    number = number + 1
    local heading = before:match(".*\n## ([^\n]+)") or "the one before"
    if before:find "<!%-%- run by [^\n]*$" then
      it(("example %d runs (%s)"):format(number, heading), function()
        pages.compile(code, setmetatable({ pomex = pomex, sb = sb, client = client },
          { __index = _G }))()
      end)
    end
  end

  it("shows a program and its test, which passes", function()
    local folder = shell.bash "mktemp -d":gsub("\n", "")
    local function write(name, text)
      local file = assert(io.open(folder .. "/" .. name, "wb"))
      file:write(text)
      file:close()
    end
    write("film.lua", (pages.code "testing-own"))
    write("film_spec.lua", (pages.code "testing-busted"))
    -- As this is run.
    local busted = shell.lua() .. " " .. shell.quote(arg[0])
    local output, ok = shell.bash(("cd %s && %s film_spec.lua 2>&1"):format(folder, busted))
    assert.is_true(ok, output)
    assert.matches("1 success.* / 0 failures", output)
    -- The test notices what it is there for.
    output, ok = shell.bash(("cd %s && sed -i 's/console/log/' film.lua && %s film_spec.lua 2>&1")
      :format(folder, busted))
    assert.is_false(ok, output)
    shell.bash("rm -r " .. folder)
  end)

  it("shows with curl what is billed although no answer came", function()
    local before = sb.ledger:count "generation"
    local printed = shell.bash(("export POMEX_BASE_URL=%s POMEX_API_KEY=%s "
      .. "POMEX_SANDBOX_TOKEN=%s; %s 2>&1")
      :format(sb.url, sb.key, sb.token, "{ " .. pages.code "testing-http" .. "}"))
    assert.matches("Empty reply from server", printed, 1, true)
    assert.equal(before + 1, cjson.decode(printed:match "[^\n]*$").generation)
  end)

  it("has examples", function()
    assert.is_true(number >= 9, number)
  end)
end)
