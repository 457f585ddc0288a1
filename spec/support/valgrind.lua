--- Runs the C tests of a build folder under valgrind, but for those labelled "timing", whose
--- limits no program keeps there. Prints what those that failed have printed; the last line is
--- "N passed, M failed".
---     lua5.4 spec/support/valgrind.lua build/dev

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

local pipe = assert(io.popen("ctest --test-dir " .. quoted(folder) .. " --show-only=json-v1"))
local listing = cjson.decode(pipe:read("a"))
pipe:close()

local passed, failed = 0, 0
for _, test in ipairs(listing.tests) do
  if test.command and not has_label(test, "timing") then
    local words = { "cd", quoted(property(test, "WORKING_DIRECTORY") or folder), "&&", "env" }
    for _, variable in ipairs(property(test, "ENVIRONMENT") or {}) do
      words[#words + 1] = quoted(variable)
    end
    words[#words + 1] = "timeout 150 valgrind --quiet --error-exitcode=99 --leak-check=full"
      .. " --errors-for-leak-kinds=definite,indirect --track-fds=no"
      .. " --suppressions=" .. quoted(os.getenv("PWD") .. "/spec/support/valgrind.supp")
    for _, word in ipairs(test.command) do words[#words + 1] = quoted(word) end
    local begin = os.time()
    local running = assert(io.popen(table.concat(words, " ") .. " 2>&1"))
    local output = running:read("a")
    local ok, how, code = running:close()
    if ok then passed = passed + 1 else failed = failed + 1 end
    if not ok then print(output, how .. " " .. code) end
    print(("%s %s (%d s)"):format(ok and "ok" or "FAILED", test.name, os.time() - begin))
  end
end
if passed + failed == 0 then
  print "no test was found"
  failed = 1
end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
