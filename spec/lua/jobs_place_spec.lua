-- Where a store is: a file, or a database whose URL is shown without its password.

local jobs_bed = require "spec.support.jobs_bed"
local place = require "pomex.jobs.place"
local pomex = require "pomex"

if not jobs_bed.built then return end

-- Nobody listens there.
local NOWHERE = "127.0.0.1:1"

describe("the URL of a database", function()
  it("is shown without its password", function()
    for given, shown in pairs {
      ["postgresql://u:ssw0rd@h/db"] = "postgresql://u@h/db",
      ["postgres://u:ssw0rd@h:5432/db?sslmode=require"] = "postgres://u@h:5432/db?sslmode=require",
      ["postgresql://u:ssw0rd@h1:1,h2:2/db"] = "postgresql://u@h1:1,h2:2/db",
      ["postgresql://u:ssw0rd@[::1]:5432/db"] = "postgresql://u@[::1]:5432/db",
      ["postgresql://u:s/sw0rd@x@h/db"] = "postgresql://u@h/db",
      ["postgresql://u:my ssw0rd@h/db"] = "postgresql://u@h/db",
      ["--store=postgresql://u:my ssw0rd@h/db"] = "--store=postgresql://u@h/db",
      ["postgresql:///db?host=/tmp&password=ssw0rd&user=u"] =
        "postgresql:///db?host=/tmp&user=u",
      ["postgresql://h/db?sslpassword=ssw0rd&passfile=/x"] = "postgresql://h/db?passfile=/x",
      ["see postgresql://u:ssw0rd@h/db and so on"] = "see postgresql://u@h/db and so on",
      -- These have none.
      ["postgresql://u@h:5432/db"] = "postgresql://u@h:5432/db",
      ["postgresql://h:5432/db?application_name=a@b"] =
        "postgresql://h:5432/db?application_name=a@b",
      ["postgresql://[::1]:5432/db"] = "postgresql://[::1]:5432/db",
      ["campaign.jobs.db"] = "campaign.jobs.db",
    } do
      assert.equal(shown, place.shown(given))
      assert.equal(given:find("ssw0rd", 1, true) ~= nil and given:find "^postgres" ~= nil
        or given:find("s/sw0rd", 1, true) ~= nil, place.has_password(given))
    end
  end)

  it("has its password taken out of what others say", function()
    local veil = place.veil "postgresql://u:p%40ssw0rd@h/db"
    assert.equal("at *** in postgresql://u@h/db, ***",
      veil "at p@ssw0rd in postgresql://u:p%40ssw0rd@h/db, p%40ssw0rd")
    assert.equal("x", place.veil "x.jobs.db" "x")
  end)

  it("that cannot be read as it is meant is refused, without a word of it", function()
    local client = assert(pomex.new { api_key = "sk-test", base_url = "http://127.0.0.1:1" })
    for _, url in ipairs { "postgresql://u:s/sw0rd@h/db", "postgresql://u:ss w0rd@h/db" } do
      local jobs, err = pomex.jobs.open(client, url)
      assert.is_nil(jobs)
      assert.equal("invalid_request_error", err.type)
      assert.matches("%2F", tostring(err.hint), 1, true)
      assert.is_nil((tostring(err) .. err.hint):find "w0rd")
    end
    client:close()
  end)

  it("that does not answer gives an error, and shows no password", function()
    local client = assert(pomex.new { api_key = "sk-test", base_url = "http://127.0.0.1:1" })
    local jobs, err = pomex.jobs.open(client, "postgresql://u:ssw0rd@" .. NOWHERE .. "/db")
    -- Whether it can be reached is perhaps asked later.
    if jobs then
      local counts
      counts, err = jobs:counts()
      assert.is_nil(counts)
      jobs:close()
    end
    assert.equal("store_error", err.type)
    assert.is_nil(tostring(err):find "ssw0rd")
    assert.is_false(jobs_bed.exists "postgresql:")
    client:close()
  end)
end)
