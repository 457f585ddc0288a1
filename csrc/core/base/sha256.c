#include "base/sha256.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>

enum { SUM_BYTES = 32 };

/* libcrypto notes each error for its thread, where libcurl's TLS would take it for one of its own. */
static bool fail(void)
{
    ERR_clear_error();
    errno = ENOMEM;
    return false;
}

bool pomex_sha256_begin(pomex_sha256 *sum)
{
    if (!sum->context)
        sum->context = EVP_MD_CTX_new();
    return (sum->context && EVP_DigestInit_ex(sum->context, EVP_sha256(), NULL)) || fail();
}

bool pomex_sha256_add(pomex_sha256 *sum, const void *bytes, size_t count)
{
    return EVP_DigestUpdate(sum->context, bytes, count) || fail();
}

bool pomex_sha256_end(pomex_sha256 *sum, char text[POMEX_SUM_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[SUM_BYTES];
    if (!EVP_DigestFinal_ex(sum->context, bytes, NULL))
        return fail();
    for (size_t i = 0; i < SUM_BYTES; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * SUM_BYTES] = '\0';
    return true;
}

void pomex_sha256_free(pomex_sha256 *sum)
{
    EVP_MD_CTX_free(sum->context);
    sum->context = NULL;
}
