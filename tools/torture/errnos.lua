-- The errors that the manual pages list for each call that the module makes:
-- the function of the C library -> errnos, with spaces between. Those that a
-- page takes over from other pages are with it: sendmmsg(2) from sendmsg(2).

local M = {}

local function add(names, list)
  for name in names:gmatch "%S+" do
    M[name] = M[name] or {}
    for code in list:gmatch "%S+" do table.insert(M[name], code) end
  end
end

local receiving <const> = "EAGAIN EBADF ECONNREFUSED EFAULT EINTR EINVAL " ..
  "ENOMEM ENOTCONN ENOTSOCK"
local sending <const> = "EACCES EAGAIN EALREADY EBADF ECONNRESET " ..
  "EDESTADDRREQ EFAULT EINTR EINVAL EISCONN EMSGSIZE ENOBUFS ENOMEM " ..
  "ENOTCONN ENOTSOCK EOPNOTSUPP EPERM EPIPE"
local path <const> = "EACCES EFAULT ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR"
local reading <const> = "EAGAIN EBADF EFAULT EINTR EINVAL EIO EISDIR"
local writing <const> = "EAGAIN EBADF EDESTADDRREQ EDQUOT EFAULT EFBIG " ..
  "EINTR EINVAL EIO ENOSPC EPERM EPIPE"
local seeking <const> = "ENXIO EOVERFLOW ESPIPE"
local resolving <const> = "EAI_AGAIN EAI_BADFLAGS EAI_FAIL EAI_FAMILY " ..
  "EAI_MEMORY EAI_SYSTEM"
-- Those of socket(2), bind(2), sendto(2) and recvmsg(2) that such calls make.
local interfaces <const> = "EACCES EAFNOSUPPORT EMFILE ENFILE ENOBUFS ENOMEM"

-- Sockets.
add("socket", "EACCES EAFNOSUPPORT EINVAL EMFILE ENFILE ENOBUFS ENOMEM " ..
    "EPROTONOSUPPORT")
add("socketpair", "EAFNOSUPPORT EFAULT EMFILE ENFILE EOPNOTSUPP " ..
    "EPROTONOSUPPORT")
add("bind", path .. " EADDRINUSE EADDRNOTAVAIL EBADF EINVAL ENOTSOCK EROFS")
add("listen", "EADDRINUSE EBADF ENOTSOCK EOPNOTSUPP")
add("accept4", "EAGAIN EBADF ECONNABORTED EFAULT EINTR EINVAL EMFILE ENFILE " ..
    "ENOBUFS ENOMEM ENOTSOCK EOPNOTSUPP EPERM EPROTO ENOSR " ..
    "ESOCKTNOSUPPORT EPROTONOSUPPORT ETIMEDOUT ENETDOWN ENOPROTOOPT " ..
    "EHOSTDOWN ENONET EHOSTUNREACH ENETUNREACH")
add("connect", "EACCES EPERM EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN " ..
    "EALREADY EBADF ECONNREFUSED EFAULT EINPROGRESS EINTR EISCONN " ..
    "ENETUNREACH ENOTSOCK EPROTOTYPE ETIMEDOUT")
add("shutdown", "EBADF EINVAL ENOTCONN ENOTSOCK")
add("getsockname", "EBADF EFAULT EINVAL ENOBUFS ENOTSOCK")
add("getpeername", "EBADF EFAULT EINVAL ENOBUFS ENOTCONN ENOTSOCK")
add("getsockopt", "EBADF EFAULT EINVAL ENOPROTOOPT ENOTSOCK")
add("setsockopt", "EBADF EDOM EFAULT EINVAL EISCONN ENOMEM ENOBUFS " ..
    "ENOPROTOOPT ENOTSOCK")
add("recv recvfrom recvmsg recvmmsg", receiving)
add("send sendto sendmsg sendmmsg", sending)

-- Descriptors and files.
add("close", "EBADF EDQUOT EINTR EIO ENOSPC")
add("dup", "EBADF EMFILE")
add("dup2 dup3", "EBADF EBUSY EINTR EINVAL EMFILE")
-- EAGAIN and EINTR are for locks alone, which the module does not ask for.
add("fcntl", "EACCES EBADF EBUSY EDEADLK EFAULT EINVAL EMFILE " ..
    "ENOLCK ENOTDIR EPERM")
