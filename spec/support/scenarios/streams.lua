-- Scenarios: streams.

local sockeye = require "sockeye"

local kit = require "spec.support.scenarios.kit"

local add <const> = kit.add

local function add_stream(name, data, f)
  return add("a stream: " .. name, function()
    local a, b = sockeye.socketpair()
    if data then b:sendall(data) end
    return function() return f(sockeye.stream(a:settimeout(0)), b) end, {},
      { a, b }
  end)
end

add_stream("made and printed", nil, function(conn)
  return tostring(conn), conn:socket(), conn:fd(), conn:gettimeout()
end)
add_stream("read", "line\n12 rest of it", function(conn)
  return conn:read("L", "n", 3), conn:read_until " ", conn:read_some()
end)
add_stream("read up to several delimiters", "one\r\ntwo 34;rest", function(conn)
  return conn:read_until { "\n", "\r\n" },
    conn:read_until { pattern = "%s(%d+)();", max = 9 }, #conn:chunks(3)() > 0
end)
add_stream("a line that is too long", ("x"):rep(70000), function(conn)
  return pcall(conn.read, conn)
end)
add_stream("the bytes that wait", "data", function(conn)
  return conn:inq(), conn:write "x":outq() > 0, (pcall(conn.outqnsd, conn))
end)
add_stream("lines", "1 one\n2 two\n", function(conn)
  local t = {}
  for n, line in conn:lines("n", "l") do
    if not n then return t end
    t[n] = line
  end
end)
add_stream("written", nil, function(conn)
  conn:write("one", 2, 3.5):setvbuf "full":write("four", ("x"):rep(100))
  return conn:flush():shutdown "wr":close()
end)
add_stream("more than the peer takes", nil, function(conn)
  conn:write(("x"):rep(1000000))
  return conn:write "more", pcall(conn.close, conn)
end)
add("a stream: written to a FIFO in a task", function()
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkfifo " .. path))
  local both, to = assert(io.open(path, "r+")), assert(io.open(path, "w"))
  os.remove(path)
  local from <const> = sockeye.stream(both):socket():settimeout(5)
  local conn <const> = sockeye.stream(to)
  return function()
    sockeye.run(function()
      local _ <close> = conn
      conn:write(("x"):rep(5000)):flush()
      local left = 5000
      while left > 0 do left = left - #from:read(left) end
    end)
  end, {}, { from }
end).loops = true
add_stream("piped", "data", function(conn, b)
  local other <close>, far = sockeye.socketpair()
  local to <close> = sockeye.stream(far)
  b:shutdown "wr"
  return conn:pipe(to), other:recv(10, "dontwait")
end)
add_stream("piped to a file", "data", function(conn, b)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w+"))
  os.remove(path)
  b:shutdown "wr"
  return file:write "more" and conn:pipe(file, 2), conn:pipe(file), file:seek(),
    file:seek "set", file:read "a"
end)
add_stream("with a file", nil, function(conn)
  return conn:setvbuf "full":write "data":sendfile "tools/specs"
end)
add_stream("in a task", "line\n", function(conn, b)
  conn:settimeout()
  sockeye.run(function()
    sockeye.spawn(function()
      local _ <close> = conn
      for line in conn:lines() do conn:write(line, "\n") end
    end)
    assert(b:recv(5, "waitall") == "line\n")
    b:shutdown "wr"
  end)
end).loops = true
