-- docs/internals.md names every source file, and nothing that is not there.

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local function lines_of(command)
  local pipe, lines = assert(io.popen(command)), {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

describe("docs/internals.md #once", function()
  local page = read "docs/internals.md"

  -- The words in backquotes of each section or item that is about one folder.
  local function words_of(folder)
    local from = page:find("### " .. folder .. ":", 1, true)
      or page:find("### " .. folder .. " ", 1, true)
    assert(from, "no section is about " .. folder)
    local text = page:sub(from)
    text = text:sub(1, (text:find("\n#", 2, true) or #text))
    local words = {}
    for word in text:gmatch("`([%w_]+)`") do words[word] = true end
    return words
  end

  it("has a sentence for each source file", function()
    local sections = { ["csrc/store/sqlite"] = "csrc/store",
      ["csrc/store/postgresql"] = "csrc/store" }
    local missing = {}
    for _, path in ipairs(lines_of(
      "find csrc lua -name '*.[ch]' -o -name '*.lua' | grep -v core/include/ | sort")) do
      local folder, name = path:match("^(.*)/([^/]+)%.[%w]+$")
      local part = folder:match("^csrc/sandbox/(%w+)")
      local section = part and "csrc/sandbox" or sections[folder] or folder
      if not words_of(section)[name] then missing[#missing + 1] = path end
    end
    assert.same({}, missing)
  end)

  it("names functions, tests and mutants that are there", function()
    for name in page:gmatch("pomex_[%w_]+") do
      assert.equal("0", lines_of(("grep -rq '%s' csrc; echo $?"):format(name))[1], name)
    end
    for path in page:gmatch("`(spec/[%w_/.]+)`") do
      assert.is_true(exists(path), path)
    end
  end)

  it("names for each promise the test that kills the mutant", function()
    local rows = page:match("| Promise | Test | Mutant |\n|%-[^\n]*\n(.*)$")
    local count = 0
    for tests, mutants in rows:gmatch("|[^|]+|([^|]+)|([^|]+)|\n") do
      for mutant in mutants:gmatch("`([%w_]+)`") do
        local test = read("spec/mutants/" .. mutant .. ".mutant"):match("\ntest ([^\n]+)")
        local path = test:match("^(spec/%S+)")
        if not path then
          local folder, name = test:match("^(%w+)%.([%w_]+)$")
          path = ("spec/%s/test_%s.c"):format(folder, name)
          if not exists(path) then path = ("spec/%s/%s.sh"):format(folder, name) end
        end
        assert.is_truthy(tests:find("`" .. path .. "`", 1, true), mutant .. ": " .. path)
        count = count + 1
      end
    end
    assert.is_true(count >= 16)
  end)
end)
