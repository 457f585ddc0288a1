/* Preloaded before libcurl, it stands for an older one: it says so, and refuses options that came
 * later, or any one that a test chooses. $OLD_LIBCURL=1 makes it 7.79 from the start. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#undef curl_easy_setopt
#undef curl_multi_setopt

#define EXPORT      __attribute__((visibility("default")))
#define NUMBER(id)  ((int)(id) % 10000)
#define LAST_OF_779 310 /* CURLOPT_PROXY_CAINFO_BLOB; CURLOPT_PREREQFUNCTION came with 7.80 */

EXPORT unsigned old_libcurl_version;               /* 0: what is really there */
EXPORT int old_libcurl_newest = 10000;             /* options after it are refused */
EXPORT int old_libcurl_refused;                    /* … and this one */
EXPORT int old_libcurl_refused_multi;              /* the same of curl_multi_setopt */
EXPORT unsigned char old_libcurl_seen[10000];      /* options that were set */
EXPORT unsigned char old_libcurl_seen_multi[1000]; /* … by curl_multi_setopt */

__attribute__((constructor)) static void begin(void)
{
    if (!getenv("OLD_LIBCURL"))
        return;
    old_libcurl_version = 0x074f00;
    old_libcurl_newest = LAST_OF_779;
}

EXPORT curl_version_info_data *curl_version_info(CURLversion age)
{
    static curl_version_info_data info;
    static char text[32];
    curl_version_info_data *(*real)(CURLversion);
    *(void **)&real = dlsym(RTLD_NEXT, "curl_version_info");
    info = *real(age);
    if (old_libcurl_version) {
        const unsigned v = old_libcurl_version;
        info.version_num = v;
        snprintf(text, sizeof text, "%u.%u.%u", v >> 16, v >> 8 & 0xff, v & 0xff);
        info.version = text;
    }
    return &info;
}

EXPORT CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    CURLcode (*real)(CURL *, CURLoption, ...), code;
    int number = NUMBER(option);
    va_list arguments;
    *(void **)&real = dlsym(RTLD_NEXT, "curl_easy_setopt");
    old_libcurl_seen[number] = 1;
    if (number > old_libcurl_newest || number == old_libcurl_refused)
        return CURLE_UNKNOWN_OPTION;
    va_start(arguments, option);
    if ((int)option >= CURLOPTTYPE_OFF_T && (int)option < CURLOPTTYPE_BLOB)
        code = real(easy, option, va_arg(arguments, curl_off_t));
    else if ((int)option < CURLOPTTYPE_OBJECTPOINT)
        code = real(easy, option, va_arg(arguments, long));
    else
        code = real(easy, option, va_arg(arguments, void *));
    va_end(arguments);
    return code;
}

EXPORT CURLMcode curl_multi_setopt(CURLM *multi, CURLMoption option, ...)
{
    CURLMcode (*real)(CURLM *, CURLMoption, ...), code;
    int number = NUMBER(option);
    va_list arguments;
    *(void **)&real = dlsym(RTLD_NEXT, "curl_multi_setopt");
    old_libcurl_seen_multi[number] = 1;
    if (number == old_libcurl_refused_multi)
        return CURLM_UNKNOWN_OPTION;
    va_start(arguments, option);
    if ((int)option < CURLOPTTYPE_OBJECTPOINT)
        code = real(multi, option, va_arg(arguments, long));
    else
        code = real(multi, option, va_arg(arguments, void *));
    va_end(arguments);
    return code;
}
