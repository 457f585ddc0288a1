--- The pages for people, README.md and docs/, and the code in them.
---
--- A block of code has a mark in the line before it, which Markdown does not show:
--- `<!-- run: NAME -->` where a spec runs it by that name, `<!-- run by FILE -->` where that file
--- does, or `<!-- not run: REASON -->`.

local pages = {}

local root = debug.getinfo(1, "S").source:match("^@(.*)spec/[^/]*/[^/]*$")
root = root == "" and "." or root
pages.root = root

---@param path string from the root of the tree
---@return string
function pages.read(path)
  local file = assert(io.open(root .. "/" .. path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

---Every page, from the root of the tree.
pages.names = { "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "spec/README.md",
  "spec/kinds/README.md", "spec/document/silences.md", "spec/document/beyond-the-document.md" }
do
  local list = assert(io.popen(("ls '%s/docs'"):format(root)))
  for name in list:lines() do
    if name:find "%.md$" then pages.names[#pages.names + 1] = "docs/" .. name end
  end
  list:close()
end

---@class PageBlock
---@field page string
---@field language string
---@field code string
---@field mark? string what stands in the line before it

---The blocks of code of a page that name their language.
---@param page string
---@return PageBlock[]
function pages.blocks(page)
  local found, block, before = {}, nil, nil
  for line in pages.read(page):gmatch "([^\n]*)\n" do
    if block and line == "```" then
      block.code = table.concat(block, "\n") .. "\n"
      found[#found + 1], block = block, nil
    elseif block then
      block[#block + 1] = line
    elseif line:find "^```" then
      block = { page = page, language = line:match "^```(.*)$",
        mark = (before or ""):match "^<!%-%- (.-) %-%->$" }
    end
    before = line
  end
  for i = #found, 1, -1 do
    if found[i].language == "" then table.remove(found, i) end
  end
  return found
end

---The code that is marked `run: NAME`.
---@param name string
---@return string code
---@return string page
function pages.code(name)
  for _, page in ipairs(pages.names) do
    for _, block in ipairs(pages.blocks(page)) do
      if block.mark == "run: " .. name then return block.code, page end
    end
  end
  error("no page has code that is called " .. name)
end

---The block of a page that has these words in it.
---@param page string
---@param words string
---@return string code
function pages.block(page, words)
  for _, block in ipairs(pages.blocks(page)) do
    if block.code:find(words, 1, true) then return block.code end
  end
  error(page .. " shows nothing with " .. words)
end

---@param code string of Lua
---@param environment table
---@return function
function pages.compile(code, environment)
  if setfenv then return setfenv(assert(loadstring(code, "=page")), environment) end
  return assert(load(code, "=page", "t", environment))
end

return pages
