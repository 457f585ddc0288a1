-- 2: numbers and names are the same under every locale, whenever a program sets it.

local locales = require "spec.support.locales"

-- What every script begins with: a sandbox of its own, and what sets a locale.
local BEGIN = [[
local cjson = require "cjson"
local pomex = require "pomex"
local sandbox = require "pomex.sandbox"
local wanted = arg[1]
local function set(name)
  assert(os.setlocale(name), "no locale " .. name)
end
local function shown(x) -- without string.format's decimal point
  return x == 0.5 and "half" or x == 1.5 and "three halves" or x == -0.002 and "-2e-3"
    or x % 1 == 0 and ("%d"):format(x) or "another number"
end
local function film()
  return { model = "m", content = pomex.content():text "A wave." }
end
]]

describe("2: the locale", function()
  local folder

  setup(function() folder = locales.make() end)
  teardown(function() locales.remove(folder) end)

  local function run(script, ...)
    local output, ok = locales.run(folder, BEGIN .. script, ...)
    assert.is_true(ok, output)
    return output
  end

  -- When the locale is set, and whether the application makes a cjson of its own under it or under
  -- another.
  local TIMES = {
    ["after require"] = "set(wanted)",
    ["before an answer, and back"] = "set(wanted) ask() set 'C'",
    ["to and fro"] = "for _ = 1, 3 do set(wanted) ask() set 'C' ask() end set(wanted)",
    ["with a cjson made under the other one"] = "cjson.new() set(wanted)",
    ["back, with a cjson made before"] = "set(wanted) "
      .. "if wanted ~= 'ps_AF.UTF-8' then cjson.new() end set 'C'",
    ["twice, with a cjson made in between"] = "set(wanted) ask() set 'C' cjson.new() set(wanted)",
  }

  for _, locale in ipairs { "de_DE.UTF-8", "ps_AF.UTF-8", "tr_TR" } do
    for time, steps in pairs(TIMES) do
      it(("changes no answer: %s, set %s"):format(locale, time), function()
        assert.equal("1280 half three halves\n" .. "2 1280 720 half three halves -2e-3\n"
          .. "cgt-1 half\n", run([[
            local sb = assert(sandbox.start())
            local client = assert(pomex.new(sb:client_options()))
            local function ask()
              local body = '{"size":[1280,720],"half":0.5,"deep":{"v":[1.5,-2e-3]}}'
              sb:fault { endpoint = "assets.get", status = 200, body = body }
              return assert(client:request("GET", "/v1/video/assets/a"))
            end
            ]] .. steps .. [[

            sb:fault { endpoint = "assets.get", status = 200,
              body = '{"width":1280,"half":0.5,"deep":{"v":1.5}}' }
            local plain = assert(client.assets:get "a")
            print(shown(plain.width), shown(plain.half), shown(plain.deep.v))
            local got = ask()
            print(#got.size, shown(got.size[1]), shown(got.size[2]), shown(got.half),
              shown(got.deep.v[1]), shown(got.deep.v[2]))
            sb:fault { endpoint = "generations.create", status = 200,
              body = '{"id":"cgt-1","status":"queued","cost":0.5}' }
            local made = assert(client.generations:create(film()))
            print(made.id, shown(made.cost))
            sb:stop()
          ]], locale):gsub("\t", " "))
      end)
    end

    -- The fault is set first, since its answer is JSON, too.
    local firsts = { ['{"size":[1280,720]}'] = "2", ['{"size":0.5,"n":1}'] = "half" }
    for body, expected in pairs(firsts) do
      it(("changes no first answer: %s, %s"):format(locale, expected), function()
        assert.equal(expected .. "\n", run(([[
          local sb = assert(sandbox.start())
          local client = assert(pomex.new(sb:client_options()))
          sb:fault { endpoint = "assets.get", status = 200, body = '%s' }
          set(wanted)
          local size = assert(client.assets:get "a").size
          print(type(size) == "table" and #size or shown(size))
          sb:stop()
        ]]):format(body), locale))
      end)
    end

    it("changes no request: " .. locale, function()
      assert.equal('{"list":[0.1,2.5,1280,720],"n":1.5e-7}\na=0.1&a=2.5&b=12\n', run([[
        set(wanted)
        local sb = assert(sandbox.start())
        local client = assert(pomex.new(sb:client_options()))
        client:request("POST", "/v1/video/generations",
          { body = { list = { 0.1, 2.5, 1280, 720 } , n = 1.5e-7 } })
        client:request("GET", "/v1/video/assets", { query = { a = { 0.1, 2.5 } } })
        client:request("GET", "/v1/video/assets", { query = { b = 12 } })
        local sent = sb.journal:requests()
        -- A table has no order.
        print((sent[1].body:gsub('^{("n":[^,]*),(.*)}$', '{%2,%1}')))
        print(sent[2].query .. "&" .. sent[3].query)
        sb:stop()
      ]], locale))
    end)

    it("changes no error's text: " .. locale, function()
      assert.equal("limit is 2.5\n"
        .. "no answer within 0.05 s of waiting\n"
        .. "task not done after 0.05 s\n"
        .. "connect_timeout must be a number from 0.001 to 1e+06 (it is 0.0005)\n"
        .. "generations:wait: factor must be a number, 1 or more, not 0.5\n"
        .. "retry after 2.5 s\n", run([[
        set(wanted)
        local sb = assert(sandbox.start())
        local client = assert(pomex.new(sb:client_options()))
        local _, err = client.assets:list { limit = 2.5 }
        print(err.hint)
        sb:fault { endpoint = "assets.get", before_accept = "hang", times = 0 }
        _, err = client.async.assets:get "a":wait(0.05)
        print(err.message)
        _, err = client:spawn(function() client.assets:get "a" end):wait(0.05)
        print((err.message:gsub("the task is (not done after .- s) .*", "task %1")))
        _, err = pomex.new { api_key = "sk-test", connect_timeout = 0.0005 }
        print(err.message)
        local _, raised = pcall(client.generations.wait, client.generations, "a", { factor = 0.5 })
        print((raised:gsub("^%S+: ", "")))
        print((tostring(require("pomex.errors").new("api_error", { retry_after = 2.5 }))
          :match "retry after %S+ s"))
        client:close()
        sb:stop()
      ]], locale))
    end)

    it("changes no sandbox: " .. locale, function()
      assert.equal("true\ntrue\n", run([[
        set(wanted)
        local sb = assert(sandbox.start { asset_seconds = 0.5, generation_seconds = 0.25 })
        local client = assert(pomex.new(sb:client_options()))
        local began = require "pomex.core".now()
        local body = { group_id = pomex.VIRTUAL, asset_type = "Image",
          url = "https://cdn.example/a.jpg" }
        assert(client.assets:create_and_wait(body))
        print(require "pomex.core".now() - began >= 0.45)
        local before = sb.clock:now()
        print(sb.clock:advance(1000.5) - before >= 1000.5)
        sb:stop()
      ]], locale))
    end)

    it("changes no picture: " .. locale, function()
      local output = run([[
        local ok, qr = pcall(require, "pomex.qr")
        if not ok then print "no libqrencode" return end
        set(wanted)
        print((qr.svg("x", { scale = 0.5, margin = 0 })))
        print(select(2, pcall(qr.svg, "x", { scale = -0.5 })))
      ]], locale)
      if output ~= "no libqrencode\n" then
        assert.matches('width="10%.5" height="10%.5"', output)
        assert.matches("above 0 and finite, not %-0%.5", output)
      end
    end)
  end

  it("of ps_AF, whose decimal point has two bytes, may be there before require", function()
    assert.equal("half\n", (locales.run(folder, [[
      -- lua-cjson itself ends a program that loads it then.
      require "cjson"
      assert(os.setlocale "ps_AF.UTF-8")
      local reply = require "pomex.json"
      print(reply.object('{"a":0.5}').a == 0.5 and "half")
    ]])))
  end)

  it("of Turkey changes no name", function()
    assert.equal("https://interview.io/done\n"
      .. "Authorization\nrefused\n"
      .. "it takes no local files\n"
      .. "id of the answer\n"
      .. "text speaks of image 3\n"
      .. "İzmir\n", run([[
      set "tr_TR"
      local urls = require "pomex.callback.url"
      print(urls.origin("x", "HTTPS://INTERVIEW.IO") .. "/done")
      local sb = assert(sandbox.start())
      local client = assert(pomex.new(sb:client_options()))
      local _, err = client:request("GET", "/v1/video/assets",
        { headers = { ["AUTHORIZATION"] = "Bearer another" } })
      print "Authorization"
      print(err and err.client and err.message:find("is set by pomex", 1, true) and "refused")
      _, err = client.assets:create { url = "FILE:///tmp/a.jpg", asset_type = "Image",
        group_id = pomex.VIRTUAL }
      print((err.hint:match "it takes no local files"))
      sb:fault { endpoint = "assets.get", status = 500, times = 0,
        headers = { ["X-REQUEST-ID"] = "id of the answer" } }
      _, err = client.assets:get("a", { max_retries = 0 })
      print(err.request_id)
      -- "\197\159" ends a word of UTF-8 in a byte that is a letter of ISO-8859-9.
      local _, wrong = pomex.content():text("\208\176image 3"):build()
      print((wrong.message:match "text speaks of image 3"))
      print(require("pomex.errors").one_line "\196\176zmir")
      sb:stop()
    ]]))
  end)
end)
