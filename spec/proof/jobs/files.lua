--- Whether a file is the video of its job, as the store noted it and as the service serves it.

local core = require "pomex.core"
local queue = require "spec.proof.jobs.queue"

local files = {}

local whole, same -- one video, as the service serves it, and how much of it is in each

---@param job table which is done
---@return string|nil wrong what is wrong with it; nil: nothing
function files.wrong(job)
  local path = queue.env "FOLDER" .. "/out/" .. tostring(job.saved)
  local length, sum = core.saving_sum(path)
  if not job.sha256 or length ~= job.length or sum ~= job.sha256 then return "what was noted" end
  local file = assert(io.open(path, "rb"))
  local bytes = file:read "a"
  file:close()
  -- The sandbox's videos are the same up to their last box, which has the prompt.
  if not whole then
    whole = queue.video(job.task)
    same = #whole - whole:reverse():find("voom", 1, true) - 8
    whole = whole:sub(1, same)
  end
  local named = bytes:find("[" .. job.key .. ".", same, true)
  if bytes:sub(1, same) ~= whole or not named then return "its video" end
end

return files
