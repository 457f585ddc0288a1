-- The web app of examples/openresty over answers that a service should not give.
--
-- #once #example

local json = require "cjson"
local studio_bed = require "spec.support.studio_bed"

describe("the web app and odd answers #once #example", function()
  local bed = studio_bed()
  local owner, person

  setup(function() owner, person = bed.owner, bed.person end)

  it("a list with names, errors and ids of other types is taken over all the same", function()
    local function asset(fields)
      fields.object, fields.asset_type = "video.asset", "Image"
      fields.group_id, fields.status = bed.group, fields.status or "active"
      return fields
    end
    local before = select(2, owner:get(person).body:gsub("<h3 class=\"name\">", ""))
    bed.fault { endpoint = "assets.list", status = 200, body = json.encode { total = 5, items = {
      asset { id = "asset-1", name = 7 }, asset { id = "asset-2", name = json.null },
      asset { id = json.null, name = "nobody" }, 3,
      asset { id = "asset-3", name = "elsewhere" } } } }
    owner:ask(person .. "/events", { "--max-time", "1" })
    owner:await(person, "{elsewhere")
    assert.equal(before + 3, select(2, owner:get(person).body:gsub("<h3 class=\"name\">", "")))
  end)

  it("an attempt that fails and is followed by another is in the log", function()
    bed.fault { endpoint = "assets.get", status = 500, times = 1 }
    owner:upload(person, "late", "https://a.example/late.jpg")
    local line = bed.app:await("the attempt", function()
      return bed.app:log():match "%[notice%][^\n]*(billed: no; assets.get [^\n]*)"
    end)
    assert.matches("attempt=%d+ status=500 .*, retry in ", line)
    assert.is_nil(line:find(bed.group, 1, true))
  end)
end)
