--- The account's tasks: lists of them, and cancelling one. The document names neither; another page
--- of the service does, without saying their shapes (spec/document/beyond-the-document.md).

local calls = require "pomex.calls"
local options = require "pomex.options"
local pages = require "pomex.pages"
local spend = require "pomex.spend"

local KINDS, require_waitable = calls.KINDS, calls.require_waitable
local optional, id_of = options.optional, calls.id_of

local LIST = { page = "number", limit = "number", status = "strings", model = "string" }
local EACH = { max = "whole" }
for key, kind in pairs(LIST) do EACH[key] = kind end

-- What stands for itself in a query, whatever its name.
local PLAIN = { string = true, number = true, boolean = true, userdata = true }

-- A copy of a query, which may have fields of any name. No list of a service has a nested field.
local function checked(where, query, known)
  query = options.sent(where, query, known, "query", true)
  options.no_call_options(where, query, "query")
  for key, value in pairs(query) do
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      if not PLAIN[type(one)] then
        options.misuse(("%s: %s must be a string, a number, a boolean or a list of them"):format(
          where, key))
      end
    end
    if type(value) == "table" and #value == 0 and next(value) ~= nil then
      options.misuse(("%s: %s must be a list, not a table of names"):format(where, key))
    end
  end
  return query
end

---@class pomex.AsyncGenerations
local AsyncTasks = {}

---As `client.generations:list`.
---@param query? pomex.GenerationQuery
---@param opts? pomex.CallOptions
---@return pomex.GenerationPageOperation
function AsyncTasks:list(query, opts)
  if query ~= nil then query = checked("generations:list", query, LIST) end
  opts = optional("generations:list", opts, options.CALL)
  return calls.start(self.client, KINDS["generations.list"], nil, query, opts)
end

---As `client.generations:cancel`.
---@param task string|pomex.Generation
---@param opts? pomex.CallOptions
---@return pomex.GenerationOperation
function AsyncTasks:cancel(task, opts)
  opts = optional("generations:cancel", opts, options.CALL)
  local id = id_of("generations:cancel", "task", task)
  return spend.cancelling(self.client,
    calls.start(self.client, KINDS["generations.cancel"], id, nil, opts))
end

---@class pomex.Generations
local Tasks = {}

---One page of the account's tasks. The document does not name this list, so nothing about it is
---sure: which fields its items have, their order, how soon and for how long a task is in it.
---@param query? pomex.GenerationQuery sent as it is
---@param opts? pomex.CallOptions
---@return pomex.GenerationPage|nil page
---@return pomex.Error? err not_found_error: the service has no such list
function Tasks:list(query, opts)
  return require_waitable(self.async):list(query, opts):wait()
end

---Iterates over the tasks of all pages, none of them twice, in the service's order. Raises if a
---page fails. PUC Lua 5.1 cannot yield in an iterator: in a coroutine task, call `list` there.
---@param query? pomex.EachGenerationQuery `limit` is of a page (default 100), `max` of all
---@param opts? pomex.CallOptions of the call for each page
---@return fun(): pomex.Generation|nil
function Tasks:each(query, opts)
  if query ~= nil then query = checked("generations:each", query, EACH) end
  opts = optional("generations:each", opts, options.CALL)
  return pages.each(self, query or {}, opts, pages.UNSURE)
end

---Cancels a task that is still queued. It is looked at first; of any other status it stays as it
---is: the service would delete the record of one that is over, and with it the way to its video.
---@param task string|pomex.Generation an id, or an object with one
---@param opts? pomex.CallOptions
---@return pomex.Generation|nil task with `status` "cancelled"
---@return pomex.Error? err cancel_failed: it is not queued, and `last_status` says what it is;
---  ambiguous_error: perhaps it is cancelled, `last_status` is what a look said afterwards
function Tasks:cancel(task, opts)
  return require_waitable(self.async):cancel(task, opts):wait()
end

---A notice says that a task has changed: whoever waits for it with this client looks now, and so
---does a wait that begins within the next 5 minutes. Where the client was made with `nudges`, the
---waits of nginx's other workers look, too. It sends nothing by itself, and may be called anywhere.
---@param task string|pomex.Generation an id, or an object with one
---@return integer waits of this client in this process that look
function Tasks:nudge(task)
  local client = self.async.client
  local id = id_of("generations:nudge", "task", task)
  if client.nudges then client.nudges:post(id, client.root) end
  return client.loop.handle:nudge(id)
end

return { async = AsyncTasks, plain = Tasks }
