-- What a failed call may come to, where that is not its error raised as it is.

local M = {}

-- Rules: the first that fits a fault decides. calls and codes are words with
-- spaces between, codes nil stands for all; scenario is a pattern.
-- `as` says what may come of it: "same", what comes without the fault; or a
-- pattern of the text of what is raised. Nil: whatever the call itself raises
-- or returns.
local rules = {}

local function rule(why, calls, codes, as, scenario)
  local function set(words)
    local members = {}
    for word in words:gmatch "%S+" do members[word] = true end
    return members
  end
  rules[#rules + 1] = { why = why, calls = set(calls), as = as,
                        codes = codes and set(codes), scenario = scenario }
end

rule("what is not ready is waited for, as long as the time-out says",
     "accept4 connect recv recvfrom recvmsg recvmmsg send sendto sendmsg " ..
     "sendmmsg read write splice sendfile sigtimedwait pwrite", "EAGAIN")
rule("a connection that is being made is waited for", "connect",
     "EINPROGRESS EALREADY")
rule("where descriptors have run out, garbage is collected, and the call is " ..
     "made again",
     "accept4 dup dup2 epoll_create1 eventfd fcntl gethostbyaddr_r " ..
     "getifaddrs " ..
     "if_indextoname if_nameindex if_nametoindex open openat pipe2 socket " ..
     "socketpair syscall", "EMFILE ENFILE", "same")
rule("a descriptor is closed whatever close(2) reports", "close", nil, "same")
rule("what cannot be examined is moved in a way that suits anything",
     "fstat", nil, "same")
rule("without a pipe, bytes are copied", "pipe2", nil, "same", "splice")
rule("without a pipe, bytes are copied", "pipe2", nil, "same", "piped")
rule("what the kernel cannot move, is copied", "sendfile splice", "EINVAL",
     "same")
rule("less memory will do", "mmap", nil, "same", "much asked for")
rule("fewer messages will do", "mmap", nil, "same", "recvmany")
rule("flags that cannot be restored stay", "fcntl", nil, "same")
rule("what is received and cannot be examined is of an unknown kind",
     "getsockname getsockopt", nil, "same", "descriptors")
rule("what is received and cannot be set up is as it came", "fcntl", nil,
     "same", "descriptors")
rule("what is no socket is another descriptor", "getsockopt", "ENOTSOCK",
     "same", "^adopt")
rule("what is no socket is another descriptor", "getsockopt", "ENOTSOCK",
     "same", "^a stream of a Lua file")
rule("what cannot be sent without a copy is sent with one",
     "getsockopt setsockopt recvmsg", nil, nil, "without copies")
rule("what cannot be sent without a copy is sent with one", "sendmsg",
     "ENOBUFS", "same", "without copies")
rule("an option that the kernel may lack is left out", "setsockopt", nil,
     "same", "netlink")
rule("SO_SNDTIMEO that cannot be restored stays", "setsockopt", nil, "same",
     "^connect")
rule("a protocol that does not report its state has one by what is known",
     "getsockopt", "ENOPROTOOPT EINVAL", nil, "state")
rule("options that the system lacks are no error of the scenario",
     "getsockopt", nil, nil, "^what MPTCP")
rule("the poller need not watch what is always ready, or again", "epoll_ctl",
     "EEXIST ENOENT EPERM")
rule("a thread for which its stack is too small gets a larger one",
     "pthread_create", "EINVAL", "same")
rule("signals are not sent again where there are no timers",
     "timer_create timer_delete timer_settime", nil, "same")
rule("a connection that fails before it is accepted is no error of a server",
     "accept4", "ECONNABORTED EPROTO EPERM ENETDOWN ENOPROTOOPT EHOSTDOWN " ..
     "ENONET EHOSTUNREACH EOPNOTSUPP ENETUNREACH", nil, "^serve")
rule("a server that lacks memory accepts again later", "accept4",
     "ENOBUFS ENOMEM EMFILE ENFILE", nil, "^serve")
rule("what has ended a server is not replaced by what fails at its end",
     "accept4 epoll_ctl", nil, "same", "^serve")
rule("an option that only makes the connection quicker is left out",
     "setsockopt", nil, "same", "^serve")
rule("an option that only makes the connection quicker is left out",
     "setsockopt", nil, "same", "^listen and connect")
rule("a handler that cannot be put back stays", "sigaction", nil, "same",
     "signal")
for _, scenario in ipairs { "signal", "^a handler" } do
  rule("gettid(2) does not fail, whatever syscall(2) does", "syscall", nil,
       "same", scenario)
end
for _, scenario in ipairs { "^a timeout", "^a process" } do
  rule("a limit that the kernel does not report is none", "getsockopt", nil,
       "same", scenario)
end
rule("a loop that is closed raises no more",
     "epoll_wait epoll_pwait2 poll ppoll", nil, "same", "closed early")
rule("the C library reports ENOBUFS where descriptors have run out",
     "if_nameindex", "ENOBUFS", "same")
rule("a folder that cannot be locked does not keep its paths from use",
     "open fstatat flock", nil, "same", "^listen at a path")
rule("the scenario expects this very error", "connect", "ECONNREFUSED", "same",
     "is refused$")
rule("the C library gives another reason", "malloc", nil,
     "connect [^ ]+: ", "^connect to a name")
rule("what has no attempts that do not block is read or written once it is " ..
     "ready", "preadv2 pwritev2", "EAGAIN EINVAL EOPNOTSUPP", "same")
rule("a FIFO that cannot be opened once more is written in small pieces",
     "open fcntl fstat", nil, "same", "written to a FIFO")
