--- Prints how to run the C tests of a build folder: for each a line with its name, how many
--- seconds it has, and what a shell runs, with WRAPPER before the program.
---     lua5.4 spec/support/programs.lua BUILD all|untimed [WRAPPER…]
--- untimed: but for those labelled "timing", whose limits no program keeps under valgrind.

local cjson = require "cjson"

local folder = assert(arg[1], "the build folder is missing")
local untimed = assert(arg[2], "all or untimed is missing") == "untimed"

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

local pipe = assert(io.popen("ctest --test-dir " .. quoted(folder) .. " --show-only=json-v1"))
local listing = cjson.decode(pipe:read("a"))
pipe:close()

for _, test in ipairs(listing.tests) do
  if test.command and not (untimed and has_label(test, "timing")) then
    local words = { "cd", quoted(property(test, "WORKING_DIRECTORY") or folder), "&&", "exec env" }
    for _, variable in ipairs(property(test, "ENVIRONMENT") or {}) do
      words[#words + 1] = quoted(variable)
    end
    for i = 3, #arg do words[#words + 1] = quoted(arg[i]) end
    for _, word in ipairs(test.command) do words[#words + 1] = quoted(word) end
    print(("%s\t%d\t%s"):format(test.name, property(test, "TIMEOUT") or 120,
      table.concat(words, " ")))
  end
end
