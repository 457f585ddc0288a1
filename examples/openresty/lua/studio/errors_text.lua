--- What a person is told of a pomex.Error. The words are the service's or the library's own;
--- what is added says what it costs and what to do.

local texts = {}

local UNCLEAR = {
  video = "The service's answer was lost. The video may have been made, and billed; it was not "
    .. "asked for again.",
  portrait = "The service's answer was lost. It is looked for by its name, and appears here by "
    .. "itself.",
}

---@param text string
---@return string
function texts.sentence(text)
  text = tostring(text)
  -- A field's name, such as callback_url, stays as it is.
  if text:find "^%l+ " then text = text:gsub("^%l", string.upper) end
  return text:find("[.!?]$") and text or text .. "."
end

local sentence = texts.sentence

local function said(err)
  local text = sentence(err.message)
  return err.hint and not err.client and text .. " " .. sentence(err.hint) or text
end

-- The message of an error that was kept as a line: "TYPE: MESSAGE (HINT) [FACTS]"; of what the
-- service made nothing of, the service's own words: 'asset ID ended as "failed": WORDS'.
local function message_of(line)
  line = line:gsub("^[%l_]+: ", ""):gsub(" %[[^%[%]]*%]$", "")
  return line:match '^%l+ %S+ ended as "[^"]*": (.+)$' or line
end

---What a job that ended badly, or was set aside, says of itself.
---@param job table as pomex.jobs knows it
---@return string
function texts.job(job)
  if job.state == "unclear" then return UNCLEAR[job.kind] end
  local why = sentence(message_of(job.error or "it failed"))
  if job.stuck then return why .. " Nothing is lost: look again when that is mended." end
  if job.kind == "video" and not job.task then return why .. " Nothing was billed." end
  return why
end

---What a callback says of a scan that did not succeed.
---@param err pomex.Error
---@return string
function texts.scan(err)
  local code = err.object.result_code
  if err.object.verify_type == "pre_record" then return sentence(err.message) end
  return ("The face scan was not accepted (code %s)."):format(code and code:sub(1, 20) or "none")
end

---What keeps all jobs from going on.
---@param err pomex.Error
---@return string
function texts.trouble(err)
  return said(err) .. " Nothing is lost: it goes on by itself once it can."
end

---@param err pomex.Error
---@return string
function texts.session(err)
  return said(err)
end

return texts
