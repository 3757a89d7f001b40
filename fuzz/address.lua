-- Reads any text as an address: it is rejected with the reason, or the address
-- prints as a text that means the same.

return function(text)
  local ok, a = pcall(core.address, text)
  if not ok then return fuzz.check_error(a) end
  local printed = tostring(a)
  local again = core.address(printed)
  assert(again == a, printed)
  assert(tostring(again) == printed, printed)
  assert(core.unpack(a:pack()) == a, printed)
end
