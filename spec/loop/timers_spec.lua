local sockeye = require "sockeye"

local run, spawn, sleep = sockeye.run, sockeye.spawn, sockeye.sleep
local timeout = sockeye.timeout

-- The order in which tasks wake that sleep until times so far apart.
local function order_of(gap)
  local order = {}
  run(function()
    local start = sockeye.now() + gap
    for _, n in ipairs { 5, 1, 4, 2, 3, 0 } do
      spawn(function()
        sleep(math.max(0, start + n * gap - sockeye.now()))
        table.insert(order, n)
      end)
    end
  end)
  return table.concat(order, " ")
end

describe("sleep", function()
  -- On a busy machine a task may begin to sleep too late for a small gap.
  it("wakes tasks in the order of their times", function()
    local order
    for _, gap in ipairs { 0.002, 0.02, 0.2, 2 } do
      order = order_of(gap)
      if order == "0 1 2 3 4 5" then break end
    end
    assert.equal("0 1 2 3 4 5", order)
  end)

  it("lasts as long as was asked for", function()
    run(function()
      for _, seconds in ipairs { 0, 0.0001, 0.003 } do
        local start = sockeye.now()
        sleep(seconds)
        assert.is_true(sockeye.now() - start >= seconds)
      end
    end)
  end)

  it("lets thousands of tasks sleep", function()
    local count = 0
    run(function()
      for i = 1, 20000 do
        spawn(function()
          sleep((i * 7919 % 100) / 5000)
          count = count + 1
        end)
      end
    end)
    assert.equal(20000, count)
  end)

  it("can be cut short and begun again many times", function()
    run(function()
      local t = spawn(function()
        for _ = 1, 100 do pcall(timeout, 0.0001, sleep, 50) end
        for _ = 1, 100 do pcall(timeout, 50, sleep, 0.0001) end
        return "done"
      end)
      assert.equal("done", t:join())
    end)
  end)
end)
