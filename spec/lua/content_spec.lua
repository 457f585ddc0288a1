local content = require "pomex.content"
local property = require "spec.support.property"

local function image(url, role)
  return { type = "image_url", image_url = { url = url }, role = role or "reference_image" }
end

local function refused(builder, message, hint)
  local parts, err = builder:build()
  assert.is_nil(parts)
  assert.equal("invalid_request_error", err.type)
  assert.is_true(err.client)
  assert.equal("generations.create", err.endpoint)
  assert.matches(message, err.message)
  if hint then assert.matches(hint, err.hint) end
end

-- luassert takes the position away before it matches; here it is what is looked at.
local function raises(f, pattern)
  local ok, why = pcall(f)
  assert.is_false(ok)
  assert.matches("content_spec.lua:%d+: .*" .. pattern, why)
end

describe("pomex.content", function()
  it("builds the document's own example", function()
    local text = "The person in image 1 smiles and waves at the camera. Indoor, natural light, "
      .. "gentle push-in."
    assert.same({ { type = "text", text = text }, image "asset://asset-20260619150241-b8xd4" },
      content():text(text):image("asset-20260619150241-b8xd4"):build())
  end)

  it("puts the position of the image where its name stands [doc 140]", function()
    local parts = content()
      :text("{tom} and {rachel}; {tom} again")
      :image("asset-r", "rachel"):image("asset-x"):image("asset-t", "tom"):build()
    assert.equal("image 3 and image 1; image 3 again", parts[1].text)
  end)

  it("knows names that are added after or before the text, and in several texts", function()
    local parts = content()
      :image("a", "one"):text("{one}"):text("{two}"):image("b", "two"):build()
    assert.equal("image 1", parts[2].text)
    assert.equal("image 2", parts[3].text)
  end)

  it("counts image_url parts only [silence 25]", function()
    local parts = content():video("v"):image("a"):audio("s"):image("b", "b"):text("{b}"):build()
    assert.equal("image 2", parts[5].text)
  end)

  it("keeps parts in the order they were added", function()
    local parts = content():image("a"):text("t"):image("b"):build()
    assert.same({ image "asset://a", { type = "text", text = "t" }, image "asset://b" }, parts)
  end)

  it("takes {{ for a brace", function()
    assert.equal("a {name} {", content():text("a {{name} {{"):build()[1].text)
    assert.equal("{image 1", content():text("{{{a}"):image("x", "a"):build()[1].text)
    assert.equal("a } b", content():text("a } b"):build()[1].text)
  end)

  it("takes raw words as they are", function()
    local words = "{nobody} {{ image 99 {"
    assert.equal(words, content():text(words, { raw = true }):build()[1].text)
  end)

  it("takes an asset, an id, asset:// and https [silence 26]", function()
    local asset = {
      id = "asset-1", object = "video.asset", status = "active", asset_type = "Image",
    }
    local parts = content():image(asset):image("asset-2"):image("asset://asset-3")
      :image("https://cdn.example/a.jpg?x=1"):text("t"):build()
    assert.same({ image "asset://asset-1", image "asset://asset-2", image "asset://asset-3",
      image "https://cdn.example/a.jpg?x=1", { type = "text", text = "t" } }, parts)
  end)

  it("always adds the documented role, unless told another [silence 10]", function()
    local parts = content():image("a"):image("b", nil, { role = "first_frame" })
      :video("c"):audio("d"):video("e", { role = "x" }):build()
    assert.equal("reference_image", parts[1].role)
    assert.equal("first_frame", parts[2].role)
    assert.same({ type = "video_url", video_url = { url = "asset://c" }, role = "reference_video" },
      parts[3])
    assert.same({ type = "audio_url", audio_url = { url = "asset://d" }, role = "reference_audio" },
      parts[4])
    assert.equal("x", parts[5].role)
  end)

  it("shows nothing of a link behind its path where it refuses one", function()
    for given, said in pairs {
      ["http://cdn.example/a.jpg?sig=SECRET"] = 'image is "http://cdn.example/a.jpg?…"',
      ["http://cdn.example/a b.jpg?sig=SECRET"] = 'image is "http://cdn.example/a b.jpg?…"',
      ["ftp://cdn.example/a.jpg#SECRET"] = 'image is "ftp://cdn.example/a.jpg#…"',
      ["http://me:SECRET@cdn.example/a@b.jpg"] = 'image is "http://…@cdn.example/a@b.jpg"',
      ["cdn.example/a.jpg?sig=SECRET"] = 'asset id is "cdn.example/a.jpg?…"',
    } do
      local _, err = content():text("t"):image(given):build()
      assert.matches(said, err.hint, 1, true)
      assert.is_nil(tostring(err):find("SECRET", 1, true))
    end
    local _, err = content():text("{tom} as in https://a.example/b?c=SECRET here {"):build()
    assert.is_nil(tostring(err):find("SECRET", 1, true))
  end)

  it("refuses a name that no image has", function()
    refused(content():text("{rachel} waves"), 'no image is called "rachel"', "{{ for a brace")
    refused(content():text("{}"):image("a"), 'no image is called ""')
    refused(content():text("{ a }"):image("x", "a"), 'no image is called " a "')
  end)

  it("refuses a name that no text mentions", function()
    refused(content():text("nobody"):image("a", "rachel"), "no text mentions {rachel}")
    refused(content():text("{rachel}", { raw = true }):image("a", "rachel"),
      "no text mentions {rachel}")
    refused(content():text("{{rachel}"):image("a", "rachel"), "no text mentions {rachel}")
  end)

  it("refuses a name given twice", function()
    refused(content():text("{a}"):image("x", "a"):image("y", "a"), "two images have the same name",
      'name is "a"')
  end)

  it("refuses a name that cannot stand in braces", function()
    refused(content():text("t"):image("x", ""), "must not be empty or hold a brace")
    refused(content():text("t"):image("x", "a}b"), "must not be empty or hold a brace")
    refused(content():text("t"):image("x", "{"), "must not be empty or hold a brace")
  end)

  it("refuses a brace that is not closed", function()
    refused(content():text("a { b"), "has no }", "raw = true")
    refused(content():text("{a{b}"):image("x", "b"), "has no }")
  end)

  it("refuses a digit right after a name, which would make another number of it", function()
    refused(content():text("{a}0 times"):image("x", "a"), "a digit right after a name")
  end)

  it("refuses an image past the last one", function()
    refused(content():text("image 7 waves"):image("x"), "the text speaks of image 7",
      "images added: 1")
    refused(content():text("Image  2"):image("x"), "image 2")
    refused(content():text("look at IMAGE 2."):image("x"), "image 2")
    refused(content():text("image 0"):image("x"), "image 0")
    refused(content():text("image 1"), "image 1", "images added: 0")
    for _, words in ipairs { "image 1 image 9", "image 1/image 9", "image 1\nimage 9" } do
      refused(content():text(words):image("x"), "the text speaks of image 9")
    end
    refused(content():text("image 1, image 99999999999999999999"):image("x"), "image 9+$")
  end)

  it("lets words be that only look like a position", function()
    for _, words in ipairs {
      "image 1 waves", "image 16:9", "image 4K", "image 2.5x", "an image 1080p", "images 9",
      "preimage 9", "image-9", "image9", "image 1, then image 1's hair", "image 1中",
    } do
      assert.equal(words, content():text(words):image("x"):build()[1].text)
    end
  end)

  -- What prompts say of lenses, frames, sizes and times, in the languages that they are written in.
  local MEASURES = {
    "an image 50 mm lens look", "image 35mm", "image 85 mm, f/1.4", "image 24 fps", "image 24fps",
    "video 60 fps", "image 24 frames per second", "image 8 K", "image 8 k.", "image 4k",
    "image 8K-look", "image 3D", "image 3 D", "image 3-D", "image 16:9", "image 16/9",
    "image 16 by 9", "image 16 x 9", "image 1920x1080", "image 1920 × 1080", "image 1080 p",
    "image 2.39:1", "image 2,5 m", "image 50%", "image 50 %", "image 360°", "image 360 degrees",
    "image 360-degree", "image 10-bit", "image 10 bit", "image 2x", "image 2×", "image 2 x zoom",
    "image 2nd", "image 3rd from the left", "image 2º", "image 1970s", "image 5 seconds",
    "image 5 s", "image 2-3 seconds", "image 24–30 fps", "image 24 to 30 fps", "image 10,000 K",
    "image 10 000 K", "image 5600 Kelvin", "image 20 years later", "image 50\194\160mm",
    "image 50\226\128\175mm", "IMAGE 50 MM", "Image 8 Sekunden", "Image 24 Bilder pro Sekunde",
    "Image 16 zu 9", "Image 12 Uhr", "Image 70er", "Image 6 Fuß", "image 24 images par seconde",
    "image 50 mètres", "image 5 segundos", "image 20 años", "image 50毫米", "image 24帧", "image 24 秒",
    "image 24コマ",
  }
  local POSITIONS = {
    "image 7", "image 7.", "image 7,", "image 7, 50 mm lens", "image 7: 24 fps",
    "image 7: 3 people", "image 7 - 5 seconds of silence", "image 7 -- a", "image 7–the man",
    "image 7's hair", "image 7) and", "image 7\" and", "*image 7*", "image 7 in the corner",
    "image 7 am Strand", "image 7 an old man", "image 7 second row", "image 7 stops and waves",
    "image 7 mal anders", "image 7 of 9", "image 7-9", "image 7 to 9", "image 7 d'une femme",
    "image 7 s’approche", "image 7 keeps", "image 7。", "image 7 的人", "image 7中", "image 7\nK",
    "image\194\1607", "image 7 people", "image 7 minute details", "image 0 mm or image 7",
    "image 50 mm of image 7",
  }

  it("takes no measure for a position", function()
    for _, words in ipairs(MEASURES) do
      local parts, err = content():text(words .. ", {a}"):image("x", "a"):build()
      assert.is_nil(err, words .. ": " .. tostring(err))
      assert.equal(words .. ", image 1", parts[1].text)
    end
  end)

  it("still takes a position for one, whatever follows it", function()
    for _, words in ipairs(POSITIONS) do
      local parts, err = content():text(words):image("a"):image("b"):image("c"):build()
      assert.is_nil(parts, words)
      assert.equal("the text speaks of image 7", err.message)
      assert.matches("images added: 3", err.hint)
      assert.matches("raw = true", err.hint)
    end
    for _, words in ipairs { "image 2 of the scene", "image 1,", "image 3 in a 50 mm look" } do
      assert.equal(words, content():text(words):image("a"):image("b"):image("c"):build()[1].text)
    end
  end)

  it("refuses an asset known not to be an active image", function()
    refused(content():text("t"):image { id = "asset-1", status = "processing" },
      'asset "asset%-1" is not active', 'status is "processing"')
    refused(content():text("t"):image { id = "asset-1", status = "failed" }, "not active")
    assert.truthy(content():text("t"):image({ id = "asset-1", status = "Active" }):build())
    refused(content():text("t"):image { id = "a", status = "active", asset_type = "Video" },
      "not of the type Image", 'asset_type is "Video"')
    refused(content():text("t"):image { id = "cgt-1", object = "video.generation.task" },
      "not an asset")
    refused(content():text("t"):video { id = "a", asset_type = "Image" }, "not of the type Video")
    assert.is_table(content():text("t"):image { id = "asset-1" }:build())
  end)

  it("refuses what is no id and no https link", function()
    for _, ref in ipairs { "", ".", "..", "a/b", "./a.jpg", "/tmp/a.jpg", "C:\\a.jpg", "a%2e",
      "a b", "a\nb", "asset://", "asset://a/b", "asset://..", ("x"):rep(257), "data:image/png" } do
      refused(content():text("t"):image(ref), "not an asset id", "local files")
    end
    for _, ref in ipairs { "http://x.example/a.jpg", "ftp://x/a", "https://", "https:///a",
      "https://x/a b", "https://x/\ra", "file:///tmp/a.jpg" } do
      refused(content():text("t"):image(ref), "must be an asset or a public https link")
    end
  end)

  it("shows the value at fault on one line", function()
    local _, err = content():text("t"):image("a\r\nb"):build()
    assert.is_nil(tostring(err):find("%c"))
    _, err = content():text("{a\nb}"):build()
    assert.is_nil(tostring(err):find("%c"))
  end)

  it("raises on types, at the caller's line, naming the argument", function()
    local builder = content()
    raises(function() builder:text(1) end, "text must be a string")
    raises(function() builder:text(nil) end, "text must be a string, not nil")
    raises(function() builder:text("t", true) end, "options must be a table")
    raises(function() builder:text("t", { rwa = true }) end,
      'unknown option "rwa"')
    raises(function() builder:text("t", { raw = 1 }) end, "raw must be a boolean")
    raises(function() builder:image(nil) end,
      "image must be an asset, its id or a URL")
    raises(function() builder:image {} end, "image must be an asset")
    raises(function() builder:image("a", 1) end, "name must be a string")
    raises(function() builder:image("a", "n", { rol = "x" }) end,
      'unknown option "rol"')
    raises(function() builder:video("a", { role = 1 }) end, "role must be a string")
    assert.same({}, builder:build())
  end)

  it("can be built again, and added to", function()
    local builder = content():text("{a}"):image("x", "a")
    local first = builder:build()
    local second = builder:build()
    assert.same(first, second)
    assert.are_not.equal(first, second)
    assert.are_not.equal(first[1], second[1])
    assert.equal(3, #builder:image("y"):build())
  end)

  it("is told from a plain array", function()
    assert.is_true(content.is(content()))
    assert.is_true(content.is(content.new()))
    assert.is_false(content.is {})
    assert.is_false(content.is(nil))
    assert.is_false(content.is("text"))
  end)

  it("gives each name the number of its image, however parts are mixed", function()
    local names = { "a", "b", "rachel", "Tom Jones", "图", "x1", "9", "-" }
    property.holds(500, function(random)
      local builder, expected, position, used = content(), {}, {}, {}
      local texts, images = {}, 0
      for _ = 1, random:int(1, 12) do
        local kind = random:int(1, 4)
        if kind == 1 then
          builder:video("v")
        elseif kind <= 3 then
          images = images + 1
          local name = random:pick(names)
          if random:chance(30) or used[name] then name = nil end
          if name then
            used[name] = true
            position[name] = images
          end
          builder:image("asset-" .. images, name)
        end
      end
      for name in pairs(used) do
        local before = random:text(0, 5, { "a", " ", "é", ".", "}", "\n" })
        texts[#texts + 1] = before .. "{" .. name .. "} {{"
        expected[#expected + 1] = before .. "image " .. position[name] .. " {"
      end
      for _, text in ipairs(texts) do builder:text(text) end
      local parts, err = builder:build()
      assert.is_nil(err)
      local got, seen = {}, 0
      for _, part in ipairs(parts) do
        if part.type == "text" then got[#got + 1] = part.text end
        if part.type == "image_url" then
          seen = seen + 1
          assert.equal("asset://asset-" .. seen, part.image_url.url)
        end
      end
      assert.same(expected, got)
    end)
  end)

  it("either builds or says why, never raises, for any words", function()
    property.holds(2000, function(random)
      local words = random:text(0, 30,
        { "{", "}", "a", "b", "image ", "1", "7", " ", "\0", "\255" })
      local parts, err = content():text(words):image("x", "a"):build()
      if parts then
        assert.is_nil(err)
        assert.is_string(parts[1].text)
        for digits in parts[1].text:gmatch("%f[%w]image (%d+) ") do assert.equal("1", digits) end
      else
        assert.equal("invalid_request_error", err.type)
        assert.is_nil(tostring(err):find("%c"))
      end
    end)
  end)
end)
