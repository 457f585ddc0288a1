-- pomex.manifest: files of jobs, and all that is wrong with them.

local manifest = require "pomex.manifest"
local pomex = require "pomex"
local property = require "spec.support.property"

local FAST = "byteplus/seedance-2.0-fast"
local UNKNOWN = 'there is no field "promt"; the nearest is "prompt" '
  .. "(others of the service's go into set)"

describe("pomex.manifest", function()
  local path

  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  local function write(...)
    local file = assert(io.open(path, "wb"))
    for _, part in ipairs { ... } do assert(file:write(part)) end
    file:close()
  end

  local function read(text, opts)
    write(text)
    opts = opts or {}
    if opts.csv == nil then opts.csv = false end
    return manifest.read(path, opts)
  end

  -- The faults of a text, without the path.
  local function faults(text, opts)
    local got, err = read(text, opts)
    assert.is_nil(got)
    local said = {}
    for i, line in ipairs(err.problems) do
      assert.equal(path, line:sub(1, #path))
      said[i] = line:sub(#path + 2)
    end
    return said
  end

  local CSV = { csv = true }

  it("reads JSON Lines", function()
    local got = assert(read([[
{"key": "front", "portrait": "https://cdn.example/a.jpg", "group_id": "group-1"}

{"key": "one", "prompt": "{rachel} waves.", "images": {"rachel": "job:front"},]] .. [[
 "model": "fast", "duration": 5,]] .. [[
 "save": "v/one.mp4", "price": 0.5, "set": {"watermark": true}}
{"key": "two", "prompt": "A wave.", "model": "standard"}]]))
    assert.same({ 1, 3, 4 }, got.lines)
    assert.equal(2, got.videos)
    assert.equal(1, got.portraits)
    assert.same({ key = "front", portrait = { url = "https://cdn.example/a.jpg",
      asset_type = "Image", group_id = "group-1" } }, got.entries[1])
    assert.same({ key = "one", save = "v/one.mp4", price = 0.5, video = { model = FAST,
      prompt = "{rachel} waves.", images = { rachel = "job:front" }, duration = 5,
      watermark = true } }, got.entries[2])
    assert.same({ key = "two", save = "two.mp4", video = { model = "byteplus/seedance-2.0",
      prompt = "A wave." } }, got.entries[3])
  end)

  it("reads the same as CSV: BOM, CRLF, quotes, line breaks, empty rows", function()
    local got = assert(read("\239\187\191key,prompt,images,duration,portrait,group_id,set.watermark"
      .. "\r\n"
      .. 'front,,,,"https://cdn.example/a.jpg",group-1,\r\n'
      .. ",,,,,,\r\n\r\n"
      .. 'one,"A ""wave"",\r\nthen {rachel} and {tom}.",rachel=job:front; tom = asset-1 ;,5,,,'
      .. "true\r\n",
      { csv = true, model = "fast", save = "{key}/a.mp4" }))
    assert.same({ 2, 5 }, got.lines)
    assert.same({ key = "one", save = "one/a.mp4", video = { model = FAST, duration = 5,
      prompt = 'A "wave",\nthen {rachel} and {tom}.', watermark = true,
      images = { rachel = "job:front", tom = "asset-1" } } }, got.entries[2])
    assert.equal("group-1", got.entries[1].portrait.group_id)
  end)

  it("calls the account's default group virtual", function()
    local got = assert(read '{"key": "a", "portrait": "https://x/a.jpg", "group_id": "virtual"}')
    assert.equal(pomex.VIRTUAL, got.entries[1].portrait.group_id)
  end)

  it("takes a file whose name ends in .csv for CSV", function()
    write "key,prompt,model\na,b,fast\n"
    local csv = path .. ".CSV"
    os.rename(path, csv)
    assert.equal(1, assert(manifest.read(csv)).videos)
    os.remove(csv)
  end)

  it("says every fault with its line, and not the first alone", function()
    assert.same({
      '2: "one": ' .. UNKNOWN,
      '2: "one": there is neither a prompt nor a portrait',
      '3: "two": duration must be a number of seconds above 0',
      '3: "two": no image is called "tom" (write {{ for a brace)',
      '3: "two": images: rachel is "job:nobody", and no line is a portrait of that key',
      '4: "two": the key stands in line 3, too',
      '4: "two": line 3 saves to "x.mp4", too',
      "5: the key is missing",
      '6: "six": model is required',
      '7: "seven": model must be fast, standard or a name like "' .. FAST .. '", not "slow"',
      '8: "eight": save must be a relative name without ".", "..", "//" and controls '
        .. '(save is "../x.mp4")',
      '9: "nine": url must be a valid https URL (url is "http://x/a.jpg")',
      '9: "nine": a portrait has no duration' }, (function()
        local said = faults([[
{"key": "front", "portrait": "https://cdn.example/a.jpg", "group_id": "group-1"}
{"key": "one", "promt": "A wave."}
{"key": "two", "prompt": "{tom}", "images": {"rachel": "job:nobody"}, "model": "fast",]] .. [[
 "duration": "5", "save": "x.mp4"}
{"key": "two", "prompt": "A wave.", "model": "fast", "save": "x.mp4"}
{"prompt": "A wave.", "model": "fast"}
{"key": "six", "prompt": "A wave."}
{"key": "seven", "prompt": "A wave.", "model": "slow"}
{"key": "eight", "prompt": "A wave.", "model": "fast", "save": "../x.mp4"}
{"key": "nine", "portrait": "http://x/a.jpg", "group_id": "group-1", "duration": 5}]])
        -- Two of one line stand in the order in which they were found.
        said[12], said[13] = said[13], said[12]
        return said
      end)())
  end)

  it("refuses what is no object, or has fields of another kind", function()
    assert.same({
      "1: the line is not a JSON object",
      "2: the line is not valid JSON: Expected value but found invalid token at character 8",
      '3: "a": images must be names with an asset each',
      '4: "b": images: "x" must be an asset, "job:KEY" or a link',
      "5: key must be a text", "5: the key is missing",
      '6: "d": set has "duration", which is a field of its own',
      '7: "e": there are a prompt and a portrait; a line has one of them',
      '8: "f": seed must be a whole number', '9: "g": price must be an amount of 0 or more',
      '10: "h": a portrait needs a group_id: a person\'s, or "virtual"',
    }, faults [==[
[1]
{"key":.
{"key": "a", "prompt": "x", "model": "fast", "images": ["y"]}
{"key": "b", "prompt": "{x}", "model": "fast", "images": {"x": 5}}
{"key": 5, "prompt": "x", "model": "fast"}
{"key": "d", "prompt": "x", "model": "fast", "set": {"duration": 5}}
{"key": "e", "prompt": "x", "model": "fast", "portrait": "https://x/a.jpg"}
{"key": "f", "prompt": "x", "model": "fast", "seed": 1.5}
{"key": "g", "prompt": "x", "model": "fast", "price": -1}
{"key": "h", "portrait": "https://x/a.jpg"}]==])
  end)

  it("refuses what can be no id of the service's, such as a placeholder, with its line", function()
    assert.same({
      '1: "a": group_id: "group-…" is no id, but a placeholder',
      '2: "b": group_id: "group-..." is no id, but a placeholder',
      '3: "c": images: "x": "asset-…" is no id, but a placeholder',
      '4: "d": images: "x": "asset 1" is no id',
      '5: "e": group_id: "<GROUP>" is no id',
    }, faults [==[
{"key": "a", "portrait": "https://x/a.jpg", "group_id": "group-…"}
{"key": "b", "portrait": "https://x/a.jpg", "group_id": "group-..."}
{"key": "c", "prompt": "{x}", "model": "fast", "images": {"x": "asset://asset-…"}}
{"key": "d", "prompt": "{x}", "model": "fast", "images": {"x": "asset 1"}}
{"key": "e", "portrait": "https://x/a.jpg", "group_id": "<GROUP>"}]==])
    -- What an id looks like is not promised.
    assert.is_truthy(read [==[
{"key": "a", "portrait": "https://x/a.jpg", "group_id": "Group_1.b:c~d-2"}
{"key": "b", "prompt": "{x}", "model": "fast", "images": {"x": "A.1_b"}}
{"key": "c", "prompt": "{x}", "model": "fast", "images": {"x": "https://x/…/a..jpg"}}]==])
  end)

  it("knows the portraits of a store", function()
    local line = '{"key": "a", "prompt": "{x}", "model": "fast", "images": {"x": "job:front"}}'
    assert.equal(1, #faults(line))
    assert(read(line, { has_portrait = function(key) return key == "front" end }))
  end)

  it("names a spreadsheet, and a CSV that is called otherwise, once", function()
    local rest = " the rest was not read"
    assert.same({ "1: the file is a spreadsheet; export it as CSV, in UTF-8", rest },
      faults("PK\3\4\0\nb\n", CSV))
    assert.same({ "1: the line names columns; a CSV needs a name that ends in .csv", rest },
      faults("key,prompt\na,b\n"))
  end)

  it("says what is wrong with the columns of a CSV", function()
    assert.same({ "1: the columns stand between tabs; save the file with commas" },
      faults("key\tprompt\na\tb\n", CSV))
    assert.same({ "1: the columns stand between semicolons; save the file with commas" },
      faults("key;prompt\na;b\n", CSV))
    assert.same({ "1: the column key stands twice", "1: column 3 has no name",
      '1: there is no column "promt"; the nearest is "prompt" '
        .. "(others of the service's are called set.FIELD)" },
      faults("key,key,,promt\na,b,c,d\n", CSV))
    assert.same({ "1: there is no line; the first one names the columns" }, faults("", CSV))
    assert.same({ "1: no column is known; the first line names the columns: key,prompt,images,…" },
      faults("a,A wave.\nb,A wave.\n", CSV))
    local got, err = read("key,prompt,model\n", CSV)
    assert.is_nil(got)
    assert.matches("has no job in it", err.message)
  end)

  it("says what is wrong with the fields of a CSV, and reads on", function()
    assert.same({
      "2: there is a NUL in column 4", "3: column 3 is no UTF-8; save the file as UTF-8",
      "4: field 2 has a quote in it, but none around it",
      "5: field 2 goes on behind its closing quote; a quote within quotes is doubled",
      "6: it has 2 fields, and the first line names 4 columns",
      '7: "f": duration must be a number of seconds above 0',
    }, faults('key,prompt,model,duration\na,b\0,fast,\nb,\255,fast,\nc,d"e,fast,\nd,"e"f,fast,\n'
      .. "e,a b\nf,x,fast,five\n", CSV))
    assert.same({ '2: images: " tom" is not NAME=ASSET', '2: images: "a" stands twice' },
      faults("key,prompt,model,images\na,{a},fast,a=asset-1; tom;a=asset-2\n", CSV))
    -- A link without its name, and one without its scheme: what is signed is not shown.
    assert.same({ '2: images: "https://cdn.example/a.jpg?…" is not NAME=ASSET',
      '3: "b": images: "a": "cdn.example/a.jpg?…" is no id' },
      faults("key,prompt,model,images\na,wave,fast,https://cdn.example/a.jpg?sig=SECRET\n"
        .. "b,{a},fast,a=cdn.example/a.jpg?sig=SECRET\n", CSV))
  end)

  it("names the line in which a quote begins that has no end", function()
    assert.same({ "3: a quote begins in line 3 and has no end", " the rest was not read" },
      faults('key,prompt,model\na,b,fast\nb,"c\nd,e,fast\n', CSV))
    assert.same({ "4: there is a NUL in column 2 (within the quotes that begin in line 2)",
      " the rest was not read" }, faults('key,prompt,model\na,"b\nc\nd\0\n",fast\n', CSV))
    local text = 'key,prompt,model\na,"' .. ("line\n"):rep(300000) .. '",fast\n'
    assert.same({ "2: a quote begins in line 2 and has no end", " the rest was not read" },
      faults(text, CSV))
  end)

  it("passes over a line that is too long, in little memory", function()
    write('{"key": "a", "prompt": "', ("x"):rep(30000000), '"}\n{"key": "b"}\n')
    collectgarbage()
    local before, most = collectgarbage "count", 0
    -- Compiled code calls no hook.
    local jit = rawget(_G, "jit")
    if jit then
      jit.off()
      jit.flush()
    end
    debug.sethook(function()
      collectgarbage()
      most = math.max(most, collectgarbage "count")
    end, "", 1000)
    local got, err = manifest.read(path, { csv = false })
    debug.sethook()
    if jit then jit.on() end
    assert.is_nil(got)
    assert.same({ path .. ":1: the line is longer than 1 MiB",
      path .. ':2: "b": there is neither a prompt nor a portrait' }, err.problems)
    assert.is_true(most > 0 and most - before < 5000, ("%.0f KB"):format(most - before))
  end)

  it("stops at a file that is too long, and after a thousand faults", function()
    local line = ('{"key": "a", "prompt": "%s"}\n'):format(("x"):rep(1000000))
    local file = assert(io.open(path, "wb"))
    for _ = 1, 70 do file:write(line) end
    file:close()
    local _, err = manifest.read(path, { csv = false })
    assert.equal(":68: the file is longer than 64 MiB; split it",
      err.problems[#err.problems - 1]:sub(#path + 1))
    assert.equal(path .. ": the rest was not read", err.problems[#err.problems])
    local said = faults(("{}\n"):rep(2000))
    assert.equal(1001, #said)
  end)

  it("refuses UTF-16, and a file that cannot be read", function()
    assert.same({ "1: the file is UTF-16; save it as UTF-8", " the rest was not read" },
      faults("\255\254k\0e\0", CSV))
    local got, err = manifest.read(path .. "-none")
    assert.is_nil(got)
    assert.equal("file_error", err.type)
    got, err = manifest.read "/tmp"
    assert.is_nil(got)
    assert.equal("file_error", err.type)
    assert.has_error(function() manifest.read() end)
  end)

  it("reads back any CSV that was written by RFC 4180", function()
    local words = { "", "a", '"', ",", "\n", "\r\n", ";", " ", "ä", '""', "x,y", "\t", "{", "=" }
    property.holds(300, function(random)
      local rows, parts = {}, { "key,prompt,model\n" }
      local line_end = random:int(1, 2) == 1 and "\n" or "\r\n"
      for i = 1, random:int(1, 8) do
        local prompt = {}
        for k = 1, random:int(1, 6) do prompt[k] = words[random:int(1, #words)] end
        local text = "p" .. table.concat(prompt):gsub("{", "{{")
        rows[i] = text:gsub("\r\n", "\n")
        local quoted = '"' .. text:gsub('"', '""') .. '"'
        local bare = not text:find('[",\r\n]') and random:int(1, 2) == 1
        parts[#parts + 1] = ("k%d,%s,%s%s"):format(i, bare and text or quoted,
          random:int(1, 2) == 1 and '"fast"' or "fast", line_end)
      end
      local got = assert(read(table.concat(parts), CSV))
      assert.equal(#rows, #got.entries)
      for i, text in ipairs(rows) do assert.equal(text, got.entries[i].video.prompt) end
    end)
  end)

  it("answers any bytes with entries or faults, each with its line", function()
    local bits = { '"', ",", "\n", "\r", "\0", "\255", "key", "prompt", "model", "fast", "a",
      "\239\187\191", "{", "}", ":", "[", "images", "x=y;", " ", "\t", "5" }
    property.holds(500, function(random)
      local parts = random:int(1, 2) == 1 and { "key,prompt,model\n" } or {}
      for _ = 1, random:int(1, 40) do parts[#parts + 1] = bits[random:int(1, #bits)] end
      local got, err = read(table.concat(parts), { csv = random:int(1, 2) == 1 })
      if got then return end
      assert.equal("invalid_request_error", err.type)
      for _, fault in ipairs(err.faults or {}) do assert.is_true(fault.line >= 1) end
      assert.is_true(pomex.errors.is(err))
    end)
  end)
end)
