-- cmake/packages.sh: what the two commands say and do about missing packages, with stand-ins for
-- dpkg-query, apt-get, apt-cache, sudo and id.

local shell = require "spec.support.shell"

local root = debug.getinfo(1, "S").source:match("^@(.*)spec/[^/]*/[^/]*$")
root = root == "" and "." or root

-- Runs `pomex_packages MODE` with the names of these packages ("curl jq" without any), in a world
-- of these programs alone.
local function run(mode, world, packages)
  local lines = { "folder=$(mktemp -d)", "trap 'rm -rf $folder' EXIT", "bash=$(command -v bash)" }
  for name, body in pairs(world) do
    lines[#lines + 1] = ("printf '%%s\\n' '#!/bin/sh' %s > $folder/%s; chmod +x $folder/%s")
      :format(shell.quote(body), name, name)
  end
  for _, name in ipairs { "env", "grep", "sh" } do
    lines[#lines + 1] = ("ln -s $(command -v %s) $folder/%s"):format(name, name)
  end
  lines[#lines + 1] = "PATH=$folder $bash -c "
    .. shell.quote [[. "$1"; shift; pomex_packages "$@"; echo "=$?"]] .. " _ "
    .. shell.quote(root .. "/cmake/packages.sh") .. " " .. mode .. " " .. (packages or "curl jq")
  local output = shell.bash(table.concat(lines, "\n"))
  local said, status = output:match("^(.*)=(%d+)\n$")
  assert.is_string(said, output)
  return said, tonumber(status)
end

local DPKG = 'case "$*" in *jq*) exit 1;; *) echo "install ok installed";; esac'
local APT = 'echo "apt-get $*" >&2'
local ROOT, USER = "echo 0", "echo 1000"

describe("cmake/packages.sh #once", function()
  it("does nothing where all is there", function()
    local said, status = run("yes", { ["dpkg-query"] = 'echo "install ok installed"', id = ROOT })
    assert.equal("", said)
    assert.equal(0, status)
  end)

  it("takes a removed package, of which only settings are left, for missing", function()
    local said, status = run("no",
      { ["dpkg-query"] = 'echo "deinstall ok config-files"', id = ROOT })
    assert.equal(1, status)
    assert.matches("sudo apt%-get install curl jq\n", said)
  end)

  it("with --no-install only says what to run", function()
    local said, status = run("no", { ["dpkg-query"] = DPKG, id = ROOT, ["apt-get"] = APT })
    assert.equal(1, status)
    assert.matches("packages are missing.-\n  sudo apt%-get install jq\n", said)
    assert.not_matches("apt%-get %-", said)
  end)

  it("installs as root", function()
    local said, status = run("yes", { ["dpkg-query"] = DPKG, id = ROOT, ["apt-get"] = APT })
    assert.equal(0, status)
    assert.matches("apt%-get %-qq update", said)
    assert.matches("apt%-get %-qq %-y %-%-no%-install%-recommends install jq\n", said)
  end)

  it("installs with sudo as somebody else", function()
    local said, status = run("yes", { ["dpkg-query"] = DPKG, id = USER, ["apt-get"] = APT,
      sudo = 'echo "sudo: $1" >&2; exec "$@"' })
    assert.equal(0, status)
    assert.matches("sudo: env\n.*apt%-get .-install jq\n", said)
  end)

  it("says what to run as root where there is no sudo", function()
    local said, status = run("yes", { ["dpkg-query"] = DPKG, id = USER, ["apt-get"] = APT })
    assert.equal(1, status)
    assert.matches("there is no sudo; as root, run:\n  apt%-get install jq\n", said)
  end)

  it("says what is missing where apt-get fails", function()
    local said, status = run("yes", { ["dpkg-query"] = DPKG, id = ROOT, ["apt-get"] = "exit 100" })
    assert.equal(1, status)
    assert.matches("could not install packages.-\n  sudo apt%-get install jq\n", said)
  end)

  describe("on a system with names of its own", function()
    -- Its apt knows luajit and gcc, and has lists where LISTS is a file that exists.
    local function world(installed, lists)
      return {
        ["dpkg-query"] = ('case " %s " in *" $3 "*) echo "install ok installed";; *) exit 1;; esac')
          :format(installed),
        ["apt-cache"] = 'case $2 in luajit | gcc) echo "Version: 1";; esac',
        ["apt-get"] = ('case $1 in indextargets) echo %s;; *) echo "apt-get $*" >&2;; esac')
          :format(lists or "/dev/null"),
        id = ROOT,
      }
    end

    it("installs the name that apt knows", function()
      local said, status = run("yes", world "", "luajit2 gcc")
      assert.equal(0, status)
      assert.matches("pomex: installing luajit gcc\n", said)
      assert.matches("apt%-get .-install luajit gcc\n", said)
    end)

    it("is content with that one", function()
      local said, status = run("no", world "luajit", "luajit2")
      assert.equal("", said)
      assert.equal(0, status)
    end)

    it("goes on without what may lack, and says so", function()
      local said, status = run("yes", world "", "'gcc?' 'lua5.9?'")
      assert.equal(0, status)
      assert.matches("this system has no package lua5%.9; going on without\n", said)
      assert.matches("install gcc\n", said)
    end)

    it("does not go on without what must be there", function()
      local said, status = run("no", world "", "lua5.9")
      assert.equal(1, status)
      assert.matches("apt%-get install lua5%.9\n", said)
    end)

    it("takes nothing for lacking while apt has no lists", function()
      local said, status = run("no", world("", "/nowhere/at/all"), "'lua5.9?'")
      assert.equal(1, status)
      assert.matches("apt%-get install lua5%.9\n", said)
    end)
  end)

  it("goes on where there is no dpkg, naming what is needed", function()
    local said, status = run("yes", { id = ROOT })
    assert.equal(0, status)
    assert.matches("no Debian or Ubuntu.-needed: curl jq", said)
  end)
end)
