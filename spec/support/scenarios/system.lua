-- Scenarios: names, processes, signals and netlink.

local netlink = require "sockeye.netlink"
local sockeye = require "sockeye"

local databases = require "spec.support.databases"
local kit = require "spec.support.scenarios.kit"

local add <const> = kit.add
local add_call <const> = kit.add_call
local datagram <const> = kit.datagram

-- Names.
add_call("resolve of a number", sockeye.resolve, "127.0.0.1", "80")
add_call("resolve of a name", sockeye.resolve,
         databases.localhost() and "localhost" or "127.0.0.1",
         databases.services() and "http" or "80",
         { type = "stream", flags = "canonname" })
add_call("resolve that fails", pcall, sockeye.resolve, "nosuch", nil,
         { flags = "numerichost" })
add_call("resolver", sockeye.resolver, { threads = 64 })
add_call("nameinfo", sockeye.nameinfo, "127.0.0.1:80", "numerichost")
add_call("gethostbyaddr", databases.localhost() and sockeye.gethostbyaddr or
         function(host) pcall(sockeye.gethostbyaddr, host) end, "127.0.0.1")
add_call("idn", sockeye.idn, "bücher.example")
add_call("endpoint", sockeye.endpoint, "host", { port = 53 })
add_call("interfaces", sockeye.interfaces)
add_call("if_nametoindex", sockeye.if_nametoindex, "lo")
add_call("if_indextoname", sockeye.if_indextoname, 1)
add_call("if_nameindex", sockeye.if_nameindex)
add_call("getservbyname", sockeye.getservbyname, "domain", "udp")
add_call("getservbyport", sockeye.getservbyport, 53)
add_call("getprotobyname", sockeye.getprotobyname, "tcp")
add_call("getprotobynumber", sockeye.getprotobynumber, 6)

-- Processes.
add_call("pipe", sockeye.pipe)
add("dup2", function()
  local s = datagram()
  local t = datagram()
  return sockeye.dup2, { s, t:fd() }, { s, t }
end)
add_call("execve that fails", pcall, sockeye.execve, "/nosuch",
         { "nosuch", "argument" }, { NAME = "value", OTHER = "5" })
add_call("execvp that fails", pcall, sockeye.execvp, "/nosuch", { "nosuch" })
add_call("waitpid that fails", pcall, sockeye.waitpid, nil, "nohang")
add_call("kill, getpid and getppid", function()
  return sockeye.kill(sockeye.getpid(), 0), sockeye.getppid()
end)
add_call("signal", function()
  local before = sockeye.signal("SIGUSR2", print)
  sockeye.signal("SIGUSR2", before)
end)
add_call("a signal handler", function()
  local came
  sockeye.signal("SIGUSR2", function(name) came = name end)
  sockeye.kill(sockeye.getpid(), "SIGUSR2")
  sockeye.sleep(0)
  sockeye.signal("SIGUSR2", "ignore")
  return came
end)

-- Netlink.
local report = netlink.encode {
  type = netlink.NLMSG_ERROR, flags = netlink.NLM_F_ACK_TLVS,
  data = string.pack("=i4", -1) .. netlink.encode { type = 16, data = "data" }
    .. netlink.attribute(1, "a reason") .. netlink.attribute(3, "cookie"),
}
add_call("netlink.decode", netlink.decode, report .. report)
add_call("netlink.decode of a part", pcall, netlink.decode, report, 2)
add_call("netlink.encode", netlink.encode,
         { type = 16, seq = 1, data = ("x"):rep(2000) })
add_call("netlink.attributes", netlink.attributes,
         netlink.attribute(1, "one") .. netlink.attribute(2, "two", "nested"))
add_call("netlink.attribute", netlink.attribute, 1, ("x"):rep(2000))
add_call("netlink.links", netlink.links)
