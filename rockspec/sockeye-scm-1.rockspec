local package_name = "sockeye"
local package_version = "scm"
local rockspec_revision = "1"
local home = "github.com/sockeye-lua/sockeye"
local development = package_version == "scm"

rockspec_format = "3.0"
package = package_name
version = package_version .. "-" .. rockspec_revision

source = {
  url = "git+https://" .. home .. ".git",
  branch = development and "main" or nil,
  tag = not development and "v" .. package_version or nil,
}

description = {
  summary = "Berkeley sockets for Lua 5.4",
  detailed = [[
    The socket calls and the sockaddr structures as userdata, under their
    manual pages' own names: TCP, UDP and Unix sockets, typed socket
    options, errors that can be compared, time-outs, name resolution and
    processes.
  ]],
  homepage = "https://" .. home,
  license = "MIT",
  labels = { "network", "posix", "linux" },
}

supported_platforms = { "unix" }

dependencies = { "lua ~> 5.4" }

-- The Makefile has the one list of files and flags.
build = {
  type = "make",
  build_target = "build",
  install_target = "install",
  build_variables = {
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    LIBFLAG = "$(LIBFLAG)",
  },
  install_variables = {
    LIBDIR = "$(LIBDIR)",
    LUADIR = "$(LUADIR)",
  },
  copy_directories = { "docs", "examples" },
}

test = {
  type = "command",
  command = "make test",
}
