/*
 * driver: runs the target that FUZZ_TARGET names under libFuzzer.
 *
 * A Lua state runs some inputs and is then closed, which finds what they left
 * behind.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <sanitizer/lsan_interface.h>

#include "harness.h"

enum { INPUTS = 500, CLOSINGS = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void demand(bool fine, const struct fuzz *f)
{
    if (fine)
        return;
    fprintf(stderr, "%s\n", f->problem);
    abort();
}

static void look_for_leaks(void)
{
    if (__lsan_do_recoverable_leak_check() != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct fuzz fuzz;
    static int inputs;
    static int closings;
    const char *name = getenv("FUZZ_TARGET");

    if (inputs == 0)
        demand(fuzz_open(&fuzz, name ? name : ""), &fuzz);
    demand(fuzz_run(&fuzz, bytes, size), &fuzz);
    if (++inputs == INPUTS) {
        demand(fuzz_close(&fuzz), &fuzz);
        inputs = 0;
        if (++closings % CLOSINGS == 0)
            look_for_leaks();
    }
    return 0;
}
