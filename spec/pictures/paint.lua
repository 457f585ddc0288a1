--- What a terminal shows, as HTML: text with the colours that tmux's `capture-pane -e` marks.

local paint = {}

local COLORS = { [30] = "#45475a", [31] = "#d3405b", [32] = "#2f8f3e", [33] = "#a86f00",
  [34] = "#1e66d0", [35] = "#a0309c", [36] = "#14808c", [37] = "#6c6f85", [90] = "#7c7f93" }

local function escaped(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

-- The style after one escape sequence, given that before it.
local function changed(style, codes)
  for code in (codes == "" and "0" or codes):gmatch "%d+" do
    local n = tonumber(code)
    if n == 0 then
      style = {}
    elseif n == 1 then
      style.weight = "bold"
    elseif n == 2 then
      style.opacity = "0.6"
    elseif n == 22 then
      style.weight, style.opacity = nil, nil
    elseif n == 39 then
      style.color = nil
    else
      style.color = COLORS[n] or style.color
    end
  end
  return style
end

---@param text string from tmux
---@return string html the inside of a <pre>
function paint.html(text)
  local style, out = {}, {}
  for codes, words in ("\27[0m" .. text):gmatch "\27%[([%d;]*)m([^\27]*)" do
    style = changed(style, codes)
    out[#out + 1] = ('<span style="color:%s;font-weight:%s;opacity:%s">%s</span>'):format(
      style.color or "inherit", style.weight or "normal", style.opacity or "1", escaped(words))
  end
  return table.concat(out)
end

---A page that looks like a window with that text in it.
---@param title string
---@param text string from tmux
---@return string html
function paint.window(title, text)
  return ([[<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #fff }
main { display: inline-block; margin: 12px; border: 1px solid #ccd0da; border-radius: 8px }
header { font: 13px sans-serif; color: #5c5f77; text-align: center; padding: 6px;
  background: #eff1f5; border-radius: 8px 8px 0 0 }
pre { font: 14px/1.3 "DejaVu Sans Mono", monospace; color: #22242e; margin: 0; padding: 10px 14px }
</style><main><header>%s</header><pre>%s</pre></main>]]):format(escaped(title), paint.html(text))
end

return paint
