--- Looks at what the service is making for a job, until that is final.

local account = require "pomex.jobs.account"

local looking = {}

-- A wait of the core ends after so long, and is begun again: seconds.
local LONGEST_WAIT = 86400
-- Seconds until what could not be looked at is looked at again.
local AGAIN = 15

local function again(work, err)
  work:move { from = "polling", to = "polling", due = work:wall() + AGAIN, error = tostring(err) }
  work:rest(AGAIN)
end

---Looks as long as the job is `polling`, and the run goes on.
---@param work pomex.JobWork
---@param kind { wait: (fun(opts: table): pomex.Operation), failure: string,
---  ended: fun(result: table), failed: fun(err: pomex.Error) } `failure` is the type of the error
---  by which the service says that there will be nothing
function looking.work(work, kind)
  local job = work.job
  while job.state == "polling" and not work:stopping() do
    local result, err = work:await(kind.wait { timeout = LONGEST_WAIT })
    if result then
      kind.ended(result)
    elseif work:stopping() then
      return
    elseif err.type == kind.failure then
      kind.failed(err)
    elseif err.type == "not_found_error" then
      local word = account.judge(work)
      if word == "another" or work:stopping() then return end
      -- It had an id once: whether it was made, and billed, nobody knows.
      if word == "gone" then
        work:move { from = "polling", to = "unclear", error = tostring(err) }
      else
        again(work, err)
      end
    elseif work:ends_run(err) then
      return
    else
      again(work, err)
    end
  end
end

return looking
