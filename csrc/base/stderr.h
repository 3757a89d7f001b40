/*
 * stderr: lines on standard error that nobody waits for.
 */
#ifndef SOCKEYE_BASE_STDERR_H
#define SOCKEYE_BASE_STDERR_H

#include <stddef.h>

/* Write the text, which ends with a line feed, to standard error. Where that
 * would have to wait, or fails, the rest of the text is dropped and counted; the
 * next text that can be written follows a line with the count. Never raises,
 * waits or delivers SIGPIPE, and keeps errno. */
void stderr_write(const char *text, size_t length);

#endif
