local sockeye = require "sockeye"
local sockets = require "spec.support.sockets"
local streams = require "spec.support.streams"
local temporary = require "spec.support.temporary"

local keep <const> = streams.keep

-- Calls that move all that a file holds to a socket, however they begin.
local moves = {
  ["sendfile of a file"] = function(to, file)
    return to:sendfile(file)
  end,
  ["sendfile of a path"] = function(to, _, path)
    return to:sendfile(path)
  end,
  ["splice of a file"] = function(to, file)
    return sockeye.splice(file, to)
  end,
  ["splice of a path"] = function(to, _, path)
    return sockeye.splice(path, to)
  end,
}

local size <const> = 3000000

-- Calls f with a file of `size` bytes, its path and its text.
local function with_file(f)
  local text, path = temporary.text(size), os.tmpname()
  local file <close> = assert(io.open(path, "w+"))
  file:write(text):flush()
  file:seek "set"
  f(file, path, text)
  os.remove(path)
end

describe("what is on its way", function()
  streams.guard()

  for name, move in pairs(moves) do
    it("continues though its file is closed meanwhile: " .. name, function()
      with_file(function(file, path, text)
        sockeye.run(function()
          local a, b = keep(sockets.unix())
          local moved = sockeye.spawn(move, a, file, path)
          sockeye.yield()
          file:close()
          os.remove(path)
          local got = {}
          for _ = 1, 1 << 16 do
            got[#got + 1] = b:recv(1 << 16)
            if moved:status() == "done" then break end
          end
          assert.equal(size, moved:join())
          a:close()
          got[#got + 1] = sockets.read_all(b)
          assert.is_true(table.concat(got) == text)
        end)
      end)
    end)

    it("is counted in the error that stopped it: " .. name, function()
      with_file(function(file, path)
        local a, b = keep(sockets.unix())
        a:settimeout(0.05)
        local ok, err = pcall(move, a, file, path)
        assert.is_false(ok)
        assert.same({ "ETIMEDOUT", true }, { err.code, err.timeout })
        assert.is_true(err.sent > 0 and err.sent < size)
        a:close()
        assert.equal(err.sent, #sockets.read_all(b))
      end)
    end)

    it("is counted if the call must not wait: " .. name, function()
      with_file(function(file, path)
        local a, b = keep(sockets.unix())
        a:settimeout(0)
        local done, sent = move(a, file, path)
        assert.is_false(done)
        a:close()
        assert.equal(sent, #sockets.read_all(b))
      end)
    end)

    it("raises EPIPE, with 0 bytes sent, when nobody reads: " .. name,
       function()
      with_file(function(file, path)
        local a, b = keep(sockets.unix())
        b:close()
        local ok, err = pcall(move, a, file, path)
        assert.is_false(ok)
        assert.same({ "EPIPE", 0 }, { err.code, err.sent })
      end)
    end)
  end

  it("lets other tasks run, however much it is", function()
    with_file(function(file)
      sockeye.run(function()
        local sink <close> = io.open("/dev/null", "w")
        local turns, moving = 0, true
        local moved = sockeye.spawn(function()
          local n = 0
          for _ = 1, 20 do
            n = n + sockeye.splice(file, sink, nil, { offset_in = 0 })
          end
          moving = false
          return n
        end)
        while moving do
          turns = turns + 1
          sockeye.yield()
        end
        assert.equal(20 * size, moved:join())
        assert.is_true(turns > 20)
      end)
    end)
  end)
end)
