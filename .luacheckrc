-- What every Lua has; what only some have is used after a look whether it is there.
std = "min"
read_globals = {
  "jit", "loadstring", "setfenv", "unpack", "utf8",
  coroutine = { fields = { "close" } },
  debug = { fields = { "getfenv", "getuservalue", "upvalueid" } },
  math = { fields = { "type" } },
  table = { fields = { "unpack" } },
}
max_line_length = 100
files["examples/love"] = { std = "luajit+love" }
files["spec/example/love_play.lua"] = { std = "+love" }
exclude_files = { "build*/" }

files["spec/**/*_spec.lua"] = { std = "+busted" }
files["lua/pomex/host/openresty*.lua"] = { std = "+ngx_lua" }
files["examples/openresty*"] = { std = "+ngx_lua" }
files["examples/love*"] = { std = "+love" }
