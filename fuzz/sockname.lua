-- Decodes any bytes, of any length, as the kernel's answer to getsockname and
-- getpeername: the result is an address that encodes and decodes to the same.
--
-- Input: the number of allocations, or zero for no limit; then the answers, as
-- fuzz/kernel.h explains them.

local sockets = {
  core.socket("inet6", "dgram"), core.socket("unix", "stream"),
  core.socket("inet", "stream"),
}

local function check(name, s, requests, answers)
  local ok, address = fuzz.answered(answers, requests, s[name], s)
  if not ok then return fuzz.check_error(address) end
  if address == nil then return end
  local _, second = fuzz.answered(answers, 0, s[name], s)
  assert(address == second, "what the answer does not hold")
  local packed = address:pack()
  assert(#packed <= 128 and #tostring(address) < 1024)
  local decoded, again = pcall(core.unpack, packed)
  if decoded then
    assert(again == address and again:key() == address:key())
  else
    fuzz.check_error(again)
  end
end

return function(input)
  local requests, answers = input:byte() or 0, input:sub(2)
  for _, s in ipairs(sockets) do
    check("getsockname", s, requests, answers)
    check("getpeername", s, requests, answers)
  end
end
