-- Where the command has its key from, and that nobody sees it.

local command = require "spec.support.command"
local sandbox = require "pomex.sandbox"

describe("the key of the command pomex #command", function()
  local sb, at

  setup(function()
    sb = assert(sandbox.start { asset_seconds = 0, generation_seconds = 0, rate_limits = false })
    at = command.new(sb)
    at.env.POMEX_API_KEY = nil
  end)
  teardown(function()
    at:remove()
    sb:stop()
  end)

  local LINE = "portrait list --virtual"

  local function configure(text)
    at:bash "mkdir -p .config/pomex"
    local file = assert(io.open(at.folder .. "/.config/pomex/config", "wb"))
    file:write(text)
    file:close()
  end

  after_each(function() at:bash "rm -rf .config key" end)

  it("ends with 4 where there is none, and where it is refused", function()
    local none = at:run(LINE)
    assert.equal(4, none.code)
    assert.matches("^pomex: there is no API key %(set POMEX_API_KEY[^\n]*\nnext: pomex doctor\n$",
      none.err)
    for _, line in ipairs { LINE, "verify", "video 'A wave.' -y -o a.mp4", "video show cgt-1",
      "portrait wait asset-1", "portrait add https://a.example/a.jpg --virtual" } do
      local run = at:run(line, { POMEX_API_KEY = "sk-of-nobody" })
      assert.same({ 4, "" }, { run.code, run.out }, line)
      assert.matches("\nnext: pomex doctor\n$", run.err)
      assert.not_matches("of-nobody", run.err, 1, true)
    end
    for _, status in ipairs { 402, 403 } do
      sb:fault { endpoint = "generations.create", status = status,
        body = '{"error":{"message":"pay","type":"x"}}' }
      assert.equal(4, at:run("video 'A wave.' -y -o a.mp4", { POMEX_API_KEY = sb.key }).code)
    end
  end)

  it("comes from the environment, a file, or a program that the configuration names", function()
    assert.equal(0, at:run(LINE, { POMEX_API_KEY = sb.key }).code)
    at:bash("echo " .. sb.key .. " > key")
    assert.equal(0, at:run("--key-file key " .. LINE).code)
    assert.equal(0, at:run("--key-file key " .. LINE, { POMEX_API_KEY = "sk-of-nobody" }).code)
    configure("# mine\nkey_command = \"cat " .. at.folder .. "/key\"\n")
    assert.equal(0, at:run(LINE).code)
    assert.equal(4, at:run(LINE, { POMEX_API_KEY = "sk-of-nobody" }).code)
    configure("[here]\nkey_file=" .. at.folder .. "/key\n")
    assert.equal(4, at:run(LINE).code)
    assert.equal(0, at:run("--profile here " .. LINE).code)
    assert.equal(0, at:run(LINE, { POMEX_PROFILE = "here" }).code)
    configure("base_url = " .. sb.url .. "\nkey_file = " .. at.folder .. "/key\n")
    assert.equal(0, at:run(LINE, { POMEX_BASE_URL = false }).code)
    local elsewhere = at:bash("mkdir -p else/pomex && mv .config/pomex/config else/pomex/ && "
      .. "XDG_CONFIG_HOME=$PWD/else; export XDG_CONFIG_HOME; " .. at:line(LINE,
      { XDG_CONFIG_HOME = at.folder .. "/else", POMEX_BASE_URL = false }))
    assert.equal(0, elsewhere.code, elsewhere.err)
  end)

  it("says which line of the configuration is wrong, and never shows it", function()
    for text, why in pairs {
      ["\napi_key = sk-hidden\n"] = ":2: the key must not stand in this file",
      ["key = sk-hidden"] = ":1: the key must not stand", ["sk-hidden"] = ":1: this is neither",
      ["kee_file = sk-hidden"] = ":1: there is no setting \"kee_file\"",
    } do
      configure(text)
      local run = at:run(LINE)
      assert.equal(2, run.code, run.err)
      assert.matches("config" .. why, run.err, 1, true)
      assert.not_matches("hidden", run.err)
    end
    configure ""
    local run = at:run("--profile nowhere " .. LINE)
    assert.equal(2, run.code)
    assert.matches('there is no profile "nowhere"', run.err)
  end)

  it("says how a program that gives none ended", function()
    for _, program in ipairs { "exit 3", "true", "no-such-program-here" } do
      configure("key_command = " .. program .. "\n")
      local run = at:run(LINE)
      assert.equal(4, run.code, run.err)
      assert.matches("key_command printed no key", run.err)
    end
  end)

  it("is in no output, and in no list of processes, of whatever command #native", function()
    at:bash("echo " .. sb.key .. " > key")
    local seen = {}
    for _, line in ipairs { "doctor", "verify --scan pass", LINE, "portrait show asset-1",
      "video 'A wave.' -y -o a.mp4", "video 'A wave.' -o b.mp4", "--json doctor", "--help" } do
      for _, env in ipairs { { POMEX_API_KEY = sb.key }, {} } do
        local run = at:run((env.POMEX_API_KEY and "" or "--key-file key ") .. line, env)
        seen[#seen + 1] = run.out .. run.err
      end
    end
    assert.equal(16, #seen)
    assert.is_true(#table.concat(seen) > 5000)
    assert.not_matches(sb.key, table.concat(seen), 1, true)
    -- While a request of it is out.
    sb:fault { endpoint = "assets.list", delay = 1 }
    local run = at:bash("cat key > /dev/null; pomex --key-file key " .. LINE .. [[ &
      for ((i = 0; i < 3000; i++)); do
        pid=$(pgrep -f "^[^ ]*lua[^ ]* [^ ]*/bin/pomex --key-file key portrait") && break
        sleep 0.01
      done
      tr '\0' ' ' < /proc/$(echo $pid | cut -d' ' -f1)/cmdline; wait]])
    assert.matches("bin/pomex %-%-key%-file key portrait list", run.out)
    assert.not_matches(sb.key, run.out, 1, true)
  end)
end)
