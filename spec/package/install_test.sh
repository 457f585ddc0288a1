#!/usr/bin/env bash
# Installs with plain CMake as the README does it without root, into the home folder $1, and runs a program
# from there: nothing of the source tree is on its paths.
set -eu
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
prefix="$1"
unset LUA_PATH LUA_CPATH LUA_PATH_5_4 LUA_CPATH_5_4 POMEX_SANDBOX_BIN
# shellcheck disable=SC2016 # backticks of Markdown
commands="$(sed -n '/^<!-- run by spec.package.install_test.sh -->$/,/^```$/{/^[^<`]/p}' "$root/README.md")"
[ -n "$commands" ] || { echo "README.md does not say how to install without root"; exit 1; }
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc 2> /dev/null || echo 2)}"
cd "$root"
HOME="$prefix"
eval "${commands//build\/install/\$prefix/build}"
DESTDIR="$prefix/moved" cmake --install "$prefix/build"
# The build is gone before the program runs: it must need nothing of it.
rm -rf "$prefix/build"
for file in lib/lua/5.4/pomex/core.so share/lua/5.4/pomex/init.lua bin/pomex-sandbox bin/pomex \
    share/man/man1/pomex.1 share/bash-completion/completions/pomex \
    share/zsh/site-functions/_pomex share/fish/vendor_completions.d/pomex.fish; do
    [ -f "$prefix/.local/$file" ] || { echo "not installed: $file"; exit 1; }
done
if nm -D --defined-only "$prefix/.local/lib/lua/5.4/pomex/core.so" | grep -v luaopen_pomex_core | grep ' [TDBR] '; then
    echo "core.so shows symbols other than its entry"
    exit 1
fi
cd "$prefix"
env -u POMEX_SANDBOX_BIN -u POMEX_API_KEY -u POMEX_BASE_URL \
    lua5.4 - << 'LUA'
local pomex = require "pomex"
local sb = assert(require("pomex.sandbox").start { asset_seconds = 0, generation_seconds = 0 })
local client = pomex.check(pomex.new(sb:client_options()))
local asset = pomex.check(client.assets:create_and_wait {
  url = "https://cdn.example/a.jpg", asset_type = "Image", group_id = sb:add_person() })
local task = pomex.check(client.generations:create_and_wait {
  model = "byteplus/seedance-2.0-fast",
  content = pomex.content():text("{a} waves"):image(asset, "a") })
local file = pomex.check(client.generations:download(task, "installed.mp4"))
assert(sb.ledger:count "generation" == 1)
client:close()
sb:stop()
print("installed, and made " .. (type(file) == "table" and file.path or tostring(file)))
LUA
[ -s "$prefix/installed.mp4" ]

# The command: where it was installed; through a link from elsewhere; and in a tree that was moved,
# without the one it was installed in. It finds its modules and its sandbox by itself.
ln -s "$prefix/.local/bin/pomex" "$prefix/linked"
in_no_tree=(env -i PATH=/usr/bin:/bin HOME="$prefix" POMEX_API_KEY=sk-x
    POMEX_BASE_URL=http://127.0.0.1:1)
for pomex in "$prefix/.local/bin/pomex" "$prefix/linked"; do
    "${in_no_tree[@]}" "$pomex" --version
    "${in_no_tree[@]}" "$pomex" doctor > "$prefix/doctor" || true
    grep -q '^ok  *sandbox  *pomex-sandbox starts$' "$prefix/doctor"
    grep -qF "/pomex/core.so" "$prefix/doctor"
done
mv "$prefix/.local" "$prefix/away"
moved="$prefix/moved$prefix/.local"
"${in_no_tree[@]}" "$moved/bin/pomex" doctor > "$prefix/doctor" || true
grep -qF "library    $moved/lib/lua/5.4/pomex/core.so" "$prefix/doctor"
PATH="$moved/bin:$PATH" bash -c ". '$moved/share/bash-completion/completions/pomex'; complete -p pomex"
echo "the command works where it was installed, by a link, and moved"
