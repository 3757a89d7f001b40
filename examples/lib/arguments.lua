-- The options of a command line: of one letter each, before, between or after
-- the other words; "-c 5" or "-c5". What follows "--" is no option.

local M = {}

local function value_of(text, kind)
  if kind == "text" then return text end
  local number = tonumber(text)
  if kind.integer then number = math.tointeger(number) end
  return number and number >= kind[1] and number <= kind[2] and number or nil
end

--- The options by their letters, and a list of the other words. `kinds` has for
-- each letter "flag", "text", or the limits of a number: { 1, 255, integer =
-- true }. Where something does not fit, `usage` is called, and does not return.
function M.parse(list, kinds, usage)
  local options, words, i = {}, {}, 1
  while list[i] and list[i] ~= "--" do
    local letter, rest = list[i]:match "^%-(.)(.*)$"
    local kind = kinds[letter]
    if not letter then
      words[#words + 1] = list[i]
    elseif kind == "flag" and rest == "" then
      options[letter] = true
    elseif kind and kind ~= "flag" then
      if rest == "" then i, rest = i + 1, list[i + 1] end
      options[letter] = value_of(rest, kind) or usage()
    else
      usage()
    end
    i = i + 1
  end
  return options, table.move(list, i + 1, #list, #words + 1, words)
end

--- The family that -4 or -6 ask for; nil where it may be any.
function M.family(options)
  return options["4"] and "inet" or options["6"] and "inet6" or nil
end

return M
