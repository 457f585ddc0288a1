-- The exit codes are fixed for ever.

local errors = require "pomex.errors"
local exits = require "pomex.command.exits"

describe("the exit codes #command", function()
  it("are these", function()
    assert.same({ 0, 1, 2, 3, 4, 5, 6, 7, 11, 130 }, { exits.DONE, exits.FAILED, exits.USAGE,
      exits.UNCLEAR, exits.REFUSED, exits.CAP, exits.LATER, exits.INTERRUPTED, exits.STORE,
      exits.KILLED })
    for i, row in ipairs(exits.MEANINGS) do
      assert.equal(({ 0, 1, 2, 3, 4, 5, 6, 7, 11, 130 })[i], row[1])
    end
  end)

  it("have one order, where several hold", function()
    local order = { 130, 11, 4, 3, 5, 7, 6, 1, 2, 0 }
    for i, first in ipairs(order) do
      for j = i, #order do
        assert.equal(first, exits.first(first, order[j]))
        assert.equal(first, exits.first(order[j], first))
      end
    end
  end)

  it("follow from an error", function()
    for code, list in pairs {
      [4] = { { "authentication_error" }, { "api_error", status = 402 },
        { "api_error", status = 403 } },
      [3] = { { "ambiguous_error", billed = "maybe" }, { "ambiguous_error", billed = "no" } },
      [6] = { { "timeout_error", id = "cgt-1" } },
      [7] = { { "cancelled_error" } },
      [11] = { { "store_error" } },
      [2] = { { "invalid_request_error", client = true } },
      [1] = { { "invalid_request_error", status = 400 }, { "timeout_error" }, { "file_error" },
        { "asset_failed" }, { "generation_failed" }, { "connection_error" },
        { "api_error", status = 403, endpoint = "download" },
        { "connection_error", status = 403, proxy = true }, { "not_found_error", status = 404 } },
    } do
      for _, fields in ipairs(list) do
        local err = errors.new(fields[1], fields)
        assert.equal(code, exits.of(err), fields[1])
      end
    end
  end)
end)
