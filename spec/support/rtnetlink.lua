-- What rtnetlink's messages hold, made up, and hosts to change.

local errors = require "spec.support.errors"
local it = require "busted".it
local kernel = require "spec.support.kernel"
local netns = require "spec.support.netns"

local M = {}

-- The structures at the beginning of messages about one link, address, route.
M.link = string.pack("=I1xI2i4I4I4", 0, 1, 7, 0x1043, 0)
M.address = string.pack("=I1I1I1I1I4", 2, 24, 0x80, 0, 7)
M.route = string.pack("=I1I1I1I1I1I1I1I1I4", 2, 24, 0, 0, 254, 4, 0, 1, 0)

--- The entry of the list whose field has the value.
function M.find(list, field, value)
  for _, entry in ipairs(list) do
    if entry[field] == value then return entry end
  end
end

--- The answer to the request of that number: one message, if any, and the end.
function M.dump(seq, type, data, flags)
  local function message(fields)
    fields.seq, fields.flags = seq, flags or 2
    return kernel.message(fields)
  end
  return (data and message { type = type, data = data } or "") ..
    message { type = 3, data = "\0\0\0\0" }
end

--- Declares that each of the rows is refused: its name, the method that asks,
-- the type and the data of the message that answers, and what the error says.
function M.refuses(malformed)
  for _, case in ipairs(malformed) do
    local name, method, type, data, place = table.unpack(case)
    it("raises EBADMSG for " .. name, function()
      local nl = kernel.answering(false, M.dump(1, type, data))
      if method ~= "links" then
        nl = kernel.answering(false, M.dump(1), false, M.dump(2, type, data))
      end
      local err = errors.raised("EBADMSG", "recv", nl[method], nl)
      assert(err.message:find(place, 1, true), err.message)
    end)
  end
end

--- Declares that each of the rows is rejected before anything is sent: the
-- method, its argument, and what the error says.
function M.rejects(wrong)
  for i, case in ipairs(wrong) do
    it(("rejects a wrong field: %s, %d"):format(case[1], i), function()
      local nl = kernel.answering(false)
      errors.rejected("errors%.lua:%d+: bad argument #1 to '" .. case[1] ..
                      "'.*" .. case[3], nl[case[1]], nl, case[2])
      assert(#nl.socket.sent == 0)
    end)
  end
end

--- What the text of a Lua script prints on a host of its own, on which `wire1`
-- leads to another. The script has `nl`, a socket; `code`, which says how a
-- call ends; and `find`, as above, but for an empty table if there is none.
function M.on_host(text)
  return netns.with_namespaces(function(ns)
    local result = ns.a:lua([[
      local sockeye = require "sockeye"
      local netlink = require "sockeye.netlink"
      local nl <close> = netlink.open()
      nl:settimeout(20)
      local function code(f, ...)
        local ok, err = pcall(f, ...)
        return ok and "ok" or sockeye.is_error(err) and
          err.code .. " " .. err.call or err
      end
      local function find(list, field, value)
        for _, entry in ipairs(list) do
          if entry[field] == value then return entry end
        end
        return {}
      end
    ]] .. text)
    assert(result.stderr == "", result.stderr)
    return result.stdout
  end)
end

return M
