--- Prints how to run the C tests of a build folder: for each a line with its name, how many
--- seconds it has, and what a shell runs, with WRAPPER before the program.
---     lua5.4 spec/support/programs.lua BUILD all|kinds|others|untimed|postgresql [WRAPPER…]
--- postgresql: those that need a server, which are among none of the others. kinds: those of
--- spec/kinds; others: all but those; untimed: all but those labelled "timing", whose limits no
--- program keeps under valgrind.

local cjson = require "cjson"

local folder = assert(arg[1], "the build folder is missing")

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function property(test, name)
  for _, entry in ipairs(test.properties or {}) do
    if entry.name == name then return entry.value end
  end
end

local function has_label(test, label)
  for _, value in ipairs(property(test, "LABELS") or {}) do
    if value == label then return true end
  end
  return false
end

local WANTED = {
  all = function() return true end,
  kinds = function(test) return test.name:find("^kinds%.") end,
  others = function(test) return not test.name:find("^kinds%.") end,
  untimed = function(test) return not has_label(test, "timing") end,
  postgresql = function(test) return has_label(test, "postgresql") end,
}
-- A limit ends what hangs; it measures nothing. A busy machine and a sanitizer have three times
-- what an idle one needs, and a wrapper such as valgrind has more.
local patience = arg[3] and 6 or 3
local wanted = assert(WANTED[arg[2]], "all, kinds, others, untimed or postgresql is missing")

local pipe = assert(io.popen("ctest --test-dir " .. quoted(folder) .. " --show-only=json-v1"))
local listing = cjson.decode(pipe:read("a"))
pipe:close()

for _, test in ipairs(listing.tests) do
  local beside_server = has_label(test, "postgresql") == (arg[2] == "postgresql")
  if test.command and beside_server and wanted(test) then
    local words = { "cd", quoted(property(test, "WORKING_DIRECTORY") or folder), "&&", "exec env" }
    for _, variable in ipairs(property(test, "ENVIRONMENT") or {}) do
      words[#words + 1] = quoted(variable)
    end
    for i = 3, #arg do words[#words + 1] = quoted(arg[i]) end
    for _, word in ipairs(test.command) do words[#words + 1] = quoted(word) end
    print(("%s\t%d\t%s"):format(test.name, patience * (property(test, "TIMEOUT") or 120),
      table.concat(words, " ")))
  end
end
