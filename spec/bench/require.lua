-- Milliseconds of CPU that `require "pomex"` takes beyond loading libcurl.
assert(package.loadlib("libcurl.so.4", "*"))
local begin = os.clock()
require "pomex"
print(("%.2f"):format((os.clock() - begin) * 1e3))
