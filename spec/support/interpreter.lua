--- The Lua that runs the specs: how it is started, and what it can do.

local interpreter = {}

local lowest = 0
while arg[lowest - 1] do lowest = lowest - 1 end

---The word that starts it: "lua5.4", "/usr/bin/luajit", ….
---@type string
interpreter.command = arg[lowest]

---Numbers of two kinds, integers and floats.
interpreter.integers = math.type ~= nil

---`local x <close> = …`
interpreter.closes = (loadstring or load)("local x <close> = nil") ~= nil

---A coroutine may yield within `pcall`, and within the iterator of a `for`: all but PUC 5.1's.
interpreter.yields_within_calls = coroutine.wrap(function()
  return pcall(coroutine.yield, true)
end)() == true

---A module that not every system has for every Lua.
---@param name string
---@return any module nil if it cannot be loaded
---@return string why for pending()
function interpreter.optional(name)
  local ok, module = pcall(require, name)
  if ok then return module, "" end
  return nil, ("%s cannot be loaded in %s"):format(name, jit and "LuaJIT" or _VERSION)
end

---Sets how often the collector runs (percent of memory in use) and how much it does at once.
---@param pause integer
---@param step integer
function interpreter.collector(pause, step)
  if _VERSION == "Lua 5.5" then
    collectgarbage("param", "pause", pause)
    collectgarbage("param", "stepmul", step)
  else
    collectgarbage("setpause", pause)
    collectgarbage("setstepmul", step)
  end
end

---Something that nobody refers to, and whose finalizer is `f`.
---@param f function
function interpreter.finalizer(f)
  local proxy = rawget(_G, "newproxy")
  if proxy then
    getmetatable(proxy(true)).__gc = f
  else
    setmetatable({}, { __gc = f })
  end
end

return interpreter
