#include "sandbox/store/sql.h"

#include "sandbox/base/secret.h"

#include <stdlib.h>
#include <string.h>

/* If memory runs out, nothing changes: an account that is known stays known. */
static int remember_account(pomex_sb_store *store, int64_t number, const char *key,
                            size_t length)
{
    char *copy = strndup(key, length);
    pomex_sb_account *grown =
        copy ? realloc(store->accounts, (store->account_count + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(copy);
        return -1;
    }
    store->accounts = grown;
    for (size_t i = 0; i < store->account_count; i++) {
        if (grown[i].number == number) {
            free(grown[i].key);
            grown[i].key = copy;
            grown[i].length = length;
            return 1;
        }
    }
    grown[store->account_count++] = (pomex_sb_account){number, copy, length};
    return 1;
}

int pomex_sb_store_accounts_load(pomex_sb_store *store)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_ACCOUNTS);
    int more;
    while ((more = pomex_sb_sql_step(store, statement)) == 1) {
        pomex_sb_text key = pomex_sb_sql_column(statement, 1);
        if (remember_account(store, sqlite3_column_int64(statement, 0), key.bytes, key.length) <
            0)
            return -1;
    }
    return more < 0 ? -1 : 1;
}

void pomex_sb_store_accounts_free(pomex_sb_store *store)
{
    for (size_t i = 0; i < store->account_count; i++)
        free(store->accounts[i].key);
    free(store->accounts);
}

int64_t pomex_sb_store_accounts_find(const pomex_sb_store *store, const char *key,
                                     size_t length)
{
    int64_t found = 0;
    for (size_t i = 0; i < store->account_count; i++) {
        const pomex_sb_account *account = &store->accounts[i];
        if (pomex_sb_secret_same(account->key, account->length, key, length))
            found = account->number;
    }
    return found;
}

int pomex_sb_store_accounts_add(pomex_sb_store *store, int64_t number, const char *key,
                                int64_t now, int64_t *added)
{
    if (pomex_sb_sql_begin(store) < 0)
        return -1;
    int done = -1;
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_SET_ACCOUNT);
    if (statement) {
        if (number)
            sqlite3_bind_int64(statement, 1, number);
        pomex_sb_sql_bind(statement, 2, key, strlen(key));
        done = pomex_sb_sql_run(store, statement);
    }
    *added = number ? number : sqlite3_last_insert_rowid(store->db);
    pomex_sb_group group;
    char id[POMEX_SB_ID];
    if (done == 1 && pomex_sb_store_groups_find(store, *added, NULL, 0, &group) == 0)
        done = pomex_sb_store_groups_add(store, *added, false, now, id);
    done = pomex_sb_sql_end(store, done);
    return done == 1 ? remember_account(store, *added, key, strlen(key)) : done;
}
