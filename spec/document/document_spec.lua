-- Each line of the API document, and each numbered row of silences.md and of
-- beyond-the-document.md, is held by a test on the client's side and by one on the sandbox's. The
-- tests say so in their titles: [doc 12-15 28] names lines of the document, counted without those
-- that are empty, [silence 7] a row of silences.md, [beyond 2] one of beyond-the-document.md.

local document = require "spec.document.document"
local shell = require "spec.support.shell"

local root = debug.getinfo(1, "S").source:match("^@(.*)spec/[^/]*/[^/]*$")
root = root == "" and "." or root

-- Whose side a test is on: the client's, unless it stands here.
local SIDES = {
  ["spec/document/sandbox_spec.lua"] = { "sandbox" },
  ["spec/document/beyond_sandbox_spec.lua"] = { "sandbox" },
  ["spec/sandbox/notices_spec.lua"] = { "sandbox" },
  ["spec/document/curl_spec.lua"] = { "client", "sandbox" }, -- the curl tool is the client there
}

-- Headings and the frames of tables and drawings promise nothing: first and last line, and how the
-- first begins, so that numbers which no longer fit the document are noticed.
local HEADINGS = {
  { 1, 1, "Real-Human Asset API" }, { 3, 5, "Basics" }, { 11, 11, "Integration Flow" },
  { 34, 37, "API Reference" }, { 42, 42, "Request" }, { 52, 52, "Verification Callback" },
  { 54, 55, "| Parameter |" }, { 61, 61, "Example redirect" }, { 64, 66, "Upload an Asset" },
  { 76, 76, "Request" }, { 91, 91, "Get an Asset" }, { 93, 93, "Response 200" },
  { 105, 107, "List Assets" }, { 114, 114, "Response 200" },
  { 132, 132, "}Generate a Video From an Asset" }, { 134, 135, "| Field |" },
  { 141, 141, "Request" }, { 164, 166, "Status Values" }, { 170, 170, "Error Handling" },
  { 173, 174, "When |" }, { 183, 185, "Common 400 messages" }, { 192, 192, "Notes & Limits" },
}

-- Where no test can hold a line or a row on one side.
local REASONS = {
  { "doc", 6, "sandbox", "it stands in for that address on loopback" },
  { "doc", 104, "client", "the client hands the url over and hard-codes no lifetime" },
  { "doc", 140, "sandbox", "what a prompt means is the model's affair; the ledger keeps it" },
  { "silence", 4, "sandbox", "it sends envelopes; the client's test has its faults send others" },
  { "silence", 5, "sandbox", "it sends the documented types; its faults send others" },
  { "silence", 8, "sandbox", "it sends the documented statuses; its faults send others" },
  { "silence", 10, "sandbox", "what the document does not promise, it does not look at" },
  { "silence", 22, "client", "the client hard-codes no lifetime" },
  { "silence", 24, "client", "no such endpoint is documented, so none is called" },
  { "silence", 24, "sandbox", "no such endpoint is documented, so none is there" },
  { "silence", 25, "sandbox", "what a prompt means is the model's affair" },
  { "silence", 29, "client", "the client keeps no ledger" },
  { "silence", 30, "sandbox", "it sends real_time or pre_record, as the document has them" },
  { "silence", 31, "client", "the service looks for faces, not the client" },
  { "silence", 35, "sandbox", "it redirects as the document says, with no signature" },
  { "beyond", 5, "sandbox", "it deletes as often as it is asked" },
  { "beyond", 8, "sandbox", "the app makes the path" },
  { "beyond", 12, "sandbox", "it answers whoever looks" },
  { "beyond", 9, "sandbox", "what is taken is the app's affair" },
  { "beyond", 14, "sandbox", "it bills nothing, and counts no tokens" },
}

-- Calls `found(kind, number)` for each tag of a title.
local function each_tag(title, found)
  for kind, numbers in title:gmatch "%[(%a+) ([%d%- ]+)%]" do
    for first, last in numbers:gmatch "(%d+)%-?(%d*)" do
      for number = tonumber(first), tonumber(last) or tonumber(first) do found(kind, number) end
    end
  end
end

