/*
 * vsock: addresses of virtual machines and their host, `struct sockaddr_vm`;
 * see family.h.
 *
 * vsock(7).
 */
#include "address/vsock.h"

#ifdef __linux__

#include <string.h>

#include "base/argument.h"
#include "base/field.h"
#include "base/kernel.h"

/* clang-format off */
static const struct name cid_rows[] = {
    {"any", (uint32_t)VMADDR_CID_ANY}, {"hypervisor", VMADDR_CID_HYPERVISOR},
    {"local", VMADDR_CID_LOCAL}, {"host", VMADDR_CID_HOST},
    {NULL, 0},
};

static const struct name port_rows[] = {
    {"any", (uint32_t)VMADDR_PORT_ANY},
    {NULL, 0},
};
/* clang-format on */

static const struct names cid_names = {
    "context id", {"VMADDR_CID_", NULL}, cid_rows};
static const struct names port_names = {
    "vsock port", {"VMADDR_PORT_", NULL}, port_rows};

static struct sockaddr_vm *vsock_of(struct address *a)
{
    return (void *)a->bytes;
}

static const struct sockaddr_vm *const_vsock(const struct address *a)
{
    return (const void *)a->bytes;
}

/* The octet after the context id is kept: it holds flags since Linux 5.11. */
static size_t normalise_vsock(struct address *a)
{
    size_t flags =
        offsetof(struct sockaddr_vm, svm_cid) + sizeof vsock_of(a)->svm_cid;

    vsock_of(a)->svm_reserved1 = 0;
    memset(a->bytes + flags + 1, 0, sizeof(struct sockaddr_vm) - flags - 1);
    return sizeof(struct sockaddr_vm);
}

static void push_cid(lua_State *L, const struct address *a)
{
    lua_pushinteger(L, const_vsock(a)->svm_cid);
}

static void push_port(lua_State *L, const struct address *a)
{
    lua_pushinteger(L, const_vsock(a)->svm_port);
}

static const struct address_field vsock_fields[] = {
    {"cid", push_cid},
    {"port", push_port},
    {NULL, NULL},
};

/* Print "any", or the number. */
static void print_number(lua_State *L, uint32_t number)
{
    if (number == UINT32_MAX)
        lua_pushliteral(L, "any");
    else
        lua_pushfstring(L, "%I", (LUAI_UACINT)number);
}

static void print_vsock(lua_State *L, const struct address *a)
{
    lua_pushstring(L, vsock_family.prefix);
    print_number(L, const_vsock(a)->svm_cid);
    lua_pushliteral(L, ":");
    print_number(L, const_vsock(a)->svm_port);
    lua_concat(L, 4);
}

static const char *parse_vsock(lua_State *L, struct address *a,
                               const char *text)
{
    struct sockaddr_vm *vm = vsock_of(a);
    char cid[32];
    size_t length = strcspn(text, ":");

    (void)L;
    if (length >= sizeof cid || text[length] != ':')
        return "context id and port expected";
    memcpy(cid, text, length);
    cid[length] = '\0';
    if (!names_parse(&cid_names, cid, UINT32_MAX, &vm->svm_cid))
        return "unknown context id";
    if (!names_parse(&port_names, text + length + 1, UINT32_MAX, &vm->svm_port))
        return "port is not a number from 0 to 4294967295";
    return NULL;
}

/* Return the number for the name, or the number of 32 bits, at `arg`. */
static uint32_t check_word(lua_State *L, int arg, const struct names *names)
{
    if (lua_type(L, arg) == LUA_TNUMBER)
        return (uint32_t)field_check_range(L, arg, 0, UINT32_MAX);
    return (uint32_t)names_check(L, arg, names);
}

/*** Make an address of a virtual machine or its host (vsock(7)).
@function vsock
@param cid the context id: `"any"`, `"hypervisor"`, `"local"`, `"host"` (also
`"VMADDR_CID_HOST"`), or a number
@param port a number of 32 bits; or `"any"` to let the kernel choose
@treturn Address
@raise argument error for an unknown name, or a number out of range
@usage local a = sockeye.vsock("host", 1024)
*/
static int sockeye_vsock(lua_State *L)
{
    uint32_t cid = check_word(L, 1, &cid_names);
    uint32_t port = check_word(L, 2, &port_names);
    struct address *a = address_new(L);

    address_reset(a, &vsock_family);
    vsock_of(a)->svm_cid = cid;
    vsock_of(a)->svm_port = port;
    return 1;
}

static bool is_any(const struct address *a)
{
    return const_vsock(a)->svm_cid == VMADDR_CID_ANY;
}

static bool is_loopback(const struct address *a)
{
    return const_vsock(a)->svm_cid == VMADDR_CID_LOCAL;
}

static void open_family(lua_State *L)
{
    lua_pushcfunction(L, sockeye_vsock);
    lua_setfield(L, -2, "vsock");
    names_export(L, &cid_names);
    names_export(L, &port_names);
}

const struct address_family vsock_family = {
    .family = AF_VSOCK,
    .prefix = "vsock:",
    .normalise = normalise_vsock,
    .parse = parse_vsock,
    .print = print_vsock,
    .fields = vsock_fields,
    .is = {is_any, is_loopback, NULL},
    .open = open_family,
};

#endif