add("ioctl", "EBADF EFAULT EINVAL ENOTTY")
add("flock", "EBADF EINTR EINVAL ENOLCK EAGAIN")
add("pipe2", "EFAULT EINVAL EMFILE ENFILE ENOPKG")
add("eventfd", "EINVAL EMFILE ENFILE ENODEV ENOMEM")
add("open openat", path .. " EBADF EBUSY EDQUOT EEXIST EFBIG EOVERFLOW " ..
    "EINTR EINVAL EISDIR EMFILE ENFILE ENODEV ENXIO ENOSPC EOPNOTSUPP " ..
    "EPERM EROFS ETXTBSY EAGAIN")
add("stat lstat fstatat", path .. " EBADF EINVAL EOVERFLOW")
add("fstat", "EBADF EFAULT ENOMEM EOVERFLOW")
add("chmod", path .. " EIO EPERM EROFS")
add("fchmodat", path .. " EBADF EINVAL EIO EOPNOTSUPP EPERM EROFS")
add("fchmod", "EBADF EIO EPERM EROFS")
add("unlink unlinkat", path .. " EBADF EBUSY EINVAL EIO EISDIR EPERM EROFS")
add("read readv", reading)
add("pread", reading .. " " .. seeking)
add("write writev", writing)
add("preadv2", reading .. " EOPNOTSUPP")
add("pwrite", writing .. " " .. seeking)
add("pwritev2", writing .. " " .. seeking .. " EOPNOTSUPP")
add("chdir", path .. " EIO")
add("lseek", "EBADF EINVAL " .. seeking)
add("sendfile", "EAGAIN EBADF EFAULT EINTR EINVAL EIO ENOMEM EOVERFLOW " ..
    "EPIPE ESPIPE")
add("splice", "EAGAIN EBADF EINTR EINVAL ENOMEM EPIPE ESPIPE")
add("mmap", "EACCES EAGAIN EBADF EEXIST EINVAL ENFILE ENODEV ENOMEM " ..
    "EOVERFLOW EPERM ETXTBSY")
add("malloc", "ENOMEM")

-- Waiting.
add("epoll_create1", "EINVAL EMFILE ENFILE ENOMEM")
add("epoll_ctl", "EBADF EEXIST EINVAL ELOOP ENOENT ENOMEM ENOSPC EPERM")
add("epoll_wait epoll_pwait2", "EBADF EFAULT EINTR EINVAL")
add("poll ppoll", "EFAULT EINTR EINVAL ENOMEM")
add("nanosleep", "EFAULT EINTR EINVAL")
add("sigtimedwait", "EAGAIN EINTR EINVAL")
add("timer_create", "EAGAIN EINVAL ENOMEM EOPNOTSUPP EPERM")
add("timer_delete", "EINVAL")
add("timer_settime", "EFAULT EINVAL")

-- Processes and signals.
add("fork", "EAGAIN ENOMEM ENOSYS")
add("execv execve execvp", path .. " E2BIG EAGAIN EINVAL EIO EISDIR ELIBBAD " ..
    "ENOEXEC EMFILE ENFILE EPERM ETXTBSY")
add("prctl", "EINVAL EPERM")
add("gethostname", "EFAULT EINVAL ENAMETOOLONG EPERM")
add("sethostname", "EFAULT EINVAL EPERM")
add("setsid", "EPERM")
add("setuid setgid", "EAGAIN EINVAL EPERM")
add("setgroups", "EFAULT EINVAL ENOMEM EPERM")
add("getrlimit setrlimit", "EFAULT EINVAL EPERM")
add("waitpid", "ECHILD EINTR EINVAL ESRCH")
add("kill", "EINVAL EPERM ESRCH")
add("sigaction", "EFAULT EINVAL")
add("sigpending", "EFAULT")
add("pthread_create", "EAGAIN EINVAL EPERM")
-- pidfd_open(2) and pidfd_send_signal(2), which are made by their numbers.
add("syscall", "EINVAL EMFILE ENFILE ENODEV ENOMEM ENOSYS EPERM ESRCH")

-- Names and interfaces.
add("getprotobyname_r getprotobynumber_r getservbyname_r getservbyport_r",
    "ERANGE")
add("gethostbyaddr_r", "EIO EMFILE ENFILE ENOMEM ERANGE")
add("getpwnam_r getgrnam_r", "EINTR EIO EMFILE ENFILE ENOMEM ERANGE")
add("getaddrinfo", resolving .. " EAI_ADDRFAMILY EAI_NODATA EAI_NONAME " ..
    "EAI_SERVICE EAI_SOCKTYPE")
add("getnameinfo", resolving .. " EAI_NONAME EAI_OVERFLOW")
add("getifaddrs", interfaces)
add("if_nameindex", interfaces)
add("if_nametoindex", interfaces .. " ENODEV")
add("if_indextoname", interfaces .. " ENXIO")

return M
