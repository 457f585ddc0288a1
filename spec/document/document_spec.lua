-- Each line of the API document, and each row of silences.md, names the test that holds it on
-- the client's side and on the sandbox's; a side that no test can hold says why.

local document = require "spec.document.document"
local rows = require "spec.document.document_rows"

local root = debug.getinfo(1, "S").source:match("^@(.*)spec/[^/]*/[^/]*$")
root = root == "" and "." or root

local files = {}
local function read(path)
  if not files[path] then
    local file = assert(io.open(root .. "/" .. path, "rb"), "there is no " .. path)
    files[path] = file:read("*a")
    file:close()
  end
  return files[path]
end

-- Whether the file has a test of that name; a pending one is none.
local function has_test(path, name)
  local text = read(path)
  for _, quote in ipairs { '"', "'" } do
    for _, open in ipairs { "it(", "it (" } do
      if text:find(open .. quote .. name .. quote, 1, true) then return true end
    end
  end
  return false
end

local function check_side(what, side)
  assert.is_table(side, what .. ": names neither a test nor a reason")
  if side.reason then
    assert.is_true(#side.reason > 10, what .. ": the reason is empty")
    return
  end
  assert.is_truthy(has_test(side.file, side.name),
    ("%s: %s has no test %q"):format(what, side.file, side.name))
end

describe("the document and its silences", function()
  local lines, silences = document.lines(), document.silences()

  it("have a row for each line", function()
    local seen = {}
    for _, row in ipairs(rows.lines) do
      assert.is_nil(seen[row.number], ("line %d has two rows"):format(row.number))
      seen[row.number] = true
      assert.is_string(lines[row.number], ("there is no line %d"):format(row.number))
      if row.text then
        assert.equal(row.text, lines[row.number]:sub(1, #row.text))
      end
    end
    for number, text in ipairs(lines) do
      assert.is_true(seen[number], ("line %d has no row: %s"):format(number, text))
    end
    assert.is_true(#lines > 200)
  end)

  it("name a test that exists, or a reason, on both sides of each line", function()
    for _, row in ipairs(rows.lines) do
      local what = ("line %d (%s)"):format(row.number, lines[row.number])
      check_side(what .. ", client", row.client)
      check_side(what .. ", sandbox", row.sandbox)
    end
  end)

  it("have a row for each silence, with a test or a reason on both sides", function()
    local seen = {}
    for _, row in ipairs(rows.silences) do
      local found
      for i, silence in ipairs(silences) do
        if silence.question:sub(1, #row.question) == row.question then
          assert.is_nil(seen[i], "two rows for " .. silence.question)
          seen[i], found = true, true
        end
      end
      assert.is_true(found, "silences.md does not ask: " .. row.question)
      check_side(row.question .. ", client", row.client)
      check_side(row.question .. ", sandbox", row.sandbox)
    end
    for i, silence in ipairs(silences) do
      assert.is_true(seen[i], "no row for: " .. silence.question)
    end
    assert.is_true(#silences > 30)
  end)

  it("would notice a test that is gone", function()
    assert.is_false(has_test("spec/document/document_spec.lua", "a test that nobody " .. "wrote"))
    assert.has_error(function() check_side("x", { file = "spec/none_spec.lua", name = "y" }) end)
    assert.has_error(function() check_side("x", nil) end)
    assert.has_error(function() check_side("x", { reason = "" }) end)
  end)
end)
