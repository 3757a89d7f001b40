local sockeye = require "sockeye"
local descriptors = require "spec.support.descriptors"
local errors = require "spec.support.errors"
local examples = require "spec.support.examples"
local process = require "spec.support.process"

local function file_kind(path)
  local result = process.run { "stat", "-c", "%F %a", path }
  return (result.stdout:gsub("\n$", ""))
end

describe("the file of a Unix socket", function()
  descriptors.guard()

  it("has the mode that was asked for", function()
    examples.with_folder(function(folder)
      for mode, wanted in pairs { ["0600"] = 600, ["666"] = 666,
                                  [0] = 0, [8] = 10 } do
        local path = folder .. "/" .. wanted
        local l <close> = sockeye.listen("unix:" .. path, { mode = mode })
        assert.equal("socket " .. wanted, file_kind(path))
        assert.truthy(l)
      end
    end)
  end)

  it("is replaced by a listener if nobody answers", function()
    examples.with_folder(function(folder)
      local endpoint = "unix:" .. folder .. "/s"
      sockeye.listen(endpoint):close()
      assert.matches("^socket", file_kind(folder .. "/s"))
      errors.raised("EADDRINUSE", "bind", sockeye.listen, endpoint,
                    { unlink = false })
      local l <close> = sockeye.listen(endpoint)
      local c <close> = sockeye.connect(endpoint)
      local s <close> = l:settimeout(20):accept()
      assert.truthy(s and c)
    end)
  end)

  it("is kept if somebody answers", function()
    examples.with_folder(function(folder)
      local endpoint = "unix:" .. folder .. "/s"
      local l <close> = sockeye.listen(endpoint, { backlog = 0 })
      errors.raised("EADDRINUSE", "bind", sockeye.listen, endpoint)
      local before = l:settimeout(20):accept()
      before:close()
      -- Nor where there is no place in its queue.
      local waiting <close> = sockeye.connect(endpoint)
      errors.raised("EADDRINUSE", "bind", sockeye.listen, endpoint)
      assert.matches("^socket", file_kind(folder .. "/s"))
      local s <close> = l:accept()
      assert.truthy(s and waiting)
      local datagrams <close> = sockeye.socket("unix", "dgram")
      datagrams:bind("unix:" .. folder .. "/d")
      errors.raised("EADDRINUSE", "bind", sockeye.listen,
                    "unix:" .. folder .. "/d")
    end)
  end)

  it("never replaces a file that is no socket", function()
    examples.with_folder(function(folder)
      local file <close> = assert(io.open(folder .. "/file", "w"))
      file:write("precious")
      os.execute(("mkdir %s/folder; ln -s %s/nothing %s/link"):format(
        folder, folder, folder))
      sockeye.listen("unix:" .. folder .. "/stale"):close()
      os.execute(("ln -s %s/stale %s/to-stale"):format(folder, folder))
      for _, name in ipairs { "file", "folder", "link", "to-stale" } do
        errors.raised("EADDRINUSE", "bind", sockeye.listen,
                      ("unix:%s/%s"):format(folder, name))
        assert.equal(0, process.run({ "ls", "-d", folder .. "/" ..
                                      name }).status)
      end
    end)
  end)

  it("stays when the socket is closed", function()
    examples.with_folder(function(folder)
      sockeye.listen("unix:" .. folder .. "/s"):close()
      assert.matches("^socket", file_kind(folder .. "/s"))
    end)
  end)
end)
