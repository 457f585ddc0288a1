-- pomex.qr: what it draws is read back by zbarimg, a reader that is not ours.

local errors = require "pomex.errors"
local leaks = require "spec.support.leaks"
local property = require "spec.support.property"
local qr = require "pomex.qr"
local shell = require "spec.support.shell"

local LONG = "https://kyc.example/?token=" .. ("aB3_-%2F9"):rep(108) .. "&lang=en"

local folder

local function write(name, text)
  local file = assert(io.open(folder .. "/" .. name, "wb"))
  file:write(text)
  file:close()
  return shell.quote(folder .. "/" .. name)
end

-- The bytes that zbarimg finds in a picture file; they may hold anything, hence not `shell`.
local function read_picture(path)
  local pipe = assert(io.popen("env -u LD_PRELOAD zbarimg -q --raw --oneshot "
    .. "-S disable -S qrcode.enable -S qrcode.binary " .. path .. " 2> /dev/null"))
  local bytes = pipe:read("*a")
  pipe:close()
  return bytes
end

local function read_svg(svg)
  local path = write("code.svg", svg)
  local png = shell.quote(folder .. "/code.png")
  local output, ok = shell.bash(("rm -f %s; ffmpeg -v error -y -i %s %s"):format(png, path, png))
  assert.is_true(ok, output)
  return read_picture(png)
end

