/* Who waits for assets of which group, and whose look is due: where ten or more wait for one group,
 * a wait whose look is due carries a page of the group's list in place of it, and the page is a look
 * for all of them. What no page shows in time is looked at alone, so nothing depends on the lists. */
#ifndef POMEX_ROSTER_H
#define POMEX_ROSTER_H

#include "base/list.h"
#include "pomex.h"

#define POMEX_ROSTER_PAGE 100 /* the most items that a list can bring */

/* A page pays from so many waits on: the account may ask for ten times as many assets as pages. */
#define POMEX_ROSTER_PAYS 10

#define POMEX_ROSTER_CARRIERS 8 /* the most pages at once */

typedef struct pomex_group pomex_group;

/* A wait's part in it. Zeroed memory is one that takes no part. */
typedef struct pomex_member {
    pomex_operation *op; /* NULL: it takes no part */
    pomex_group *group;  /* NULL: not known yet */
    pomex_node in_group;
    pomex_node in_due; /* linked while a page could be its look */
    int64_t last;      /* when its last look begins, which is one at the asset alone */
    unsigned page;     /* the page of the list by creation that shows it; 0: not known */
    unsigned asked;    /* the page that it asked for; 0: none yet */
    bool carries;      /* its next request is one for a page … */
    bool newest;       /* … of those that became final last */
    bool waited;       /* has waited for the pages that were on their way */
    bool shown;        /* by the page that is being read */
} pomex_member;

/* The waits of one group, as long as there are any. */
struct pomex_group {
    pomex_node members;
    size_t count;
    size_t due;
    unsigned carriers;
    unsigned last;       /* number of the last page, as far as known; 0: not at all */
    unsigned next;       /* the page that is asked for on behalf of those without a page */
    int64_t search_at;   /* … and no sooner than this */
    double search_pause; /* the latest such pause; 0: the latest page paid */
    unsigned newest;     /* the page of the newest final ones that comes next … */
    int64_t newest_at;   /* … and when it may */
    double newest_pause;
    int64_t not_before;   /* no page is asked for before that: a list failed */
    double trouble_pause; /* the latest such pause; 0: the latest list was answered */
    char id[];
};

typedef struct pomex_roster {
    void *groups;         /* of <search.h>, by their ids */
    pomex_node strangers; /* members whose group is not known */
    pomex_node due;       /* the longest due is the first */
    pomex_member *next;   /* carries the page that is asked for next; or NULL */
    pomex_member
        *asking[POMEX_ROSTER_CARRIERS]; /* those whose pages are on their way; or NULL */
    int64_t page_at;                    /* when the next page may be asked for */
} pomex_roster;

static inline void pomex_roster_init(pomex_roster *roster)
{
    pomex_list_init(&roster->strangers);
    pomex_list_init(&roster->due);
}

/* A wait for an asset begins. `group`: NULL if it is not known; `last`: see pomex_member. */
void pomex_roster_join(pomex_member *member, pomex_operation *op, const char *group,
                       int64_t last);

/* The asset's group is known now. */
void pomex_roster_learn(pomex_member *member, const char *group);

/* The wait is over. */
void pomex_roster_leave(pomex_member *member);

/* A look is due that need not be one at the asset alone. True: a page is to be the look, and the
 * wait is queued or pauses for it. False: the caller looks at the asset alone. */
bool pomex_roster_due(pomex_member *member);

/* The wait is looked at: no page has to be its look, and it carries none. If it stood in a queue
 * for its page, it has left that. */
void pomex_roster_looked(pomex_member *member);

/* Lets waits whose look is due carry pages, as far as that is worth it. */
void pomex_roster_serve(pomex_roster *roster);

/* The member asks for its page now. */
void pomex_roster_asks(pomex_member *member);

/* Whether a page of those that became final last is worth it now. */
bool pomex_roster_wants_newest(const pomex_group *group, int64_t now);

/* Keeps the group while its members leave; and no longer. */
void pomex_roster_hold(pomex_group *group);
void pomex_roster_release(pomex_roster *roster, pomex_group *group);

#endif
