/*
 * plan: the state of the faults, and whose calls they meet.
 */
#include "plan.h"

#if TORTURE_AVAILABLE

#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define ENTRY(name) #name,
const char *const torture_names[CALL_COUNT] = {CALLS(ENTRY)};
#undef ENTRY

struct plan torture_plan;

/* The addresses of a library's code. */
struct range {
    uintptr_t from, to;
};

static struct range module, c_library;

static bool within(const struct range *range, const void *address)
{
    return (uintptr_t)address - range->from < range->to - range->from;
}

static bool ends_in(const char *text, const char *end)
{
    size_t length = strlen(text), wanted = strlen(end);

    return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

static int note_object(struct dl_phdr_info *info, size_t size, void *data)
{
    const void *libc = data;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        struct range range = {info->dlpi_addr + part->p_vaddr, 0};

        range.to = range.from + part->p_memsz;
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
            continue;
        if (within(&range, libc))
            c_library = range;
        else if (ends_in(info->dlpi_name, "sockeye/core.so"))
            module = range;
    }
    return 0;
}

bool torture_find_code(void)
{
    dl_iterate_phdr(note_object, dlsym(RTLD_DEFAULT, "strerror"));
    return module.to != 0 && c_library.to != 0;
}

bool torture_in_module(const void *address)
{
    return within(&module, address);
}

bool torture_in_libc(const void *address)
{
    return within(&c_library, address);
}

int torture_hit(enum call call)
{
    struct plan *plan = &torture_plan;
    int number = atomic_fetch_add(&plan->counts[call], 1) + 1;

    if ((int)call != plan->call || number < plan->first || number > plan->last)
        return 0;
    atomic_fetch_add(&plan->fired, 1);
    return plan->error;
}

int torture_fault(enum call call, const void *caller)
{
    int error;

    if (!torture_plan.armed || !torture_in_module(caller))
        return 0;
    error = torture_hit(call);
    if (error == EINTR && torture_plan.signalled)
        kill(torture_plan.process, SIGUSR1);
    return error;
}

void torture_count(int difference, const void *caller)
{
    if (torture_in_module(caller))
        atomic_fetch_add(&torture_plan.blocks, difference);
}

#endif
