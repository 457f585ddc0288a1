/* HMAC-SHA256 and a comparison of secrets, for the signed state of a callback. */
#include "binding.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

int pomex_lua_hmac_sha256(lua_State *L)
{
    size_t key_length, length;
    const char *key = luaL_checklstring(L, 1, &key_length);
    const char *data = luaL_checklstring(L, 2, &length);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int size = sizeof mac;
    luaL_argcheck(L, key_length <= INT_MAX, 1, "is too long");
    if (HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)data, length, mac,
             &size) == NULL)
        return luaL_error(L, "libcrypto computes no HMAC-SHA256 here");
    lua_pushlstring(L, (const char *)mac, size);
    return 1;
}

int pomex_lua_equal(lua_State *L)
{
    size_t length, other_length;
    const char *one = luaL_checklstring(L, 1, &length);
    const char *other = luaL_checklstring(L, 2, &other_length);
    lua_pushboolean(L, length == other_length && CRYPTO_memcmp(one, other, length) == 0);
    return 1;
}
