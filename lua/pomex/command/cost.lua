--- `pomex cost`: what the videos of a manifest cost at most.

local campaign = require "pomex.command.campaign"
local costs = require "pomex.cost"
local exits = require "pomex.command.exits"
local page = require "pomex.command.page"
local reading = require "pomex.command.reading"

local cost = {}

---@param parser table
function cost.describe(parser)
  page.describe(parser, {
    usage = "pomex cost MANIFEST --price PRICE",
    what = "Say what the videos of a manifest cost at most.",
    examples = {
      "pomex cost spring.csv --price 2.5",
      "pomex cost spring.csv --price fast=2.5 --price standard=4",
    },
    more = "A price is that of a million tokens. What a line leaves open is taken at the\n"
      .. "dearest: 15 seconds, 1080p (fast: 720p). A line's own \"price\" is what it costs.",
  })
  campaign.manifest(parser)
  campaign.store(parser, "Default: MANIFEST.jobs.db.")
  campaign.price(parser)
end

-- The videos whose model has a price, and which nobody can count all the same.
local function uncounted(manifest, prices)
  local faults = {}
  for i, entry in ipairs(manifest.entries) do
    local video = entry.video
    if video and not entry.price and prices and prices[video.model] then
      local _, err = costs.of(video, prices)
      if err then
        faults[#faults + 1] = { line = manifest.lines[i], key = entry.key, message = err.message }
      end
    end
  end
  return faults
end

---@param args table
---@param env pomex.CommandEnv
---@return integer code
function cost.run(args, env)
  local manifest, code = reading.read(env)
  if not manifest then return code end
  local prices = campaign.prices(args, manifest)
  local sum, unknown = campaign.sum(manifest.entries, prices)
  local faults = unknown > 0 and uncounted(manifest, prices) or {}
  if #faults > 0 then return reading.tell_faults(env, args.manifest, faults) end
  if unknown > 0 then
    return env:failed(("%d of %s %s no price"):format(unknown, campaign.count(manifest.videos, 0),
      unknown == 1 and "has" or "have"), env:again(nil, "--price", "PRICE"), exits.USAGE)
  end
  env.fields.videos, env.fields.portraits = manifest.videos, manifest.portraits
  env.fields.at_most = sum
  env.out:say(("%s cost at most:"):format(campaign.count(manifest.videos, manifest.portraits)))
  env.out:result(campaign.money(sum))
  env.out:next(campaign.following(env, "run", "--max-cost", campaign.money(sum)))
  return exits.DONE
end

return cost
