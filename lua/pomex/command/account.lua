--- A run that ended because of the account: its key, its money, or jobs that it does not know.

local errors = require "pomex.errors"

local account = {}

---What to type about an error of the account, and what to know before.
---@param env pomex.CommandEnv
---@param err pomex.Error|nil
---@param about function left.about
---@param path string of the store
---@return pomex.Error|nil why
---@return string command to type next
function account.tell(env, err, about, path)
  if err and err.unknown_key then
    env.out:tell "nothing was begun or given up: with the key of their account they go on"
    env.out:tell(("if the service has %s no more, give it up: %s"):format(
      errors.one_line(err.unknown_key), about(env, path, "cancel", err.unknown_key)))
    return err, env:again() .. "   # with the key of the account that made them"
  end
  if err and err.status == 402 then
    env.out:tell "there is no credit left: top up the account; nothing is lost, and the run goes on"
    return err, env:again() .. "   # once the account is topped up"
  end
  if err and err.status == 403 then
    env.out:tell "pomex doctor cannot see the account's rights: look into the service's console"
  end
  return err, env:command "doctor"
end

return account
