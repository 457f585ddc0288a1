/* The module pomex.qrcore: libqrencode's matrix of a text. lua/pomex/qr.lua draws it. */
#include "compat.h"

#include <errno.h>
#include <qrencode.h>

#define MAX_BYTES 2953 /* the capacity of the largest code, at level L */
#define MAX_WIDTH 177

static int fail(lua_State *L, const char *why)
{
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

/* encode(text, level) -> modules, width: a "1" for each dark module and a "0" for each light
 * one, row by row; nil, "empty" | "too long" | "memory" */
static int qr_encode(lua_State *L)
{
    static const char *const names[] = {"L", "M", "Q", "H", NULL};
    static const QRecLevel levels[] = {QR_ECLEVEL_L, QR_ECLEVEL_M, QR_ECLEVEL_Q, QR_ECLEVEL_H};
    /* The copy is on the C stack, so that libqrencode's memory is freed before Lua can raise. */
    char modules[MAX_WIDTH * MAX_WIDTH] = {0};
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    QRecLevel level = levels[luaL_checkoption(L, 2, NULL, names)];
    if (length == 0)
        return fail(L, "empty");
    if (length > MAX_BYTES)
        return fail(L, "too long");
    QRcode *code = QRcode_encodeData((int)length, (const unsigned char *)text, 0, level);
    if (code == NULL)
        return fail(L, errno == ERANGE ? "too long" : "memory");
    int width = code->width;
    for (int i = 0; i < width * width; i++)
        modules[i] = (code->data[i] & 1) != 0 ? '1' : '0';
    QRcode_free(code);
    lua_pushlstring(L, modules, (size_t)width * (size_t)width);
    lua_pushinteger(L, width);
    return 2;
}

__attribute__((visibility("default"))) int luaopen_pomex_qrcore(lua_State *L);

int luaopen_pomex_qrcore(lua_State *L)
{
    static const luaL_Reg functions[] = {{"encode", qr_encode}, {NULL, NULL}};
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}
