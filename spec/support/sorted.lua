-- For loops: the names of a table and their values, in the order of the names.

return function(t)
  local names = {}
  for name in pairs(t) do table.insert(names, name) end
  table.sort(names)
  local i = 0
  return function()
    i = i + 1
    return names[i], t[names[i]]
  end
end
