-- Reads the options of a command line: letters before, between or after the
-- other words, as "-v -c 5", "-v -c5" or "-vc5". No option follows "--".

local M = {}

local function value_of(text, kind)
  if kind == "text" then return text end
  local number = tonumber(text)
  if kind.integer then number = math.tointeger(number) end
  return number and number >= kind[1] and number <= kind[2] and number or nil
end

-- Takes the options of one word without its "-". A value may be the next word;
-- returns the place of the last word that was used.
local function take(options, letters, list, i, kinds, usage)
  while letters ~= "" do
    local letter, rest = letters:match "^(.)(.*)$"
    local kind = kinds[letter]
    if kind == "flag" then
      options[letter], letters = true, rest
    elseif kind then
      if rest == "" then i, rest = i + 1, list[i + 1] end
      options[letter], letters = value_of(rest, kind) or usage(), ""
    else
      usage()
    end
  end
  return i
end

--- Returns the options by their letters, and a list of the other words. `kinds`
-- has for each letter "flag", "text", or the limits of a number: { 1, 255,
-- integer = true }. Calls `usage`, which does not return, for anything else.
function M.parse(list, kinds, usage)
  local options, words, i = {}, {}, 1
  while list[i] and list[i] ~= "--" do
    local letters = list[i]:match "^%-(.+)$"
    if letters then
      i = take(options, letters, list, i, kinds, usage)
    else
      words[#words + 1] = list[i]
    end
    i = i + 1
  end
  return options, table.move(list, i + 1, #list, #words + 1, words)
end

--- Returns the words of a command line that has no options. Calls `usage`
-- unless there are at least `least` and at most `most`.
function M.words(list, least, most, usage)
  local _, words = M.parse(list, {}, usage)
  if #words < least or #words > most then usage() end
  return words
end

--- Returns the family that -4 or -6 ask for; nil for any.
function M.family(options)
  return options["4"] and "inet" or options["6"] and "inet6" or nil
end

return M
