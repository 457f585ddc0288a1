--- Waits for a portrait or a video, tells of each change, and says at each end how to go on.

local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local left = require "pomex.command.left"

local follow = {}

local one_line = errors.one_line

-- What to type after an end that waiting longer does not mend.
local function instead(env, kind, err)
  if err.type == "asset_failed" then
    return env:command("portrait", "add", "ANOTHER-URL", "--group", "GROUP", "--wait")
  end
  if err.type == "generation_failed" then
    return env:command("video", "OTHER-WORDS", "--image", "NAME=ASSET", "-o", "FILE")
  end
  if err.type == "not_found_error" then
    return kind == "video" and env:command("video", "list")
      or env:command("portrait", "list", "--group", "GROUP")
  end
end

-- Why a wait or a download ended.
local function ended(env, kind, id, err, again)
  if err.type == "cancelled_error" and env.stop.name then
    return env:failed(("stopped; the service goes on with %s %s"):format(kind, id), again,
      exits.INTERRUPTED)
  end
  if err.type == "timeout_error" then
    local why = err.last_status and "it is " .. one_line(err.last_status) or err.message
    return env:failed(("--timeout ran out, and the service goes on with %s %s (%s)"):format(kind,
      id, one_line(why)), again, exits.LATER)
  end
  local code = exits.of(err)
  -- What was made is known by its id; only a create can be unclear.
  if code == exits.UNCLEAR then code = exits.FAILED end
  if code == exits.REFUSED or code == exits.USAGE then return env:failed(err) end
  if err.type == "generation_failed" then env.out:say(left.OF_FAILED) end
  return env:failed(err, instead(env, kind, err) or again, code)
end

local function wait(env, resource, kind, id, again)
  local seen, seconds = nil, 0
  local function told(object)
    if object.status == seen then return end
    seen = object.status
    env.out:change({ type = "change", kind = kind, id = id, status = seen },
      ("%s %s"):format(one_line(id), one_line(seen)))
  end
  local function tick()
    seconds = seconds + 1
    env.out:draw(("%s  %s, %d s"):format(one_line(id), one_line(seen or "waiting"), seconds))
  end
  local object, err = env.stop:await(again, resource:wait(id, {
    timeout = env.args.timeout, on_update = told }), env.out.terminal and tick or nil)
  if not object then return nil, ended(env, kind, one_line(id), err, again) end
  told(object)
  return object
end

---Waits until a portrait is active.
---@param env pomex.CommandEnv
---@param client pomex.Client
---@param id string
---@return pomex.Asset|nil asset
---@return integer? code where it is nil: the exit code; the reason has been told
function follow.portrait(env, client, id)
  return wait(env, client.async.assets, "portrait", id,
    env:command("portrait", "wait", env.word(id)))
end

---Waits until a video is there.
---@param env pomex.CommandEnv
---@param client pomex.Client
---@param id string
---@return pomex.Generation|nil task
---@return integer? code where it is nil: the exit code; the reason has been told
function follow.video(env, client, id)
  local path = env.args.output
  return wait(env, client.async.generations, "video", id, path
    and env:command("video", "wait", env.word(id), "-o", env.word(path))
    or env:command("video", "wait", env.word(id)))
end

---Saves the file of a video or a portrait to `args.output`.
---@param env pomex.CommandEnv
---@param client pomex.Client
---@param kind "portrait"|"video"
---@param object table|string its id, or the object itself
---@return integer code
function follow.save(env, client, kind, object)
  local path, percent = env.args.output, nil
  local id = type(object) == "table" and object.id or object
  local frame = kind == "video" and env.args.last_frame
  local save = frame and "save --last-frame" or "save"
  local again = env:command(kind, save, env.word(id), "-o", env.word(path))
  local function draw(done, total)
    local now = total and total > 0 and math.floor(100 * done / total)
    if not now or now == percent then return end
    percent = now
    env.out:draw(("saving  %3d %%"):format(now))
  end
  local resource = kind == "portrait" and client.async.assets or client.async.generations
  local file, err = env.stop:await(again, resource:download(object, path, {
    overwrite = env.args.force, sync = true, on_progress = draw,
    what = frame and "last_frame" or nil }))
  if not file then
    -- It is the name that stands in the way, and not the service.
    if err.type == "file_error" then
      again = env:command(kind, save, env.word(id), "-o", "ANOTHER-FILE")
    end
    return ended(env, kind, one_line(id), err, again)
  end
  env.fields.id, env.fields.file, env.fields.size = id, file.path, file.size
  env.out:say(("saved %s (%d bytes)"):format(one_line(file.path), file.size))
  env.out:result(file.path)
  return exits.DONE
end

return follow
