-- What Lua's own files read, for streams to read the same.

local assert = require "luassert"
local busted = require "busted"
local sockeye = require "sockeye"

local streams = require "spec.support.streams"
local worlds = require "spec.support.worlds"

local M = {}

local function from_file(text, formats)
  local file <close> = assert(io.tmpfile())
  file:write(text)
  file:seek "set"
  local results = table.pack(file:read(table.unpack(formats)))
  return results, file:read "a"
end

local function title(case)
  local text = ("%q"):format(#case[1] < 40 and case[1] or
                             case[1]:sub(1, 20) .. "…")
  return ("reads %s by (%s) as files do"):format(
    text, table.concat(case[2], ", "))
end

local function declare(case)
  local text, formats = table.unpack(case)

  local function compare(conn)
    local wanted, rest = from_file(text, formats)
    assert.same(wanted, table.pack(conn:read(table.unpack(formats))))
    assert.equal(rest, conn:read "a")
  end

  worlds.it(title(case), function() compare(streams.holding(text)) end)
  if #text >= 1000 then return end
  busted.it(title(case) .. ", when bytes come one by one", function()
    sockeye.run(function()
      local conn, peer = streams.pair()
      sockeye.spawn(function()
        for i = 1, #text do
          peer:send(text:sub(i, i))
          sockeye.yield()
        end
        peer:shutdown "wr"
      end)
      compare(conn)
    end)
  end)
end

--- Declares specs: each case is what there is to read, and a list of formats.
function M.same(cases)
  for _, case in ipairs(cases) do declare(case) end
end

return M
