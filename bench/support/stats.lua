-- Medians and ranges.

local M = {}

--- The middle of a list of numbers.
function M.median(list)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  local middle = #sorted // 2
  if #sorted % 2 == 1 then return sorted[middle + 1] end
  return (sorted[middle] + sorted[middle + 1]) / 2
end

--- The least and the greatest of a list of numbers.
function M.range(list)
  return math.min(table.unpack(list)), math.max(table.unpack(list))
end

return M
