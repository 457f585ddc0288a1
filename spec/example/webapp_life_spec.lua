-- The web app of examples/openresty loses nothing and bills nothing twice: double clicks, reloads,
-- stops, lost answers. (webapp_killed_spec.lua: workers that are killed.)
--
-- #once #example

local json = require "cjson"
local shell = require "spec.support.shell"
local studio = require "spec.support.studio"
local studio_bed = require "spec.support.studio_bed"

describe("the web app's life #once #example", function()
  local bed = studio_bed()
  local asked, await_request, change = bed.asked, bed.await_request, bed.change
  local complained, fault = bed.complained, bed.fault
  local sb, app, owner, person, group

  setup(function()
    sb, app, owner, person, group = bed.sb, bed.app, bed.owner, bed.person, bed.group
  end)

  local PROMPT = "{rachel} waves."
  local READY = 'id="player"'

  it("a form that is sent eight times at once makes one video", function()
    local form = owner:video_form(PROMPT)
    local words = { "-b", owner.jar, app.url .. "/videos" }
    for _, word in ipairs(owner:form(form)) do words[#words + 1] = word end
    for i, word in ipairs(words) do words[i] = shell.quote(word) end
    local all = shell.bash(("for i in 1 2 3 4 5 6 7 8; do curl -sk -o /dev/null -w "
      .. "'%%{http_code} %%{redirect_url}\\n' %s & done; wait"):format(table.concat(words, " ")))
    local first = all:match "303 (%S+)"
    assert.equal(("303 " .. first .. "\n"):rep(8), all)
    owner:await(first, READY)
    assert.same({ 1, 1 }, { asked() })
  end)

  it("a reload hands a video in the making over at once, and it is finished", function()
    sb:control("POST", "config", { generation_seconds = 300 })
    local video = owner:film(PROMPT)
    owner:await(video, 'data%-stage="queued"')
    app:reload()
    sb:control("POST", "config", { generation_seconds = 2 })
    sb:control("POST", "clock", { advance = 300 })
    owner:await(video, READY)
    assert.same({ 1, 1 }, { asked() })
  end)

  it("a reload while a video is being asked for asks once, and finishes it", function()
    fault { endpoint = "generations.create", delay = 1.5 }
    local video = owner:film(PROMPT)
    await_request "generations.create"
    app:reload()
    owner:await(video, READY)
    assert.same({ 1, 1 }, { asked() })
  end)

  it("reloads in the middle of a download finish it, whole", function()
    fault { endpoint = "video", delay = 1.5 }
    local video = owner:film(PROMPT)
    await_request "video"
    app:reload()
    owner:await(video, READY)
    local file = owner:get(video .. "/file")
    assert.equal(200, file.status)
    assert.equal(#file.body, tonumber(file.head:match "\n[Cc]ontent%-[Ll]ength: (%d+)"))
    assert.same({ 1, 1 }, { asked() })
  end)

  it("open pages go on over a reload", function()
    local stream = assert(io.popen(("exec curl -skN --max-time 60 -b %s %s/events"):format(
      owner.jar, app.url)))
    -- The page as it is comes at once; then the old worker ends the stream.
    assert.equal("retry: 500", stream:read "*l")
    app:reload()
    assert.is_truthy(stream:read("*a"):find('"id":"people"', 1, true))
    stream:close()
    assert.equal(200, owner:get("/").status)
  end)

  it("a stop with a video in the making finishes it at the next start", function()
    sb:control("POST", "config", { generation_seconds = 300 })
    local video = owner:film(PROMPT)
    owner:await(video, 'data%-stage="queued"')
    assert.equal(0, app:stop())
    app = studio.start(sb, app)
    bed.app = app
    owner.studio = app
    sb:control("POST", "config", { generation_seconds = 2 })
    sb:control("POST", "clock", { advance = 300 })
    owner:await(video, READY)
    assert.same({ 1, 1 }, { asked() })
  end)

  it("a crash between a person and their first code leaves one to be asked for", function()
    local visitor = app:visitor()
    local path = visitor:begin "Rachel"
    change(("delete from verifications where person_id = '%s'"):format(path:match "%x+$"))
    assert.is_truthy(visitor:get(path).body:find("There is no code yet", 1, true))
    local events = visitor:ask(path .. "/events?page=verification", { "--max-time", "3" }).body
    assert.is_truthy(events:find("There is no code yet", 1, true))
    visitor:post(path .. "/verification", { once = visitor:once(path, path .. "/verification") })
    assert.is_truthy(visitor:link(path))
  end)

  it("an answer that is lost leaves doubt, and no second request", function()
    fault { endpoint = "generations.create", after_accept = "drop" }
    local video = owner:film(PROMPT)
    local page = owner:await(video, 'data%-stage="unclear"')
    assert.is_truthy(page:find("may have been made, and billed; it was not asked for again", 1,
      true))
    app:reload()
    assert.is_truthy(owner:get(video).body:find('data-stage="unclear"', 1, true))
    assert.same({ 1, 1 }, { asked() })
    complained("billed: maybe; video %x+, unclear: ambiguous_error", 1)
    -- Only a hand asks again, and is told what that can cost.
    assert.is_truthy(page:find("both are billed", 1, true))
    assert.equal(303, owner:post(video .. "/resend", {}).status)
    owner:await(video, READY)
    assert.same({ 2, 2 }, { asked() })
  end)

  it("an answer that is lost is found by a notice, and nothing is asked for again", function()
    fault { endpoint = "generations.create", after_accept = "drop" }
    local video = owner:film(PROMPT)
    owner:await(video, 'data%-stage="unclear"')
    complained("billed: maybe; video %x+, unclear: ambiguous_error", 1)
    local sent = sb:control("GET", "journal?endpoint=generations.create").requests[1].body
    local path = json.decode(sent).callback_url:match "^https://[^/]+(/notices/.+)$"
    local function notice(at)
      return app:visitor():ask(at, { "--data", ('{"id":"%s"}'):format(
        sb:get("/v1/video/generations").body.items[1].id) }).status
    end
    assert.equal(404, notice(path:gsub("%.(.)", function(c) return c == "A" and ".B" or ".A" end)))
    assert.equal(204, notice(path))
    owner:await(video, READY)
    assert.same({ 1, 1 }, { asked() })
  end)

  it("length and shape are what the form says, and the next page knows how long it took", function()
    local form = owner:video_form(PROMPT)
    form.duration, form.ratio = "10", "9:16"
    local video = owner:post("/videos", form).location
    owner:await(video, READY)
    local sent = sb:control("GET", "journal?endpoint=generations.create").requests[1].body
    local body = json.decode(sent)
    assert.same({ 10, "9:16" }, { body.duration, body.ratio })
    -- So does the form that asks for it again.
    local again = owner:get("/?again=" .. video:match "%x+$").body
    assert.is_truthy(again:find('value="10" selected', 1, true))
    assert.is_truthy(again:find('value="9:16" selected', 1, true))
    sb:control("POST", "config", { generation_seconds = 300 })
    local next_video = owner:film(PROMPT)
    assert.is_truthy(owner:get(next_video).body:find("This takes about 1 minute.", 1, true))
    sb:control("POST", "config", { generation_seconds = 2 })
    sb:control("POST", "clock", { advance = 300 })
    owner:await(next_video, READY)
    assert.same({ 2, 2 }, { asked() })
  end)

  it("a video that failed says what is known of its cost, and is tried again by a hand", function()
    local video = owner:film "{rachel} [fail]"
    local page = owner:await(video, 'data%-stage="failed"')
    assert.is_truthy(page:find("Whether it was billed", 1, true))
    complained("billed: maybe; video %x+, failed: generation_failed", 1)
    assert.equal(303, owner:post(video .. "/resume", {}).status)
    app:await("the second request", function() return (asked()) == 2 end)
    owner:await(video, 'data%-stage="failed"')
    complained("billed: maybe; video %x+, failed: generation_failed", 1)
  end)

  it("a video that is refused says so, and that nothing was billed", function()
    fault { endpoint = "generations.create", status = 400, delay = 1.5,
      body = '{"error":{"message":"no more credit","type":"invalid_request_error"}}' }
    local video = owner:film(PROMPT)
    -- Its worker is told to end meanwhile: the log has it all the same.
    await_request "generations.create"
    app:reload()
    local page = owner:await(video, 'data%-stage="failed"')
    assert.is_truthy(page:find("No more credit. Nothing was billed.", 1, true))
    assert.same({ 1, 0 }, { asked() })
    complained("billed: no; video %x+, failed: invalid_request_error: no more credit", 1)
  end)

  it("what the service's review refuses says what to do, and that nothing was billed", function()
    local refusal = '{"error":{"message":"the input may contain sensitive information",'
      .. '"type":"content_policy_violation"}}'
    fault { endpoint = "generations.create", status = 422, body = refusal }
    local video = owner:film(PROMPT)
    local page = owner:await(video, 'data%-stage="failed"')
    assert.is_truthy(page:find("review refused these words, or a picture in them: The input may "
      .. "contain sensitive information. Use this prompt again with other words, or with another "
      .. "portrait. Nothing was billed.", 1, true), page)
    assert.same({ 1, 0 }, { asked() })
    fault { endpoint = "assets.create", status = 422, body = refusal }
    owner:upload(person, "refused", "https://a.example/refused.jpg")
    page = owner:await(person, "review refused this picture")
    assert.is_truthy(page:find("review refused this picture: The input may contain sensitive "
      .. "information. Remove it, and add another photo: one clear face, seen from the front. "
      .. "An upload costs nothing.", 1, true), page)
    complained("billed: no; %a+ %x+, failed: api_error", 2)
    owner:post(page:match 'action="(/portraits/%x+)/resume"' .. "/delete", {})
  end)

  it("an upload whose answer is lost is found again by its name", function()
    fault { endpoint = "assets.create", after_accept = "drop" }
    owner:upload(person, "lost")
    assert.equal(1, #sb:control("GET", "journal?endpoint=assets.create").requests)
  end)

  it("a studio that the service turns away says so, and goes on by itself", function()
    fault { endpoint = "generations.get", status = 401,
      body = '{"error":{"message":"no such key","type":"authentication_error"}}' }
    local video = owner:film(PROMPT)
    local page = owner:await(video, "it goes on by itself")
    assert.is_truthy(page:find("does not accept this studio", 1, true))
    assert.is_nil(page:find("such key", 1, true))
    owner:await(video, READY)
    assert.same({ 1, 1 }, { asked() })
    complained("billed: yes; jobs: authentication_error", 1)
  end)

  it("a video that was set aside goes on when a hand says so", function()
    fault { endpoint = "generations.create", status = 429 }
    local video = owner:film(PROMPT)
    await_request "generations.create"
    local file = ("%s/videos/%s.mp4"):format(app.folder, video:match "%x+$")
    shell.bash("touch " .. file)
    local page = owner:await(video, "Look again")
    assert.is_truthy(page:find("Nothing is lost", 1, true))
    complained("billed: no; video %x+, stuck", 1)
    os.remove(file)
    assert.equal(303, owner:post(video .. "/resume", {}).status)
    owner:await(video, READY)
    assert.same({ 2, 1 }, { asked() })
  end)

  it("of many videos, the older are on pages of their own", function()
    local visitor = app:visitor()
    local path = visitor:begin "Rachel"
    change(([[insert into videos (id, user_id, prompt, model, content, stage, once, created)
      with recursive n(i) as (select 1 union all select i + 1 from n where i < 61)
      select printf('%%032x', i), user_id, 'Film ' || i, 'm', '[]', 'failed', i, i
      from n, people where people.id = '%s']]):format(path:match "%x+$"))
    local newest = visitor:get("/").body
    assert.is_truthy(newest:find("Film 61<", 1, true))
    assert.is_nil(newest:find("Film 1<", 1, true))
    local older = visitor:get(assert(newest:match 'href="(/%?before=%x+)#films"')).body
    assert.is_truthy(older:find("Film 1<", 1, true))
    assert.is_nil(older:find("Film 2<", 1, true))
    assert.is_nil(older:find("before=", 1, true))
    assert.is_nil(older:find("data-events", 1, true))
  end)

  it("what was uploaded elsewhere is in the gallery", function()
    sb:control("POST", "assets", { count = 1, group_id = group, status = "active",
      name = "elsewhere" })
    app:await("the gallery", function()
      owner:ask(person .. "/events", { "--max-time", "1" })
      return owner:get(person).body:find "{elsewhere"
    end)
  end)
end)
