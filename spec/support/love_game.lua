--- examples/love in a window of Xvfb, played by a script that the game resumes once a frame.

local lfs = require "lfs"
local shell = require "spec.support.shell"

local root = lfs.currentdir()
local PLAY = ("local game, play = ..., dofile %q\nlocal job = game.job\n"):format(
  root .. "/spec/example/love_play.lua")

---@class LoveGame
---@field folder string of this test, with videos/ in it
---@field shots string where what the script says and its pictures go
local game = {}
game.__index = game

function game.new()
  local folder = shell.bash("mktemp -d"):gsub("%s+$", "")
  local self = setmetatable({ folder = folder,
    shots = os.getenv "POMEX_SCREENSHOTS" or folder .. "/shots" }, game)
  assert(shell.bash(("mkdir -p %s %s/videos"):format(shell.quote(self.shots), folder)))
  return self
end

function game:remove()
  shell.bash("rm -rf " .. shell.quote(self.folder))
end

---@param path string below `folder`, unless it is a whole one
---@return string|nil
function game:read(path)
  local file = io.open(path:find "^/" and path or self.folder .. "/" .. path, "rb")
  local text = file and file:read("*a")
  if file then file:close() end
  return text
end

---What the script said.
function game:said(name)
  return self:read(self.shots .. "/" .. name)
end

---The videos, and what lies beside them.
---@return string names in order, with a space between
function game:videos()
  local list = {}
  for name in lfs.dir(self.folder .. "/videos") do
    if name:sub(1, 1) ~= "." then list[#list + 1] = name end
  end
  table.sort(list)
  return table.concat(list, " ")
end

---Plays `script`.
---@param script string after `game`, `play` and `job` are there
---@param arguments? string
---@param environment? string NAME=value …
---@return string output
---@return boolean ok
function game:run(script, arguments, environment)
  local file = assert(io.open(self.folder .. "/script.lua", "wb"))
  file:write(PLAY, script)
  file:close()
  return shell.bash(([[
    cd /
    export POMEX_LOVE_SCRIPT=%s/script.lua POMEX_LOVE_PLAY=%s XDG_DATA_HOME=%s/data %s
    xvfb-run -a -s "-screen 0 1280x800x24" timeout -k 5 250 \
      %s --no-install --output %s/videos %s < /dev/null
  ]]):format(self.folder, shell.quote(self.shots), self.folder, environment or "",
    shell.quote(root .. "/examples/love/run.sh"), self.folder, arguments or ""))
end

return game