-- The titles of a spec's tests; a pending one is none. A title may go on in the next line.
local function titles(text)
  local found, title = {}, nil
  for line in (text .. "\n"):gmatch "(.-)\n" do
    title = title and title .. line or line:match "^%s*it%s*%(?%s*([\"'].*)"
    if title and title:find "function%(" then
      found[#found + 1], title = title, nil
    end
  end
  return found
end

-- held[kind][side][number]: whether a test says that it holds it.
local function collect(held, path, text)
  for _, title in ipairs(titles(text)) do
    each_tag(title, function(kind, number)
      assert(held[kind], path .. ": " .. title)
      for _, side in ipairs(SIDES[path] or { "client" }) do held[kind][side][number] = true end
    end)
  end
end

local function nothing()
  return { doc = { client = {}, sandbox = {} }, silence = { client = {}, sandbox = {} },
    beyond = { client = {}, sandbox = {} } }
end

-- What has neither a test nor a reason, on one side; and what has both, or is not there.
local function faults(held, excused, kind, all)
  local found = {}
  for _, side in ipairs { "client", "sandbox" } do
    for number, text in pairs(all) do
      local tested, reason = held[kind][side][number], excused[kind][side][number]
      if (tested ~= nil) == (reason ~= nil) then
        found[#found + 1] = ("%s %d, %s: %s (%s)"):format(kind, number, side,
          tested and "a test and a reason" or "neither a test nor a reason", text)
      end
    end
    for number in pairs(held[kind][side]) do
      if not all[number] then found[#found + 1] = ("there is no %s %d"):format(kind, number) end
    end
  end
  table.sort(found)
  return found
end

-- The questions of rows by their numbers.
local function by_number(rows)
  local questions = {}
  for _, row in ipairs(rows) do
    assert.is_nil(questions[row.number], "two rows have the number " .. row.number)
    questions[row.number] = row.question
  end
  return questions
end

describe("the document and its silences", function()
  local held, excused, lines = nothing(), nothing(), document.lines()
  local silences, beyond

  setup(function()
    local paths = shell.bash("cd " .. shell.quote(root) .. " && find spec -name '*_spec.lua'")
    for path in paths:gmatch "[^\n]+" do
      local file = assert(io.open(root .. "/" .. path, "rb"))
      -- Not the titles below, which are made up.
      if path ~= "spec/document/document_spec.lua" then collect(held, path, file:read("*a")) end
      file:close()
    end
    for _, row in ipairs(REASONS) do excused[row[1]][row[3]][row[2]] = row[4] end
    for _, row in ipairs(HEADINGS) do
      for number = row[1], row[2] do
        excused.doc.client[number], excused.doc.sandbox[number] = "a heading", "a heading"
      end
    end
    silences, beyond = by_number(document.silences()), by_number(document.beyond())
  end)

  it("have headings where this says", function()
    for _, row in ipairs(HEADINGS) do
      assert.equal(row[3], lines[row[1]]:sub(1, #row[3]))
    end
  end)

  it("have a test or a reason for each line, on both sides", function()
    assert.is_true(#lines > 200)
    assert.same({}, faults(held, excused, "doc", lines))
  end)

  it("have a test or a reason for each silence, on both sides", function()
    assert.is_true(#silences > 30)
    assert.same({}, faults(held, excused, "silence", silences))
  end)

  it("have a test or a reason for each row beyond the document, on both sides", function()
    assert.is_true(#beyond > 5)
    assert.same({}, faults(held, excused, "beyond", beyond))
  end)

  it("would notice a test that is gone, or that holds what is not there", function()
    local some = nothing()
    collect(some, "spec/document/client_spec.lua", [[
      it("holds two [doc 1-2]", function()
      it('goes on '
        .. "[doc 4] [silence 3]", function()
      pending("holds none yet [doc 3]", function()]])
    collect(some, "spec/document/sandbox_spec.lua", 'it("holds them [doc 1-5]", function() end)')
    assert.same({ doc = { client = { true, true, nil, true },
      sandbox = { true, true, true, true, true } },
      silence = { client = { [3] = true }, sandbox = {} },
      beyond = { client = {}, sandbox = {} } }, some)
    assert.same({ "doc 3, client: neither a test nor a reason (c)",
      "doc 4, sandbox: a test and a reason (d)", "there is no doc 5" },
      faults(some, { doc = { client = {}, sandbox = { [4] = "because" } } }, "doc",
        { "a", "b", "c", "d" }))
  end)
end)
