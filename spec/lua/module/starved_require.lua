--- `require` while one of Lua's allocations fails (see starved.lua): it raises, and works when
--- there is memory.

local _, _, starved = ...

if jit then jit.off() end

-- Before 5.2 `require` takes a module that raised for one that is still being loaded, by a light
-- userdata, which LuaJIT says is a number.
local function forget_failed()
  for name, module in pairs(package.loaded) do
    local kind = type(module)
    if kind == "userdata" or kind == "number" then package.loaded[name] = nil end
  end
end

local function keep(f, ...)
  for _ = 1, 3 do
    local ok, result = starved(f, ...)
    if ok then return result end
    forget_failed()
    if not tostring(result):find("not enough memory", 1, true) then error(result, 0) end
  end
  error("it raises though there is memory")
end

local pomex = keep(require, "pomex")
local client = keep(pomex.new, { api_key = "sk-test-key" })
assert(client.assets and client.generations and client.sessions)
assert(pomex.content() and pomex.VIRTUAL and pomex.null)
keep(client.close, client)
