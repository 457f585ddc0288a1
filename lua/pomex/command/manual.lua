--- The man page, docs/pomex.1, from what --help says: `lua5.4 bin/pomex --man > docs/pomex.1`.

local exits = require "pomex.command.exits"

-- Text for troff: no line begins a request, no "-" becomes a hyphen.
local function plain(text)
  return (text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("…", "..."):gsub("^([.'])", "\\&%1")
    :gsub("\n([.'])", "\n\\&%1"))
end

local function example(lines)
  local out = { ".PP", ".nf", ".RS" }
  for _, line in ipairs(lines) do out[#out + 1] = plain(line) end
  out[#out + 1] = ".RE\n.fi"
  return table.concat(out, "\n")
end

-- Paragraphs, and lines that begin with a space, which stand as they are.
local function paragraphs(text)
  local out, verbatim = { ".PP" }, false
  for line in text:gmatch "[^\n]+" do
    if (line:find "^ " ~= nil) ~= verbatim then
      verbatim = not verbatim
      out[#out + 1] = verbatim and ".PP\n.nf" or ".fi\n.PP"
    end
    out[#out + 1] = plain(line)
  end
  if verbatim then out[#out + 1] = ".fi" end
  return table.concat(out, "\n")
end

-- The options and arguments of a parser, as a list; the help option is on every page.
local function options_of(parser)
  local out = {}
  for _, list in ipairs { parser._arguments, parser._options } do
    for _, element in ipairs(list) do
      local label = table.concat(element:_get_label_lines(), ", ")
      if not element._hidden and not label:find("--help", 1, true) then
        out[#out + 1] = (".TP\n.B %s\n%s"):format(plain(label), plain(element._description or ""))
      end
    end
  end
  return out
end

local function add_all(to, list)
  for _, text in ipairs(list) do to[#to + 1] = text end
end

local function command_section(out, parser)
  local about = parser.about
  -- A group of commands is only the pages of these.
  if #parser._commands == 0 then
    out[#out + 1] = ".SS " .. plain(about.usage:gsub("\n%s*", "\n.br\n"))
    out[#out + 1] = plain(about.what)
    if about.more then out[#out + 1] = paragraphs(about.more) end
    add_all(out, options_of(parser))
    if about.examples then out[#out + 1] = example(about.examples) end
  end
  for _, child in ipairs(parser._commands) do command_section(out, child) end
end

local ENVIRONMENT = {
  { "POMEX_API_KEY", "The API key. It wins over the configuration." },
  { "POMEX_BASE_URL", "Where requests go; https://api.pomex.ai without it." },
  { "POMEX_PROFILE", "The section of the configuration to use, as --profile." },
  { "POMEX_SANDBOX_TOKEN", "Of a sandbox, for verify --scan." },
  { "POMEX_SANDBOX_BIN", "The program pomex-sandbox." },
  { "NO_COLOR", "If it is not empty: no colours. TERM=dumb: none, and no line is redrawn." },
  { "https_proxy", "And the like: a proxy for requests, as libcurl has them." },
}

local FILES = [[
.TP
.I $XDG_CONFIG_HOME/pomex/config
Or ~/.config/pomex/config. Lines NAME = VALUE; a line [PROFILE] begins a section for --profile.
The names are base_url, callback_url, client_cert and client_key (PEM files, for a service that
demands a certificate of its clients), key_command (a program that prints the key), key_file and
rate_share. The API key has no place in it.
.PP
.nf
.RS
key_command = pass show pomex

[sandbox]
base_url = http://127.0.0.1:8765
key_file = /home/me/.sandbox\-key
.RE
.fi]]

local SIGNALS = [[
After the first Ctrl-C (or TERM, or HUP) nothing new is sent, requests that are out come to their
end, and the command says what goes on at the service and what to type to go on with it. The second
ends it at once: what was being sent is unclear.]]

---@param parser table of the whole command
---@return string page for troff
return function(parser)
  local about = parser.about
  local out = {
    '.\\" Made by "lua5.4 bin/pomex \\-\\-man"; do not edit.',
    '.TH POMEX 1 "" "pomex" "User Commands"',
    ".SH NAME", "pomex \\- " .. plain(about.what:gsub("%.$", ""):gsub("^%u", string.lower)),
    ".SH SYNOPSIS", ".B pomex", ".I command", "[options]",
    ".SH DESCRIPTION", plain(about.more), ".SH EXAMPLES", example(about.examples),
    ".SH OPTIONS OF EVERY COMMAND",
  }
  add_all(out, options_of(parser))
  out[#out + 1] = ".SH COMMANDS"
  command_section(out, parser)
  out[#out + 1] = ".SH EXIT STATUS\nWhere several hold, the first of this order is the status: "
    .. table.concat(exits.ORDER, ", ") .. "."
  for _, row in ipairs(exits.MEANINGS) do
    out[#out + 1] = (".TP\n.B %d\n%s"):format(row[1], plain(row[2]))
  end
  out[#out + 1] = ".SH SIGNALS\n" .. plain(SIGNALS)
  out[#out + 1] = ".SH ENVIRONMENT"
  for _, row in ipairs(ENVIRONMENT) do
    out[#out + 1] = (".TP\n.B %s\n%s"):format(plain(row[1]), plain(row[2]))
  end
  out[#out + 1] = ".SH FILES\n" .. FILES
  out[#out + 1] = ".SH SEE ALSO\nThe README and docs/ of pomex, a library for Lua."
  return table.concat(out, "\n")
end
