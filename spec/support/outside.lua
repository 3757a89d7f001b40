-- Specs that are to run outside of tasks, whatever world is asked for: patterns
-- of their names, and why.
return {
  ["SO_RCVTIMEO"] = "the kernel applies it only to its own waiting",
  ["SO_SNDTIMEO"] = "likewise",
  ["returns how much was written before its reader closed"] =
    "a pipe that may not block takes PIPE_BUF bytes, and write returns at once",
  ["a table for poll may be empty, and then poll waits the time given"] =
    "a signal handler that raises ends run, not the wait",
  ["a table that is changed while a task polls it"] =
    "it is polled by a loop of each kind",
  ["dup lets .*, by "] = "likewise",
  ["a socket that others have by .* is watched no more"] =
    "its loop has epoll, whatever the world has",
}
