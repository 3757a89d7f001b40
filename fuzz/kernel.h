/*
 * kernel: system calls that a target answers in the kernel's place.
 *
 * While fuzz.answered runs, getsockopt, getsockname, getpeername and recvmmsg
 * take what they return from a string. Each answer begins with an error number,
 * of one byte: the call fails with it unless it is zero. After the string's end
 * come zeros. Numbers have their lowest byte first.
 *
 * getsockopt, getsockname, getpeername: the length that is returned (four
 * bytes), which may be larger than what the caller has offered; the number of
 * bytes that are written (two bytes), and these.
 *
 * recvmmsg: the number of messages (one byte); then for each its length and its
 * flags (two bytes each); the length of the sender's address (one byte), and
 * the address; the length of the control data (two bytes), and these. Message n
 * consists of the byte n, over and over. Descriptors in control data are
 * replaced by open ones.
 */
#ifndef SOCKEYE_FUZZ_KERNEL_H
#define SOCKEYE_FUZZ_KERNEL_H

#include <lua.h>

/* answered(answers, requests, f, ...): calls f, as pcall does, with limited
 * memory if `requests` is not zero. No finalizer runs meanwhile. */
int kernel_answered(lua_State *L);

#endif
