--- What a person is told of a pomex.Error: what happened in their words, what it cost, and what to
--- do. The library's own sentences are for programmers, and go into the log.

local texts = {}

local OWNER = "Whoever runs this studio has to mend that; its log says more."

local WORDS = {
  authentication_error = "The service does not accept this studio. " .. OWNER,
  not_found_error = "The service does not know that any more.",
  rate_limit_error = "The service has too much to do.",
  upstream_error = "The service has trouble of its own.",
  unavailable_error = "The service is not available just now.",
  api_error = "The service turned this studio away. " .. OWNER,
  connection_error = "The service could not be reached.",
  timeout_error = "The service took too long to answer.",
  file_error = "The video could not be saved here. " .. OWNER,
  store_error = "This studio cannot use its own files. " .. OWNER,
}
local OTHER = "Something went wrong here. " .. OWNER

-- Of these the service says why, and that is for the person who asked.
local SAID = { asset_failed = true, generation_failed = true, invalid_request_error = true }

local UNCLEAR = {
  video = "The service's answer was lost. The video may have been made, and billed; it was not "
    .. "asked for again. If the service says that it made it, it appears here by itself. Else "
    .. "whoever runs this studio can look for it in the service's console.",
  portrait = "The service's answer was lost. It is looked for by its name, and appears here by "
    .. "itself.",
}

local function sentence(text)
  -- A field's name, such as callback_url, stays as it is.
  if text:find "^%l+ " then text = text:gsub("^%l", string.upper) end
  return text:find("[.!?]$") and text or text .. "."
end

-- Of an error that was kept as a line: "TYPE: MESSAGE (HINT) [FACTS]"; of what the service made
-- nothing of, the service's own words: 'asset ID ended as "failed": WORDS'.
local function words_of(line)
  local kind, message = line:match "^([%l_]+): (.*)$"
  if not SAID[kind] or kind == "invalid_request_error" and not line:find("HTTP", 1, true) then
    return WORDS[kind] or OTHER
  end
  message = message:gsub(" %[[^%[%]]*%]$", "")
  return sentence(message:match '^%l+ %S+ ended as "[^"]*": (.+)$' or message)
end

-- What the service's review let nobody make: its words, and what the person can do.
local REVIEWED = {
  video = "The service's review refused these words, or a picture in them: %s Use this prompt "
    .. "again with other words, or with another portrait.",
  portrait = "The service's review refused this picture: %s Remove it, and add another photo: "
    .. "one clear face, seen from the front. An upload costs nothing.",
}

-- 422: it understood what was asked for, and does not want to make it.
local function reviewed(job)
  local message, facts = (job.error or ""):match "^api_error: (.*) %[([^%[%]]*)%]$"
  if message and facts:find "HTTP 422" then
    return REVIEWED[job.kind]:format(sentence(message))
  end
end

-- What `content:build` finds in a person's words.
local PROMPT = {
  ["^a { in the text has no }"] = "A { has no } after it.",
  ["^a digit right after a name"] = "Put a space between the name in braces and the number.",
  ["^the text speaks of image %d"] = "The prompt counts more pictures than it names.",
}

---What is wrong with a prompt.
---@param err pomex.Error
---@return string
function texts.prompt(err)
  for pattern, words in pairs(PROMPT) do
    if err.message:find(pattern) then return words end
  end
  return OTHER
end

---What a job that ended badly, or was set aside, says of itself.
---@param job table as pomex.jobs knows it
---@return string
function texts.job(job)
  if job.state == "unclear" then return UNCLEAR[job.kind] end
  local why = reviewed(job) or words_of(job.error or "")
  if job.stuck then return why .. " Nothing is lost: look again when that is mended." end
  if job.kind == "portrait" then
    return (job.error or ""):find "^asset_failed" and why .. " Remove it, and add another photo."
      or why
  end
  if not job.task then return why .. " Nothing was billed." end
  return why .. " Whether it was billed the service does not say here: its console shows it."
end

---What a callback says of a scan that did not succeed.
---@param err pomex.Error
---@return string
function texts.scan(err)
  if err.object.verify_type == "pre_record" then
    return "That was a recording: the person has to look into the camera themselves."
  end
  return "The scan did not recognize the face. It helps to have light from the front, nothing over "
    .. "the face, and to hold still."
end

---What keeps all jobs from going on.
---@param err pomex.Error
---@return string
function texts.trouble(err)
  return (WORDS[err.type] or OTHER) .. " Nothing is lost: it goes on by itself once it can."
end

---Why there is no code for a scan.
---@param err pomex.Error
---@return string
function texts.session(err)
  return WORDS[err.type] or OTHER
end

return texts
