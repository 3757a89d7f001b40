/*
 * argument: raises errors about wrong arguments; see argument.h.
 *
 * The name of a function that Lua code has called is the one that the code
 * used. For one that C has called it is looked up: in the tables of methods of
 * the library's types, which are in the registry, and in its modules in
 * package.loaded, as luaL_argerror does.
 */
#include <string.h>

#include "base/argument.h"
#include "base/error_where.h"

#define PREFIX "sockeye"

static bool begins_with_prefix(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TSTRING &&
           strncmp(lua_tostring(L, index), PREFIX, sizeof PREFIX - 1) == 0;
}

/* Replace the table on top by the key of the value at `function`, a string. Or
 * pop the table and return false. */
static bool find_key(lua_State *L, int function)
{
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (lua_rawequal(L, -1, function) && lua_type(L, -2) == LUA_TSTRING) {
            lua_pop(L, 1);
            lua_remove(L, -2);
            return true;
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return false;
}

/* Push the field `name` of the table on top, read raw, if it is a table. */
static bool push_table(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    if (lua_rawget(L, -2) == LUA_TTABLE)
        return true;
    lua_pop(L, 1);
    return false;
}

/* Push the name of the method at `function` of the type whose metatable is on
 * top; or of the metamethod. */
static bool push_method(lua_State *L, int function)
{
    if (push_table(L, "__index") && find_key(L, function))
        return true;
    lua_pushvalue(L, -1);
    return find_key(L, function);
}

/* Push the name of the function in the module on top, after that of the module
 * at -2. */
static bool push_function(lua_State *L, int function)
{
    lua_pushvalue(L, -1);
    if (!find_key(L, function))
        return false;
    lua_pushfstring(L, "%s.%s", lua_tostring(L, -3), lua_tostring(L, -1));
    lua_remove(L, -2);
    return true;
}

typedef bool push_name(lua_State *L, int function);

/* Push what `push` pushes for the first table for which it pushes something, of
 * those in the table on top whose key begins with the library's name; pop the
 * table. */
static bool search(lua_State *L, int function, push_name *push)
{
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (begins_with_prefix(L, -2) && lua_istable(L, -1) &&
            push(L, function)) {
            lua_replace(L, -4);
            lua_pop(L, 2);
            return true;
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return false;
}

/* Push the name of the function at the absolute index. */
static bool push_known_name(lua_State *L, int function)
{
    lua_pushvalue(L, LUA_REGISTRYINDEX);
    if (search(L, function, push_method))
        return true;
    if (lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE) == LUA_TTABLE)
        return search(L, function, push_function);
    lua_pop(L, 1);
    return false;
}

/* Whether Lua code has called the function by a name of its own. */
static bool is_named(const lua_Debug *ar)
{
    return ar->name != NULL && strcmp(ar->namewhat, "metamethod") != 0 &&
           strcmp(ar->namewhat, "for iterator") != 0 &&
           strcmp(ar->namewhat, "hook") != 0;
}

/* Push the name of the function that runs at this level of the stack. Lua has
 * "?" for a call of object[name]. */
static void push_call(lua_State *L, lua_Debug *ar)
{
    int function;

    lua_getinfo(L, "nf", ar);
    function = lua_gettop(L);
    if ((is_named(ar) && strcmp(ar->name, "?") != 0) ||
        !push_known_name(L, function))
        lua_pushstring(L, ar->name != NULL ? ar->name : "?");
    lua_remove(L, function);
}

/* Raise the text, after the position of the script's line. */
static int raise(lua_State *L)
{
    return error_raise_misuse(L, lua_tostring(L, -1));
}

int argument_error(lua_State *L, int arg, const char *what)
{
    lua_Debug ar = {.namewhat = ""};
    int level;

    luaL_checkstack(L, 12, what);
    level = error_level(L);
    if (!lua_getstack(L, level, &ar)) {
        lua_pushfstring(L, "bad argument #%d (%s)", arg, what);
        return raise(L);
    }
    push_call(L, &ar);
    if (level > 0) {
        lua_pushfstring(L, "bad argument to '%s' (%s)", lua_tostring(L, -1),
                        what);
        return raise(L);
    }
    if (strcmp(ar.namewhat, "method") == 0)
        arg--;
    if (arg == 0)
        lua_pushfstring(L, "calling '%s' on bad self (%s)", lua_tostring(L, -1),
                        what);
    else
        lua_pushfstring(L, "bad argument #%d to '%s' (%s)", arg,
                        lua_tostring(L, -1), what);
    return raise(L);
}

/* Push the name of the argument's type, for errors. A name that a script has
 * given the type may be any text, and is left out. */
static void push_type(lua_State *L, int arg)
{
    if (luaL_getmetafield(L, arg, "__name") == LUA_TSTRING &&
        (begins_with_prefix(L, -1) ||
         strcmp(lua_tostring(L, -1), LUA_FILEHANDLE) == 0))
        return;
    if (lua_type(L, arg) == LUA_TLIGHTUSERDATA)
        lua_pushliteral(L, "light userdata");
    else
        lua_pushstring(L, luaL_typename(L, arg));
}

/* Push the method of the type that runs, if Lua code has called it, but without
 * a colon. */
static bool push_method_without_colon(lua_State *L, const char *type)
{
    lua_Debug ar;
    int function;
    bool found = false;

    if (!lua_getstack(L, 0, &ar))
        return false;
    lua_getinfo(L, "nf", &ar);
    function = lua_gettop(L);
    if (is_named(&ar) && strcmp(ar.namewhat, "method") != 0 &&
        luaL_getmetatable(L, type) == LUA_TTABLE) {
        found = push_table(L, "__index") && find_key(L, function);
    }
    if (found)
        lua_replace(L, function);
    lua_settop(L, found ? function : function - 1);
    return found;
}

int argument_type_error(lua_State *L, int arg, const char *expected)
{
    luaL_checkstack(L, 12, expected);
    push_type(L, arg);
    lua_pushfstring(L, "%s expected, got %s", expected, lua_tostring(L, -1));
    if (arg == 1 && push_method_without_colon(L, expected)) {
        lua_pushfstring(L,
                        "%s; a method is called with a colon: object:%s(...)",
                        lua_tostring(L, -2), lua_tostring(L, -1));
    }
    return argument_error(L, arg, lua_tostring(L, -1));
}

int argument_refuse(lua_State *L, int arg, const char *what)
{
    luaL_checkstack(L, 12, what);
    if (lua_type(L, arg) != LUA_TNUMBER)
        return argument_error(L, arg, what);
    if (lua_rawequal(L, arg, arg))
        luaL_tolstring(L, arg, NULL);
    else
        lua_pushliteral(L, "nan"); /* and not its sign */
    lua_pushfstring(L, "%s, got %s", what, lua_tostring(L, -1));
    return argument_error(L, arg, lua_tostring(L, -1));
}

int argument_integer_error(lua_State *L, int arg)
{
    if (lua_type(L, arg) == LUA_TNUMBER)
        return argument_refuse(L, arg, "number has no integer representation");
    return argument_type_error(L, arg, "number");
}

void argument_any(lua_State *L, int arg)
{
    if (lua_isnone(L, arg))
        argument_error(L, arg, "value expected");
}

void argument_type(lua_State *L, int arg, int type)
{
    if (lua_type(L, arg) != type)
        argument_type_error(L, arg, lua_typename(L, type));
}

const char *argument_lstring(lua_State *L, int arg, size_t *length)
{
    const char *text = lua_tolstring(L, arg, length);

    if (text == NULL)
        argument_type_error(L, arg, "string");
    return text;
}

const char *argument_opt_lstring(lua_State *L, int arg, const char *absent,
                                 size_t *length)
{
    if (!lua_isnoneornil(L, arg))
        return argument_lstring(L, arg, length);
    if (length != NULL)
        *length = absent != NULL ? strlen(absent) : 0;
    return absent;
}

lua_Number argument_number(lua_State *L, int arg)
{
    int is_number;
    lua_Number number = lua_tonumberx(L, arg, &is_number);

    if (!is_number)
        argument_type_error(L, arg, "number");
    return number;
}

lua_Number argument_opt_number(lua_State *L, int arg, lua_Number absent)
{
    return lua_isnoneornil(L, arg) ? absent : argument_number(L, arg);
}

lua_Integer argument_opt_integer(lua_State *L, int arg, lua_Integer absent)
{
    return lua_isnoneornil(L, arg) ? absent : argument_integer(L, arg);
}

void *argument_udata(lua_State *L, int arg, const char *type)
{
    void *memory = luaL_testudata(L, arg, type);

    if (memory == NULL)
        argument_type_error(L, arg, type);
    return memory;
}
