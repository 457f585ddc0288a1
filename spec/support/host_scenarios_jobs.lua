--- What every host must do with a queue of jobs.

return function(kit)
  local scenario, equal = kit.scenario, kit.equal

  local built = pcall(require, "pomex.storecore")
  if not built then return end

  local function folder()
    local name = os.tmpname()
    os.remove(name)
    os.execute("mkdir -p " .. name .. "/out")
    return name
  end

  local function video(key)
    return { key = key, save = key .. ".mp4", video = { model = "byteplus/seedance-2.0-fast",
      prompt = key, duration = 5 } }
  end

  scenario("runs a queue of jobs, and the store wakes it", function(env)
    env.sb:config { asset_seconds = 0, generation_seconds = 0 }
    local client, where = env.client(), folder()
    local counts, err, seen
    env.run(function()
      local jobs = env.pomex.check(env.pomex.jobs.open(client, where .. "/jobs.db",
        { file_system = "any", log = function() end }))
      local needing = video "c"
      needing.video.prompt, needing.video.images = "{a} waves", { a = "job:front" }
      env.pomex.check(jobs:add { video "a", video "b", needing,
        { key = "front", portrait = { url = "https://cdn.example/a.png", asset_type = "Image",
          group_id = env.sb:add_person() } } })
      counts, err = jobs:run { out = where .. "/out", concurrency = 2 }
      seen = jobs:get "c"
      jobs:close()
    end)
    os.execute("rm -rf " .. where)
    equal(nil, err, "the error")
    equal(4, counts.done, "how many are done")
    equal("c.mp4", seen.saved, "the file")
  end)

  scenario("asks the store while other tasks go on", function(env)
    local client, where = env.client(), folder()
    local answers = 0
    env.run(function()
      local jobs = env.pomex.check(env.pomex.jobs.open(client, where .. "/jobs.db",
        { file_system = "any", log = function() end }))
      local tasks = {}
      for i = 1, 20 do
        tasks[i] = client:spawn(function()
          env.pomex.check(jobs:add(video("many-" .. i)))
          answers = answers + 1
        end)
      end
      env.pomex.all(tasks)
      equal(20, jobs:counts().ready, "how many there are")
      jobs:close()
    end)
    os.execute("rm -rf " .. where)
    equal(20, answers, "the answers")
  end)
end
