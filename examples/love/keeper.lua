-- The thread that saved.keep starts. It has a Lua of its own.

local cjson = require "cjson"
local saved = require "saved"

local answer, path, base_url, ids = ...
local ok, why = saved.store(path, base_url, cjson.decode(ids))
answer:push(ok or why)