-- A picture of rows of booleans, with a quiet zone.
local function read_matrix(rows)
  local side, scale = #rows + 8, 3
  local lines = { ("P1\n%d %d"):format(side * scale, side * scale) }
  for y = -3, #rows + 4 do
    local line = {}
    for x = -3, #rows + 4 do
      line[#line + 1] = (rows[y] and rows[y][x] and "1 " or "0 "):rep(scale)
    end
    for _ = 1, scale do lines[#lines + 1] = table.concat(line) end
  end
  return read_picture(write("code.pbm", table.concat(lines, "\n") .. "\n"))
end

-- What a terminal shows, as rows of booleans: true where the block inks half a cell.
local HALVES = { [" "] = { false, false }, ["▀"] = { true, false }, ["▄"] = { false, true },
  ["█"] = { true, true } }

local function inked(text)
  local rows = {}
  for line in text:gmatch("([^\n]*)\n") do
    local upper, lower = {}, {}
    for cell in line:gmatch("[^\128-\191][\128-\191]*") do
      local half = assert(HALVES[cell], "no block: " .. cell)
      upper[#upper + 1], lower[#lower + 1] = half[1], half[2]
    end
    rows[#rows + 1], rows[#rows + 2] = upper, lower
  end
  return rows
end

-- What is dark in `rows` is what is dark in the matrix, with `margin` light modules around.
local function assert_shows(rows, matrix, margin, dark)
  assert.is_true(#rows >= #matrix + 2 * margin)
  for y, row in ipairs(rows) do
    assert.equal(#matrix + 2 * margin, #row)
    for x, ink in ipairs(row) do
      local wanted = matrix[y - margin] and matrix[y - margin][x - margin] or false
      if (ink == dark) ~= wanted then
        error(("module %d, %d is %s"):format(x - margin, y - margin, wanted and "light" or "dark"))
      end
    end
  end
end

describe("pomex.qr", function()
  setup(function() folder = shell.bash("mktemp -d"):gsub("%s+$", "") end)
  teardown(function() shell.bash("rm -rf " .. shell.quote(folder)) end)

  it("draws an SVG that a reader reads, long links and other alphabets too", function()
    assert.is_true(#LONG > 1000)
    for _, text in ipairs { "https://kyc.example/?t=1&lang=en", LONG, "Grüße, 你好, 🙂",
      "a\0b", "0", "\255\254 no UTF-8" } do
      assert.equal(text, read_svg(assert(qr.svg(text, { scale = 4 }))))
    end
  end)

  it("takes level, margin, colours and a title for an SVG", function()
    local svg = qr.svg("x", { scale = 5, margin = 6, dark = "navy", light = "#ffe", level = "H",
      title = 'R&D <b>"it"</b>\n' })
    assert.equal("x", read_svg(svg))
    local side = #qr.matrix("x", { level = "H" }) + 12
    assert.matches(('viewBox="0 0 %d %d" width="%d" height="%d"'):format(side, side, side * 5,
      side * 5), svg, 1, true)
    local label = "R&amp;D &lt;b&gt;&quot;it&quot;&lt;/b&gt;\\x0a"
    assert.matches('role="img" aria-label="' .. label .. '"', svg, 1, true)
    assert.matches("<title>" .. label .. "</title>", svg, 1, true)
    assert.matches('<rect [^>]*fill="#ffe"/><path fill="navy" ', svg)
    local hostile = qr.svg("x", { dark = '"/><script>', light = '"><script>', title = "\0\255" })
    assert.is_nil(hostile:find("<script", 1, true))
    assert.is_nil(hostile:find("[%z\255]"))
    assert.matches('viewBox="0 0 29 29" role="img"', qr.svg("x"), 1, true)
    assert.matches('<title>QR code</title>', qr.svg("x"), 1, true)
  end)

  it("gives a matrix that a reader reads", function()
    assert.equal(LONG, read_matrix(assert(qr.matrix(LONG))))
    local small = qr.matrix("A")
    assert.equal(21, #small)
    assert.equal(21, #small[1])
    assert.is_true(small[1][1])
    assert.is_false(small[2][2])
  end)

  it("reads back as any bytes that went in, at every level", function()
    property.holds(12, function(random)
      local text = random:text(1, random:pick { 20, 300, 1273 })
      local level = random:pick { "L", "M", "Q", "H" }
      local matrix = assert(qr.matrix(text, { level = level }))
      assert.equal(text, read_matrix(matrix))
    end)
  end)

  it("prints for any terminal: black on white by colours that no theme changes", function()
    for _, text in ipairs { "https://kyc.example/?t=1", LONG } do
      local printed, matrix = qr.terminal(text), qr.matrix(text)
      for line in printed:gmatch("([^\n]*)\n") do
        assert.matches("^\27%[38;5;16;48;5;231m[^\27]*\27%[0m$", line)
      end
      local plain = printed:gsub("\27%[[%d;]*m", "")
      assert_shows(inked(plain), matrix, 4, true)
      assert_shows(inked((qr.terminal(text, { margin = 1, invert = true })
        :gsub("\27%[[%d;]*m", ""))), matrix, 1, false)
    end
  end)

  it("prints without colours, for light text on dark, or inverted for dark on light", function()
    local text = "https://kyc.example/?t=1"
    local matrix = qr.matrix(text)
    local light = qr.terminal(text, { ansi = false })
    local dark = qr.terminal(text, { ansi = false, invert = true, margin = 0 })
    assert.is_nil((light .. dark):find("\27", 1, true))
    assert_shows(inked(light), matrix, 4, false)
    assert_shows(inked(dark), matrix, 0, true)
  end)

  it("refuses what no code holds, and says how much one does", function()
    for level, most in pairs { L = 2953, M = 2331, Q = 1663, H = 1273 } do
      assert.is_table(qr.matrix(("x"):rep(most), { level = level }))
      for _, draw in ipairs { qr.matrix, qr.svg, qr.terminal } do
        local nothing, err = draw(("x"):rep(most + 1), { level = level })
        assert.is_nil(nothing)
        assert.is_true(errors.is(err))
        assert.equal("invalid_request_error", err.type)
        assert.is_true(err.client)
        assert.matches(("%d bytes; at most %d fit at level %s"):format(most + 1, most, level),
          tostring(err), 1, true)
      end
    end
    assert.matches("2331 fit at level M", tostring(select(2, qr.svg(("x"):rep(1e6)))))
    local nothing, err = qr.terminal("")
    assert.is_nil(nothing)
    assert.matches("^invalid_request_error: there is no text", tostring(err))
  end)

  it("raises on misuse, naming the argument, at the caller's line", function()
    local _, why = pcall(function() qr.svg(nil) end)
    assert.matches("qr_spec%.lua:%d+: qr%.svg: text must be a string, not nil", why)
    assert.error_matches(function() qr.matrix(5) end, "qr%.matrix: text must be a string, not 5")
    assert.error_matches(function() qr.terminal("x", { anis = true }) end, 'is it "ansi"')
    assert.error_matches(function() qr.svg("x", { margin = -1 }) end, "margin must be a whole")
    assert.error_matches(function() qr.svg("x", { margin = 1e9 }) end, "margin must be at most")
    assert.error_matches(function() qr.svg("x", { scale = 0 }) end, "scale must be above 0")
    assert.error_matches(function() qr.svg("x", { level = "X" }) end, "level must be")
    assert.error_matches(function() qr.svg("x", { dark = 0 }) end, "dark must be a string")
    assert.error_matches(function() qr.matrix("x", { margin = 4 }) end, 'unknown key "margin"')
  end)

  it("says that it was built without libqrencode, and how to have it", function()
    local kept, cpath = { package.loaded["pomex.qr"], package.loaded["pomex.qrcore"] },
      package.cpath
    package.loaded["pomex.qr"], package.loaded["pomex.qrcore"], package.cpath = nil, nil, ""
    local ok, why = pcall(require, "pomex.qr")
    package.loaded["pomex.qr"], package.loaded["pomex.qrcore"] = kept[1], kept[2]
    package.cpath = cpath
    assert.is_false(ok)
    assert.matches("pomex.qr was built without libqrencode: install it", why, 1, true)
    assert.matches("apt-get install libqrencode-dev", why, 1, true)
  end)

  -- A sanitizer holds freed memory back, and looks for leaks itself.
  if os.getenv("LD_PRELOAD") then return end

  it("keeps no memory #native", function()
    local function many(n)
      for _ = 1, n do qr.terminal(LONG) end
      leaks.collect()
      local file = io.open("/proc/self/statm")
      local pages = tonumber(file:read("*a"):match("^%d+ (%d+)"))
      file:close()
      return pages * 4
    end
    local before = many(40)
    local after = many(160)
    -- A matrix that is not freed would be 160 times 11 KB and libqrencode's own share of it.
    assert.is_true(after - before < 1000, ("grew by %d KB"):format(after - before))
  end)
end)
