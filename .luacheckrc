std = "lua54"
max_line_length = 80
cache = false
self = false
exclude_files = { "build" }

files["spec/**/*_spec.lua"] = { std = "+busted" }
files["spec/support"] = { std = "+busted" }
files["config.ld"] = { allow_defined = true, ignore = { "111", "131" } }
files["rockspec"] = { std = "+rockspec" }
files["fuzz"] = { read_globals = { "core", "fuzz" } }
