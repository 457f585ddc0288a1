-- `pomex portrait`, over a sandbox.

local command = require "spec.support.command"
local sandbox = require "pomex.sandbox"

-- As it stands, in a pattern.
local function plain(text) return (text:gsub("%p", "%%%0")) end

describe("pomex portrait #command", function()
  local sb, at, group

  setup(function()
    sb = assert(sandbox.start { asset_seconds = 0.1, rate_limits = false })
    at = command.new(sb)
    group = sb:add_person()
  end)
  teardown(function()
    at:remove()
    sb:stop()
  end)
  before_each(function() sb:clear_faults() end)

  it("uploads: ids on stderr when they are known, and on stdout when they are active", function()
    local run = at:run("portrait add https://cdn.example/a.jpg https://cdn.example/b.jpg -w -g "
      .. group)
    assert.equal(0, run.code, run.err)
    local first, second = run.out:match "^(asset%-%S+)\n(asset%-%S+)\n$"
    assert.matches("^portrait " .. plain(first) .. "\nportrait " .. plain(second) .. "\n", run.err)
    assert.matches("\nnext: pomex video .-%-%-image one=" .. plain(first) .. " ", run.err)
    assert.not_matches(group, run.out .. run.err, 1, true)
  end)

  it("does not wait unless it is told to", function()
    sb:config { asset_seconds = 1000 }
    local run = at:run("portrait add https://cdn.example/a.jpg --group " .. group)
    sb:config { asset_seconds = 0.1 }
    assert.equal(0, run.code, run.err)
    local id = run.out:match "^(asset%-%S+)\n$"
    assert.matches("\nnext: pomex portrait wait " .. plain(id) .. "\n$", run.err)
    local waited = at:run("portrait wait --timeout 0.2 " .. id)
    assert.equal(6, waited.code)
    assert.equal("", waited.out)
    assert.matches("goes on with portrait " .. id, waited.err, 1, true)
    assert.matches("\nnext: pomex portrait wait " .. plain(id) .. "\n$", waited.err)
    sb.clock:advance(1000)
    assert.same({ out = id .. "\n", err = id .. " active\n", code = 0 },
      at:run("portrait wait " .. id))
  end)

  it("ends with 1 where a picture is refused, and says so of that one alone", function()
    local run = at:run("portrait add https://cdn.example/no-face.jpg https://cdn.example/b.jpg "
      .. "--wait --group " .. group)
    assert.equal(1, run.code)
    assert.matches("^asset%-%S+\n$", run.out)
    assert.matches("no face was found", run.err)
    assert.matches("\nnext: pomex portrait add ANOTHER%-URL ", run.err)
  end)

  it("ends with 2 where the line cannot be carried out, before anything is sent", function()
    local before = #sb.journal:requests()
    for line, why in pairs {
      ["add https://cdn.example/a.jpg"] = "%-%-group GROUP, or %-%-virtual",
      ["add https://cdn.example/a.jpg --virtual --group " .. group] = "%-%-group GROUP, or",
      ["add http://cdn.example/a.jpg --group " .. group] = "valid https URL",
      ["add https://a.example/a.jpg https://a.example/b.jpg --name n -g " .. group] = "%-%-name",
      ["add --group " .. group] = "missing argument",
      ["list --max 0 --virtual"] = "%-%-max",
      ["wait asset-1 --timeout soon"] = "%-%-timeout is \"soon\"",
      ["save asset-1"] = "missing option '%-o'",
    } do
      local run = at:run("portrait " .. line)
      assert.equal(2, run.code, line .. ": " .. run.err)
      assert.matches("^pomex: [^\n]*" .. why .. "[^\n]*\nnext: pomex [^\n]+\n$", run.err)
      assert.equal("", run.out)
    end
    assert.equal(before, #sb.journal:requests())
  end)

  it("ends with 3 where it is unclear whether an upload was made, naming what it can be", function()
    sb.journal:clear()
    sb:fault { endpoint = "assets.create", after_accept = "drop" }
    -- No look sees one of the two alone, and none sees one that is seconds older than the other.
    sb:fault { endpoint = "assets.list", status = 503, times = 0 }
    local control = ("curl -sf -H 'X-Sandbox-Token: %s' %s/_sandbox/"):format(sb.token, sb.url)
    local twin = ("%sjournal | grep -q assets.create && %sassets -d '%s' && %sfaults -X DELETE")
      :format(control, control, ('{"name":"twin","group_id":"%s"}'):format(group), control)
    local run = at:signalled("portrait add https://cdn.example/a.jpg --name twin --group " .. group,
      { { twin, "CONT" } })
    assert.equal(3, run.code, run.err)
    assert.matches("\nnext: pomex portrait list %-%-group GROUP\n$", run.err)
    assert.matches("^perhaps it is asset%-", run.err)
  end)

  it("finds an upload whose answer was lost", function()
    sb:fault { endpoint = "assets.create", after_accept = "drop" }
    local run = at:run("portrait add https://cdn.example/a.jpg --wait --group " .. group)
    assert.equal(0, run.code, run.err)
  end)

  it("lists and shows; a group and a link only when asked for", function()
    local person = sb:add_person()
    local all = sb:add_assets { count = 120, group_id = person, name = "n", status = "active" }
    local list = at:run("portrait list --group " .. person)
    assert.equal(120, select(2, list.out:gsub("asset%-%S+  active  %S+Z  n[^\n]*\n", "")))
    local three, run = at:json("portrait list --max 3 --group " .. person)
    assert.equal(4, #three)
    assert.equal("portrait", three[1].type)
    assert.same({ "result", 3, 0 }, { three[4].type, three[4].count, three[4].exit })
    assert.not_matches(person, run.out, 1, true)
    local shown = at:run("portrait show " .. all[1])
    assert.matches("^id%s+" .. plain(all[1]) .. "\nstatus%s+active\n", shown.out)
    assert.not_matches(person, shown.out, 1, true)
    assert.not_matches("http", shown.out)
    local more = at:run("portrait show --all " .. all[1])
    assert.matches("\ngroup_id%s+" .. plain(person) .. "\nurl%s+http://127", more.out)
    local none = at:run("portrait list --status failed --group " .. person)
    assert.same({ out = "", err = "there is none\n", code = 0 }, none)
  end)

  it("saves a portrait's file, and replaces none without --force", function()
    local id = at:run("portrait add https://cdn.example/a.jpg --wait -g " .. group).out:match "%S+"
    local saved = at:run("portrait save " .. id .. " -o a.jpg")
    assert.same({ "a.jpg\n", 0 }, { saved.out, saved.code })
    assert.is_true(#command.read(at.folder .. "/a.jpg") > 100)
    local again = at:run("portrait save " .. id .. " -o a.jpg")
    assert.equal(1, again.code)
    assert.matches("a.jpg exists already (--force replaces it)", again.err, 1, true)
    assert.equal(0, at:run("portrait save " .. id .. " -o a.jpg --force").code)
  end)

  it("says where to look for what is not there", function()
    local run = at:run "portrait show asset-nowhere"
    assert.equal(1, run.code)
    assert.matches("^pomex: asset not found[^\n]*\nnext: pomex portrait list ", run.err)
  end)

  it("goes on with the profile and service that the line named", function()
    local run = at:run("--base-url " .. sb.url .. " portrait wait asset-nowhere --timeout 0.2",
      { POMEX_BASE_URL = false })
    assert.matches("\nnext: [^\n]* %-%-base%-url " .. plain(sb.url) .. "\n$", run.err)
  end)
end)