rule("the usual actions of a child's signals are set where they can be",
     "sigaction", nil, "same", "^a process")
rule("a child that is no longer known has been lost", "waitpid", nil, nil,
     "^a process")
rule("what a child's step failed with is reported by memory, too", "write",
     nil, "same", "^a process that does not exist")
rule("a file that is no program is given to the shell", "execve", "ENOEXEC",
     nil, "^a process")
rule("where descriptors have run out, garbage is collected, and the call is " ..
     "made again", "execve", "EMFILE ENFILE", "same", "^a process")
rule("a process that cannot be signalled is left alone", "kill", nil, nil,
     "^a process")
rule("a process that is no longer known has been lost", "syscall",
     "EPERM ESRCH", nil, "^a process")
rule("a child of which poll(2) cannot tell is asked again and again",
     "poll ppoll", nil, "same", "^a process")
rule("a name is looked up again, or with more room", "getpwnam_r getgrnam_r",
     "EINTR ERANGE", "same")
for _, scenario in ipairs { "^a child", "^fork by", "^a process" } do
  rule("a child that cannot be watched is asked again and again",
       "epoll_ctl syscall", nil, "same", scenario)
end
rule("what does not fit is asked for with more room", "gethostbyaddr_r " ..
     "getprotobyname_r " ..
     "getprotobynumber_r getservbyname_r getservbyport_r", "ERANGE", "same")
for _, scenario in ipairs { "^resolve", "^serve", "connect" } do
  rule("a host is read as a number first", "getaddrinfo", nil, "same",
       scenario)
end
rule("getaddrinfo(3) leaves the reason in errno", "getaddrinfo getnameinfo",
     "EAI_SYSTEM", "Input/output error")
for _, scenario in ipairs { "^resolve", "^nameinfo", "^gethostbyaddr",
                         "^connect to a name" } do
  rule("the end of a pipe is as good a notice as a byte", "write", nil, "same",
       scenario)
end
rule("what fails in a handler is reported by the server, and its peer sees " ..
     "the end of the connection", "malloc recv recvmsg send sendmsg", nil, nil,
     "^serve")
rule("the first error is raised, not what comes after it",
     "epoll_wait epoll_pwait2 recvmsg poll ppoll read", nil, "same",
     "^run whose task fails")
rule("the first error is raised, not what comes after it",
     "epoll_wait epoll_pwait2 poll ppoll", nil, "same", "^a deadlock")
rule("the scenario handles the error", "recv recvmsg send", nil, "same",
     "^a stream:")
rule("the C library gives another reason", "malloc", nil,
     "resolve [^ ]+: ", "^resolve")
rule("the C library gives another reason", "malloc", nil,
     "gethostbyaddr [^ ]+: ", "^gethostbyaddr")
rule("the C library gives another reason", "malloc", nil, "ENOBUFS",
     "^if_nameindex")
rule("the C library finds nothing", "malloc", nil, nil, "^getserv")
rule("the C library finds nothing", "malloc", nil, nil, "^getproto")
rule("a name is printed as a number", "malloc", nil, nil, "^nameinfo")
rule("a connection that was being made has been made", "connect", "EISCONN")
rule("a datagram socket without a peer has a state, too", "getpeername",
     "ENOTCONN", nil, "state")
rule("the scenario handles the error", "getpeername", nil, "same",
     "an error that is raised")
rule("the peer's address is asked for otherwise, or left out", "getpeername",
     nil, "same", "^a stream")
rule("SIGPIPE is kept from the process all the same",
     "sigpending sigtimedwait", nil, "same")
rule("an interface that has no name is received by its number", "ioctl", nil,
     nil, "^recvmsg of a datagram")
rule("an interface that has no name is printed by its number",
     "if_indextoname", nil, nil, "^printing")
rule("what is printed leaves out what is not known", "getsockname getpeername",
     nil, nil, "tostring")
rule("what is printed leaves out what is not known", "getsockname getpeername",
     nil, "same", "printed")
rule("what is not known of a socket is left out of the list",
     "getsockname getpeername getsockopt", nil, "same", "^sockets that")
rule("a count that the system does not have is not supported", "ioctl",
     "ENOTTY", "EOPNOTSUPP", "the bytes that wait")
rule("the scenario handles the error", "ioctl", nil, "same",
     "^a stream: the bytes")
rule("the scenario handles the error", "sethostname", nil, "same",
     "^the name of the host")
rule("there is no such interface", "if_nametoindex", "ENODEV",
     "bad argument")

local function fits(r, scenario, call, code)
  return r.calls[call] and (not r.codes or r.codes[code]) and
    (not r.scenario or scenario:find(r.scenario))
end

local function allows(r, report, reference)
  if not r.as then return true end
  if r.as == "same" then
    return report.how == reference.how and report.code == reference.code
  end
  return report.how == "raised" and report.text:find(r.as) ~= nil
end

--- Whether the fault may end as reported.
function M.may(scenario, call, code, report, reference)
  for _, r in ipairs(rules) do
    if fits(r, scenario, call, code) and allows(r, report, reference) then
      return true
    end
  end
  return false
end

-- Calls that are one attempt: less than was asked for is their answer.
local single <const> = {
  "^recv of little", "^recv of much$", "^recv with", "^recvfrom", "^read",
  "^write", "^send$", "^recv by", "^sendmsg", "^recvmsg", "^send by",
  "would wait",
  "^a stream: read$", "^a stream: piped",
}

--- Whether less is an answer.
function M.single(scenario)
  for _, pattern in ipairs(single) do
    if scenario:find(pattern) then return true end
  end
  return false
end

return M
