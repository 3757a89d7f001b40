-- Servers for specs, and their clients.

local sockeye = require "sockeye"

local M = {}

--- Seconds for what ought to come.
M.limit = 20

--- A handler that sends back what it receives.
function M.echo(stream)
  for data in function() return stream:read_some() end do
    stream:write(data)
  end
end

--- A client of the address, with time-outs.
function M.call(address)
  local conn = sockeye.connect(address, { timeout = M.limit })
  conn:settimeout(M.limit)
  return conn
end

--- What the server at the address answers to the text.
function M.ask(address, text)
  local conn <close> = M.call(address)
  conn:write(text)
  conn:flush()
  return conn:read(#text)
end

--- A function for `on_error` that adds each error to the list.
function M.keep_errors(list)
  return function(err, peer, traceback)
    list[#list + 1] = { err = err, peer = peer, traceback = traceback }
  end
end

--- Runs f(address, task, stop) beside a server on the loopback that is stopped
-- when f has returned. Returns what serve does.
function M.with_server(poller, handler, options, f)
  return sockeye.run({ poller = poller }, function()
    local l <close> = sockeye.listen("127.0.0.1:0")
    local address = l:getsockname()
    options.stop = sockeye.channel(1)
    options.signals = options.signals or false
    local task = sockeye.spawn(sockeye.serve, l, handler, options)
    f(address, task, options.stop)
    options.stop:close()
    return task:join()
  end)
end

return M
