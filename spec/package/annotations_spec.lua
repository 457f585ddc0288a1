-- The annotations that lua-language-server reads: every class that is named exists, every public
-- function says its parameters and what it returns, and every option has a field.

local core = require "pomex.core"
local options = require "pomex.options"
local shell = require "spec.support.shell"

-- Types that lua-language-server has itself.
local BUILT_IN = {
  any = true, ["nil"] = true, boolean = true, number = true, integer = true, string = true,
  table = true, thread = true, userdata = true, ["function"] = true, fun = true, self = true,
  T = true, file = true, ["true"] = true, ["false"] = true,
}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- The type at the beginning of `text`, up to the first space outside of brackets.
local function type_at(text)
  local depth, at = 0, 1
  while at <= #text do
    local c = text:sub(at, at)
    if c:find "[%(%[{<]" then depth = depth + 1 end
    if c:find "[%)%]}>]" then depth = depth - 1 end
    local ends = c == " " and depth == 0 and not text:sub(1, at - 1):find "[:,|]$"
    if ends then break end
    at = at + 1
  end
  return text:sub(1, at - 1)
end

-- The names of types in a type.
local function names_in(text)
  local names = {}
  text = text:gsub('"[^"]*"', ""):gsub("fun%(([^()]*)%)", function(list)
    return "(" .. list:gsub("[%w_.]+%??:", "") .. ")"
  end):gsub("%[?[%w_]+%]?%??:", "")
  for name in text:gmatch "[%a_][%w_.]*" do names[#names + 1] = name end
  return names
end

describe("the annotations", function()
  local files, defined, used, functions = {}, {}, {}, {}

  setup(function()
    for path in shell.bash("find lua -name '*.lua'"):gmatch "[^\n]+" do files[#files + 1] = path end
    table.sort(files)
    for _, path in ipairs(files) do
      local block, number = {}, 0
      for line in (read(path) .. "\n"):gmatch "(.-)\n" do
        number = number + 1
        local where = path .. ":" .. number
        local tag, rest = line:match "^%s*%-%-%-@(%a+)%s*(.*)$"
        if tag then
          block[#block + 1] = { tag = tag, rest = rest }
          local function uses(text)
            for _, name in ipairs(names_in(type_at(text))) do
              used[#used + 1] = { name = name, where = where }
            end
          end
          if tag == "class" then
            local name, parent = rest:match "^([%w_.]+):?%s*([%w_.]*)"
            defined[name] = true
            if rest:find "^[%w_.]+:" then uses(parent) end
          elseif tag == "alias" then
            defined[rest:match "^[%w_.]+"] = true
          elseif tag == "field" then
            local scoped = rest:gsub("^private ", ""):gsub("^package ", "")
            uses(scoped:match "^%S+%s+(.*)$")
          elseif tag == "param" then
            uses(rest:match "^%S+%s+(.*)$" or "any")
          elseif tag == "return" or tag == "type" then
            uses(rest)
          end
        elseif line:find "^%s*%-%-%-" then
          block[#block + 1] = { tag = "text" }
        else
          local name, parameters = line:match "^function ([%w_.:]+)%((.-)%)"
          if name then
            functions[#functions + 1] = { name = name, parameters = parameters, block = block,
              where = where, body = {} }
          end
          local last = functions[#functions]
          if last and last.body then
            if line == "end" then last.done = true end
            if not last.done then last.body[#last.body + 1] = line end
          end
          block = {}
        end
      end
    end
  end)

  it("use only classes that are defined", function()
    assert.is_true(#used > 500)
    local missing = {}
    for _, use in ipairs(used) do
      if not BUILT_IN[use.name] and not defined[use.name] then
        missing[#missing + 1] = use.where .. ": " .. use.name
      end
    end
    assert.same({}, missing)
  end)

  it("name each parameter of a function, in order, and no other", function()
    assert.is_true(#functions > 150)
    local wrong = {}
    for _, f in ipairs(functions) do
      local named, wanted = {}, {}
      for _, row in ipairs(f.block) do
        if row.tag == "param" then named[#named + 1] = (row.rest:match "^[%w_.]+") end
      end
      for name in f.parameters:gmatch "[%w_.]+" do wanted[#wanted + 1] = name end
      local metamethod = f.name:find "[.:]__"
      if not metamethod and table.concat(named, ",") ~= table.concat(wanted, ",") then
        wrong[#wrong + 1] = ("%s: %s(%s) has @param %s"):format(f.where, f.name,
          f.parameters, table.concat(named, ","))
      end
    end
    assert.same({}, wrong)
  end)

  -- Their `return` is a tail call of a function that returns nothing.
  local TAIL_CALLS = {
    ["auto.wait"] = true, ["auto.spawn"] = true, ["host.wait"] = true, ["host.spawn"] = true,
    ["coroutines.park"] = true, ["coroutines.wait"] = true, ["coroutines.spawn"] = true,
    ["coroutines.resume"] = true,
  }

  it("say what a function returns, where it returns something", function()
    local wrong = {}
    for _, f in ipairs(functions) do
      local says, returns = false, false
      for _, row in ipairs(f.block) do says = says or row.tag == "return" end
      for _, line in ipairs(f.body) do
        -- At the depth of the function itself, or of a block in it that is no function.
        returns = returns or line:find "^  return %S" ~= nil
      end
      if returns and not says and not TAIL_CALLS[f.name] and not f.name:find "[.:]__" then
        wrong[#wrong + 1] = f.where .. ": " .. f.name
      end
    end
    assert.same({}, wrong)
  end)

  it("have a field for each option that is taken, and no other", function()
    local types = read "lua/pomex/types.lua"
    -- A class's own fields and those of its parents.
    local function fields(class)
      local name = class:gsub("%p", "%%%0")
      local parent, rows = types:match("%-%-%-@class " .. name .. ":? ?([%w_.]*)\n(.-)\n\n")
      assert(rows, class)
      local list = parent ~= "" and fields(parent) or {}
      for field in rows:gmatch "%-%-%-@field ([%w_]+)%??" do list[field] = true end
      return list
    end
    local function compare(class, known, without)
      local expected = {}
      for name in pairs(known) do expected[name] = true end
      for _, name in ipairs(without or {}) do expected[name] = nil end
      assert.same(expected, fields(class), class)
    end
    compare("pomex.Options", options.NEW)
    compare("pomex.CallOptions", options.CALL)
    -- To a wait that only looks, they mean nothing.
    compare("pomex.WaitOptions", options.WAIT, { "max_retries", "validate", "send_by" })
    compare("pomex.CreateAndWaitOptions", options.CREATE_AND_WAIT)
    compare("pomex.DownloadOptions", options.DOWNLOAD, { "validate", "send_by" })
    compare("pomex.CreateAndSaveOptions", options.CREATE_AND_SAVE)
    -- The core knows two more by name, which the README does not promise.
    compare("pomex.RateLimits", core.limits, { "request", "download" })
  end)
end)
