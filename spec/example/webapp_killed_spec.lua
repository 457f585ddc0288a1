-- The web app of examples/openresty loses nothing and bills nothing twice when its workers are
-- killed, at whatever moment.
--
-- #once #example

local property = require "spec.support.property"
local shell = require "spec.support.shell"
local studio_bed = require "spec.support.studio_bed"

describe("the web app whose workers are killed #once #example", function()
  -- What was out when a worker died is unclear, and the log says so.
  local bed = studio_bed "billed: %a+; %a+ %x+, unclear: its process died"
  local asked, await_request, change = bed.asked, bed.await_request, bed.change
  local complained, fault, kill_workers = bed.complained, bed.fault, bed.kill_workers
  local sb, app, owner, person

  setup(function()
    sb, app, owner, person = bed.sb, bed.app, bed.owner, bed.person
  end)

  local PROMPT = "{rachel} waves."
  local READY = 'id="player"'

  it("workers that are killed while they ask leave doubt, and no second request", function()
    fault { endpoint = "generations.create", after_accept = "hang" }
    fault { endpoint = "assets.create", after_accept = "hang" }
    local video = owner:film(PROMPT)
    owner:post(person .. "/portraits", { name = "killed", url = "https://cdn.example/k.jpg",
      once = owner:once(person, person .. "/portraits") })
    await_request "generations.create"
    await_request "assets.create"
    kill_workers()
    local page = owner:await(video, 'data%-stage="unclear"')
    assert.is_truthy(page:find("may have been made, and billed; it was not asked for again", 1,
      true))
    assert.same({ 1, 1 }, { asked() })
    -- The upload had arrived: it is found by its name.
    app:await("the upload", function()
      local card = owner:get(person).body:match "{killed}(.-)</li>"
      return card:find('data-stage="active"', 1, true)
    end)
    assert.equal(1, #sb:control("GET", "journal?endpoint=assets.create").requests)
    complained("exited on signal 9", 2)
  end)

  it("workers that are killed while a video is made have it finished by others", function()
    sb:control("POST", "config", { generation_seconds = 300 })
    local video = owner:film(PROMPT)
    owner:await(video, 'data%-stage="queued"')
    kill_workers()
    sb:control("POST", "config", { generation_seconds = 2 })
    sb:control("POST", "clock", { advance = 300 })
    owner:await(video, READY)
    assert.same({ 1, 1 }, { asked() })
    complained("exited on signal 9", 2)
  end)

  it("workers that are killed in the middle of a download have it finished, whole", function()
    fault { endpoint = "video", delay = 1.5 }
    local video = owner:film(PROMPT)
    await_request "video"
    kill_workers()
    owner:await(video, READY)
    local file = owner:get(video .. "/file")
    assert.equal(#file.body, tonumber(file.head:match "\n[Cc]ontent%-[Ll]ength: (%d+)"))
    assert.same({ 1, 1 }, { asked() })
    complained("exited on signal 9", 2)
  end)

  it("an open page learns by itself what became of a killed worker's video", function()
    fault { endpoint = "generations.create", after_accept = "hang" }
    local video = owner:film(PROMPT)
    await_request "generations.create"
    kill_workers()
    local stream = assert(io.popen(("exec curl -skN --max-time 60 -b %s %s%s/events"):format(
      owner.jar, app.url, video)))
    local first, line
    repeat
      line = stream:read "*l"
      first = first or line and line:match "data%-stage=\\\"(%w+)"
    until not line or line:find("may have been made", 1, true)
    stream:close()
    assert.is_truthy(line)
    assert.equal("sending", first)
    complained("exited on signal 9", 2)
  end)

  it("a video that was written down before a crash, and not begun, is made", function()
    local video = owner:film(PROMPT)
    owner:await(video, READY)
    change(([[insert into videos (id, user_id, prompt, model, content, once, created)
      select '%s', user_id, prompt, model, content, 'crashed', 1 from videos
      where id = '%s']]):format(("c"):rep(32), video:match "%x+$"))
    -- Nobody looks at it: a worker finds it.
    app:await("its request", function() return (asked()) == 2 end)
    owner:await("/videos/" .. ("c"):rep(32), READY)
    assert.same({ 2, 2 }, { asked() })
  end)

  it("what an earlier version had in the making is in doubt, and not asked for again", function()
    local video = owner:film(PROMPT)
    owner:await(video, READY)
    change(([[insert into videos (id, user_id, prompt, model, content, stage, once, created)
      select '%s', user_id, prompt, model, content, 'queued', 'earlier', 1 from videos
      where id = '%s']]):format(("e"):rep(32), video:match "%x+$"))
    app:reload()
    local page = owner:get("/videos/" .. ("e"):rep(32)).body
    assert.is_truthy(page:find("by an earlier version of this studio", 1, true))
    assert.same({ 1, 1 }, { asked() })
  end)

  -- Each request takes half a second, so that kills strike some.
  it("kills and reloads at any moment bill no video twice, and lose none", function()
    property.holds(1, function(random)
      fault { endpoint = "generations.create", delay = 0.5, times = 0 }
      local films, kills, times, unclear = {}, 0, {}, 0
      local round = random:int(1, 999999)   -- which entries of the ledger are of this one
      for i = 1, 12 do
        films[i] = app:await("room for a video", function()
          local ok, answer = pcall(owner.post, owner, "/videos",
            owner:video_form(("{rachel} waves %d times. %d"):format(i, round)))
          return ok and answer.status == 303 and answer.location
        end)
        local pid = next(app:workers())
        if random:chance(40) then
          local _, killed = shell.bash(("kill -KILL %s 2> /dev/null"):format(pid or "none"))
          kills = kills + (killed and 1 or 0)
        elseif random:chance(40) then
          shell.bash("kill -HUP " .. app:master())
        end
      end
      for i, path in ipairs(films) do
        films[i] = app:await(path, function()
          local ok, answer = pcall(owner.get, owner, path)
          local stage = ok and answer.body:match 'class="steps" data%-stage="(%w+)"'
          return (stage == "ready" or stage == "unclear") and stage
        end)
      end
      for _, entry in ipairs(sb:control("GET", "ledger").entries) do
        local i = entry.kind == "generation" and tonumber(
          entry.prompt:match("waves (%d+) times%. " .. round .. "$"))
        if i then times[i] = (times[i] or 0) + 1 end
      end
      for i, stage in ipairs(films) do
        local count = times[i] or 0
        assert.is_true(stage == "ready" and count == 1 or stage == "unclear" and count <= 1,
          ("video %d is %s, and was billed %d times"):format(i, stage, count))
        unclear = unclear + (stage == "unclear" and 1 or 0)
      end
      -- Only what was being sent by a worker that was killed is unclear: of four at work at most.
      assert.is_true(unclear <= 4 * kills, unclear .. " are unclear after " .. kills .. " kills")
      -- A worker that a reload had ended, or a kill before, dies of no other.
      complained("exited on signal 9", kills, math.min(kills, 1))
    end)
  end)
end)
