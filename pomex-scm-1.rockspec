rockspec_format = "3.0"
package = "pomex"
version = "scm-1"

-- There is no public repository yet, hence a host that cannot exist: in a clone,
-- `luarocks make` builds what is there and never asks for this.
source = {
  url = "git+https://repository.invalid/pomex.git",
}

description = {
  summary = "A client for PomexAI's Real-Human Asset API",
  detailed = [[
    A person verifies once with a face scan; you upload portraits of that person, and Seedance 2.0
    turns them into videos. Works in plain scripts, coroutines, event loops and game loops, sends
    nothing twice that is billed, and brings pomex-sandbox, the service emulated for your tests.

    Needs Linux, libcurl 7.88, jansson 2.14, zlib and libcrypto; CMake finds them by pkg-config, and
    names the Debian packages of those that are missing. pomex-sandbox is built where libmicrohttpd
    and SQLite are found, the store of durable jobs where SQLite is, and pomex.qr where libqrencode
    is.]],
  license = "MIT",
  labels = { "http", "client", "video", "async" },
}

supported_platforms = { "linux" }

dependencies = {
  "lua >= 5.1, < 5.6, ~= 5.2",
  "lua-cjson >= 2.1",
  "argparse >= 0.7",
}

-- The sources and the libraries they need stand in CMake's files, and nowhere else.
build = {
  type = "cmake",
  variables = {
    CMAKE_INSTALL_PREFIX = "$(PREFIX)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    LIBDIR = "$(LIBDIR)",
    LUADIR = "$(LUADIR)",
    POMEX_SANDBOX = "AUTO",
  },
}

test = { type = "command", command = "./spec/run.sh" }
