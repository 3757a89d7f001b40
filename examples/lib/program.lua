-- Ends a program: after a wrong command line, after an error, and at its end.

local M = {}

--- Returns a function that prints the lines, and before them the reason that it
-- is called with, to standard error and exits with 2.
function M.usage(...)
  local text = table.concat({ ... }, "\n") .. "\n"
  return function(reason)
    io.stderr:write(reason and reason .. "\n" or "", text)
    os.exit(2)
  end
end

--- Calls f, and exits with the status that it returns, 0 for none. If it raises
-- an error, prints this behind `prefix` and exits with `failure`, 1 unless
-- given.
function M.run(f, prefix, failure)
  local ok, result = pcall(f)
  if not ok then
    io.stderr:write(prefix or "", tostring(result), "\n")
    result = failure or 1
  end
  os.exit(result or 0, true)
end

return M
