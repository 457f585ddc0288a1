--- What a person is told of a pomex.Error. The words are the service's or the library's own;
--- what is added says what it costs and what to do.

local texts = {}

texts.LOST_GENERATION = "The answer was lost when this server stopped. The video may have been "
  .. "made, and billed; it was not asked for again."
texts.LOST_UPLOAD = "The answer was lost when this server stopped. It was not sent again; if it "
  .. "arrived, it appears here by itself."

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

---What the service says of an asset or a task that failed.
---@param err pomex.Error
---@return string
function texts.reason(err)
  local object = err.object
  local why = type(object) == "table" and type(object.error) == "table" and object.error.message
  return sentence(type(why) == "string" and why or err.message)
end

---What a callback says of a scan that did not succeed.
---@param err pomex.Error
---@return string
function texts.scan(err)
  local code = err.object.result_code
  if err.object.verify_type == "pre_record" then return sentence(err.message) end
  return ("The face scan was not accepted (code %s)."):format(code and code:sub(1, 20) or "none")
end

---@param err pomex.Error
---@return string
function texts.upload(err)
  if err.type == "ambiguous_error" then
    return "The service's answer was lost. It was not sent again; if it arrived, it appears here "
      .. "by itself."
  end
  return said(err)
end

---@param err pomex.Error
---@return string
function texts.generation(err)
  if err.type == "ambiguous_error" then
    return "The service's answer was lost. The video may have been made, and billed; it was not "
      .. "asked for again."
  end
  return said(err) .. " Nothing was billed."
end

---What kept us from looking, or from saving.
---@param err pomex.Error
---@return string
function texts.waiting(err)
  return said(err) .. " Nothing is lost: look again in a moment."
end

---@param err pomex.Error
---@return string
function texts.session(err)
  return said(err)
end

return texts
