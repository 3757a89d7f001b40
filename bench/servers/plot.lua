-- C's time over each peer's, drawn: a line for each work, a dot for each peer.

local measure = require "bench.servers.measure"
local peers = require "bench.support.peers"

local M = {}

local left <const>, width <const>, step <const> = 230, 560, 30
local greatest <const> = 1.2
local colours = {
  c = "#555555", sockeye = "#d6332a", luasocket = "#1f77b4",
  cqueues = "#2ca02c", luv = "#9467bd", selectors = "#ff9f1c",
  asyncio = "#8c564b", node = "#17a2b8",
}

local function x_of(ratio)
  return left + math.min(ratio, greatest) / greatest * width
end

local function element(lines, text, ...)
  table.insert(lines, text:format(...))
end

local function axis(lines, bottom)
  for tenth = 0, 12, 2 do
    local x = x_of(tenth / 10)
    element(lines, '<line x1="%.0f" y1="40" x2="%.0f" y2="%d" stroke="%s"/>',
            x, x, bottom, tenth == 10 and "#999" or "#ddd")
    element(lines, '<text x="%.0f" y="%d" text-anchor="middle">%.1f</text>',
            x, bottom + 16, tenth / 10)
  end
  element(lines, '<text x="%.0f" y="%d" text-anchor="middle">%s</text>',
          left + width / 2, bottom + 36,
          "CPU time of C's server over this one's: further right is better")
end

local function dot(lines, name, x, y)
  element(lines, '<circle cx="%.1f" cy="%d" r="%d" fill="%s" ' ..
          'fill-opacity="0.9"><title>%s</title></circle>', x, y,
          name == "sockeye" and 7 or 5, colours[name], peers[name].title)
end

local function legend(lines, names)
  for i, name in ipairs(names) do
    local x = 20 + (i - 1) * 98
    dot(lines, name, x, 18)
    element(lines, '<text x="%d" y="22">%s</text>', x + 11, peers[name].title)
  end
end

--- The SVG of a list of {name =, results =}.
function M.draw(points, names)
  local bottom = 44 + #points * step
  local lines = {}
  element(lines, '<svg xmlns="http://www.w3.org/2000/svg" width="830" ' ..
          'height="%d" font-family="sans-serif" font-size="12">', bottom + 48)
  element(lines, '<rect width="100%%" height="100%%" fill="white"/>')
  legend(lines, names)
  axis(lines, bottom)
  for i, point in ipairs(points) do
    local y = 28 + i * step
    element(lines, '<text x="%d" y="%d" text-anchor="end">%s</text>',
            left - 12, y + 4, point.name)
    for j = #names, 1, -1 do
      if point.results[names[j]] then
        dot(lines, names[j], x_of((measure.ratio(point.results, names[j]))), y)
      end
    end
  end
  table.insert(lines, "</svg>\n")
  return table.concat(lines, "\n")
end

return M
