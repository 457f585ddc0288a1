#include "base/pid.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic pid_t *kept; /* NULL: the system wipes no page, and is asked each time */

static void make_page(void)
{
    void *page =
        mmap(NULL, sizeof *kept, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return;
    if (madvise(page, (size_t)sysconf(_SC_PAGESIZE), MADV_WIPEONFORK) == 0)
        kept = page;
    else
        munmap(page, sizeof *kept);
}

pid_t pomex_pid(void)
{
    pthread_once(&once, make_page);
    if (!kept)
        return getpid();
    pid_t pid = atomic_load_explicit(kept, memory_order_relaxed);
    if (pid == 0) {
        pid = getpid();
        atomic_store_explicit(kept, pid, memory_order_relaxed);
    }
    return pid;
}
