--- A terminal window, by tmux: what a person types and sees.

local shell = require "spec.support.shell"

---@class Window
local Window = {}
Window.__index = Window

local window = {}

local count = 0

---Whether there is a tmux to open windows with.
window.possible = select(2, shell.bash "tmux -V")

local function tmux(self, words)
  return (shell.bash(("tmux -u -L %s %s"):format(self.name, words)))
end

---Opens a window with bash in it.
---@param columns integer
---@param rows integer
---@param profile string what the shell reads first
---@param folder string where that is kept
---@return Window
function window.open(columns, rows, profile, folder)
  count = count + 1
  local self = setmetatable({ name = ("pomex-spec-%s-%d"):format(folder:match "[^/]*$", count) },
    Window)
  local file = assert(io.open(folder .. "/.profile-of-window", "w"))
  file:write(profile, "\nPS1='$ '; unset PROMPT_COMMAND; clear\n")
  file:close()
  tmux(self, ("-f /dev/null new-session -d -x %d -y %d 'env LC_ALL=C.UTF-8 bash --noprofile "
    .. "--rcfile %s/.profile-of-window'"):format(columns, rows, folder))
  local ok, why = pcall(self.await, self, "%$\n$")
  if ok then return self end
  self:close()
  error(why, 2)
end

---Types text and Enter.
---@param text string
function Window:type(text)
  tmux(self, "send-keys -l " .. shell.quote(text))
  tmux(self, "send-keys Enter")
end

---Presses a key, such as "C-c".
---@param key string
function Window:press(key)
  tmux(self, "send-keys " .. key)
end

---@param columns integer
---@param rows integer
function Window:resize(columns, rows)
  tmux(self, ("resize-window -x %d -y %d"):format(columns, rows))
end

---What is to be seen, without spaces at the ends of lines and empty lines at the end.
---@param with_colors? boolean
---@return string
function Window:seen(with_colors)
  local text = tmux(self, "capture-pane -p" .. (with_colors and " -e" or ""))
  return (text:gsub(" +\n", "\n"):gsub("\n+$", "")) .. "\n"
end

---Waits until something is to be seen; raises where it does not come.
---@param pattern string
---@return string seen
function Window:await(pattern)
  local seen
  for _ = 1, 300 do
    seen = self:seen()
    if seen:find(pattern) then return seen end
    shell.bash "sleep 0.05"
  end
  error(("%s is not to be seen in:\n%s"):format(pattern, seen), 2)
end

function Window:close()
  tmux(self, "kill-server")
end

return window
