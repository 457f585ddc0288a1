-- The options of a client certificate: what is refused at once, and what no error shows.
-- spec/core/test_client_cert.c shows it to servers.

local pomex = require "pomex"

local function refused(more)
  more.api_key, more.client_key_password = "sk-test-key", more.password
  more.password = nil
  local client, err = pomex.new(more)
  assert.is_nil(client)
  assert.equal("invalid_request_error", err.type)
  assert.is_true(err.client)
  local line = tostring(err)
  assert.is_nil(line:find("s3cret", 1, true))
  return line
end

describe("a client certificate", function()
  it("that is missing, or has no key, is refused by name", function()
    assert.matches("cannot read client_cert /no/such.pem: No such file",
      refused { client_cert = "/no/such.pem", password = "s3cret" }, 1, true)
    local path = os.tmpname()
    assert.matches("cannot read client_key /no/such.key: No such file",
      refused { client_cert = path, client_key = "/no/such.key", password = "s3cret" }, 1, true)
    os.remove(path)
    assert.matches("client_key needs client_cert", refused { client_key = path })
    assert.matches("client_key_password needs client_cert", refused { password = "s3cret" })
    assert.matches("cannot read client_cert /tmp", refused { client_cert = "/tmp" })
  end)

  it("of which the password is no string raises without showing it", function()
    local ok, message = pcall(pomex.new, { api_key = "sk-k", client_key_password = 12345 })
    assert.is_false(ok)
    assert.matches("client_key_password must be a string, not number$", message)
  end)

  it("that is none is an error of the first call, which names its file and not its password",
    function()
      local path = os.tmpname()
      local client = assert(pomex.new { api_key = "sk-test-key", base_url = "https://127.0.0.1:1",
        client_cert = path, client_key_password = "s3cret" })
      assert.is_nil(tostring(client):find("s3cret", 1, true))
      local _, err = client.assets:get("a", { max_retries = 0 })
      assert.equal("connection_error", err.type)
      assert.is_nil(tostring(err):find("s3cret", 1, true))
      client:close()
      os.remove(path)
    end)
end)
