/* What the SQLite back end asks of the place where its file is: that it is the file it was, that no
 * other program spoilt it, and that this version reads it. */
#include "bed.h"
#include "process.h"

#include "store/sqlite/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void shell(const char *format, const char *a, const char *b)
{
    char command[400];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(command, sizeof command, format, a, b);
#pragma GCC diagnostic pop
    assert_int_equal(system(command), 0);
}

/* What a begin of a new job says; YES if there is no reason. */
static enum pomex_store_reason reason(store_bed *bed, const char *key)
{
    pomex_store_job job;
    if (!bed->worker)
        bed_join(bed);
    bed_put(bed, key, "body");
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    pomex_store_request *begin = bed_begin(bed, bed->worker, &job, 1, 0);
    if (begin->answer != POMEX_STORE_YES)
        assert_int_equal(begin->answer, POMEX_STORE_LATER);
    return begin->begin.reason;
}

static void continue_and_begin(store_bed *bed)
{
    assert_int_equal(bed_counts(bed).must_continue, 1);
    assert_int_equal(reason(bed, "first"), POMEX_STORE_REASON_CONTINUE);
    pomex_store_request *go_on = bed_new_request(POMEX_STORE_CONTINUE);
    go_on->go_on.by = "me";
    assert_int_equal(bed_ask(bed, go_on)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_counts(bed).must_continue, 0);
    assert_int_equal(bed_events(bed, "continue"), 1);
    bed_close(bed);
    bed_open(bed, false);
    assert_int_equal(bed_counts(bed).must_continue, 0);
    assert_int_equal(reason(bed, "second"), POMEX_STORE_REASON_NONE);
}

static void a_store_that_is_opened_again_goes_on(void **state)
{
    store_bed *bed = *state;
    assert_int_equal(reason(bed, "a"), POMEX_STORE_REASON_NONE);
    bed_close(bed);
    bed_open(bed, false);
    assert_int_equal(bed_counts(bed).must_continue, 0);
    assert_int_equal(reason(bed, "b"), POMEX_STORE_REASON_NONE);
}

static void a_copied_store_begins_nothing_before_continue(void **state)
{
    store_bed *bed = *state;
    bed_close(bed);
    shell("cp '%s' '%s.copy'", bed->path, bed->path);
    strcat(bed->path, ".copy");
    bed_open(bed, false);
    continue_and_begin(bed);
}

/* Its log, in which are the newest events after a crash, stays behind under the old name. */
static void a_renamed_store_begins_nothing_before_continue(void **state)
{
    store_bed *bed = *state;
    bed_close(bed);
    shell("mv '%s' '%s.new'", bed->path, bed->path);
    strcat(bed->path, ".new");
    bed_open(bed, false);
    continue_and_begin(bed);
}

static void
a_store_that_was_moved_to_another_folder_begins_nothing_before_continue(void **state)
{
    store_bed *bed = *state;
    char old[sizeof bed->path];
    bed_close(bed);
    strcpy(old, bed->path);
    char *slash = strrchr(bed->path, '/');
    assert_non_null(slash);
    *slash = '\0';
    shell("mkdir '%s/new'%s", bed->path, "");
    strcat(bed->path, "/new");
    strcat(bed->path, strrchr(old, '/'));
    shell("mv '%s' '%s'", old, bed->path);
    bed_open(bed, false);
    continue_and_begin(bed);
}

static void a_store_with_two_names_is_refused(void **state)
{
    store_bed *bed = *state;
    char why[512] = "", other[sizeof bed->path + 8];
    snprintf(other, sizeof other, "%s.too", bed->path);
    bed_close(bed);
    shell("ln '%s' '%s'", bed->path, other);
    pomex_store_options options = {
        .backend = &pomex_store_sqlite, .path = other, .any_file_system = 1};
    assert_null(pomex_store_open(&options, why, sizeof why));
    assert_non_null(strstr(why, "has 2 names"));
}

static void a_store_that_is_open_learns_of_another_process_continue(void **state)
{
    store_bed *bed = *state;
    bed_close(bed);
    shell("cp '%s' '%s.copy'", bed->path, bed->path);
    strcat(bed->path, ".copy");
    bed_open(bed, false);
    assert_int_equal(reason(bed, "before"), POMEX_STORE_REASON_CONTINUE);
    store_bed *other = calloc(1, sizeof *other);
    assert_non_null(other);
    memcpy(other->path, bed->path, sizeof bed->path);
    bed_open(other, false);
    pomex_store_request *go_on = bed_new_request(POMEX_STORE_CONTINUE);
    go_on->go_on.by = "me";
    assert_int_equal(bed_ask(other, go_on)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_counts(bed).must_continue, 0);
    assert_int_equal(reason(bed, "after"), POMEX_STORE_REASON_NONE);
    bed_close(other);
    for (size_t i = 0; i < other->count; i++)
        pomex_store_request_free(other->kept[i]);
    free(other);
}

static void an_older_state_put_back_into_the_same_file_is_noticed(void **state)
{
    store_bed *bed = *state;
    bed_close(bed);
    shell("cp '%s' '%s.old'", bed->path, bed->path);
    bed_open(bed, false);
    bed_sending(bed, "lost", 0);
    bed_close(bed);
    shell("cat '%s.old' > '%s'", bed->path, bed->path); /* the same inode */
    bed_open(bed, false);
    /* Nor does who opens it next, after something was added. */
    bed_put(bed, "added", "body");
    bed_close(bed);
    bed_open(bed, false);
    continue_and_begin(bed);
}

/* With the mark beside it: `cp -a`, tar and rsync write into the files that are there. */
static void a_folder_that_is_put_back_in_place_begins_nothing_before_continue(void **state)
{
    store_bed *bed = *state;
    bed_sending(bed, "kept", 0);
    bed_close(bed);
    shell("cp -a '%s' '%s.older'", bed->folder, bed->folder);
    bed_open(bed, false);
    for (int i = 0; i < 5; i++)
        bed_sending(bed, (char[]){'a', (char)('0' + i), '\0'}, 0);
    bed_close(bed);
    shell("cp -a '%s' '%s.newer'", bed->folder, bed->folder);
    bed_open(bed, false);
    bed_sending(bed, "lost", 0);
    bed_close(bed);
    shell("cp -a '%s.older/.' '%s'", bed->folder, bed->folder);
    bed_open(bed, false);
    assert_int_equal(bed_counts(bed).must_continue, 1);
    bed_put(bed, "added", "body");
    bed_close(bed);
    shell("cp -a '%s.newer/.' '%s'", bed->folder, bed->folder); /* what was added is less */
    bed_open(bed, false);
    assert_int_equal(bed_counts(bed).must_continue, 1);
    /* What a person decides before it is no reason to show less of what the account made since. */
    int64_t newest = bed_counts(bed).newest_event;
    assert_true(newest > 0);
    bed_put(bed, "mine", "body");
    assert_int_equal(bed_ask(bed, bed_person(bed, POMEX_STORE_CANCEL, "mine"))->answer,
                     POMEX_STORE_YES);
    assert_int_equal(bed_events(bed, "cancel"), 1);
    bed_put(bed, "made", "body");
    pomex_store_request *adopt = bed_person(bed, POMEX_STORE_ADOPT, "made");
    adopt->person.task = "t1";
    adopt->person.base_url = "https://host/api";
    adopt->person.account = "host";
    adopt->person.key_hash = "hash";
    assert_int_equal(bed_ask(bed, adopt)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_counts(bed).newest_event, newest);
    bed_ended(bed, bed_get(bed, "made").id, 1, POMEX_STORE_FAILED, 0, 1);
    shell("rm -r '%s.older' '%s.newer'", bed->folder, bed->folder);
    continue_and_begin(bed);
}

/* The log that a killed process left is of a later state than the file that is put back beside it. */
static void a_file_put_back_beside_a_later_log_is_refused(void **state)
{
    store_bed *bed = *state;
    char why[1024] = "";
    bed_sending(bed, "kept", 0);
    bed_close(bed);
    shell("cp -a '%s' '%s.older'", bed->path, bed->path);
    bed_open(bed, false);
    bed_sending(bed, "killed", 0);
    shell("for i in wal shm; do cp -a '%s'-$i '%s'-killed-$i; done", bed->path, bed->path);
    bed_close(bed);
    shell("for i in wal shm; do cp -a '%s'-killed-$i '%s'-$i; done", bed->path, bed->path);
    shell("cp -a '%s' '%s.newer'", bed->path, bed->path);
    shell("cp -a '%s.older' '%s'", bed->path, bed->path);
    pomex_store_options options = {
        .backend = &pomex_store_sqlite, .path = bed->path, .any_file_system = 1};
    for (int i = 0; i < 2; i++) { /* nor does it change what is there */
        pomex_store *store = pomex_store_open(&options, why, sizeof why);
        assert_null(store);
        assert_non_null(strstr(why, "-wal beside it is the log of a later state"));
    }
    shell("cmp '%s.older' '%s'", bed->path, bed->path);
    shell("cmp '%s'-killed-wal '%s'-wal", bed->path, bed->path);
    shell("rm '%s'-wal '%s'-shm", bed->path, bed->path);
    bed_open(bed, false);
    continue_and_begin(bed);
    bed_close(bed);
    /* The file that the log is of has its own. */
    shell("cp -a '%s.newer' '%s'", bed->path, bed->path);
    shell("for i in wal shm; do cp -a '%s'-killed-$i '%s'-$i; done", bed->path, bed->path);
    bed_open(bed, false);
    assert_int_equal(bed_get(bed, "killed").state, POMEX_STORE_SENDING);
}

static void a_store_without_the_file_beside_it_begins_nothing_before_continue(void **state)
{
    store_bed *bed = *state;
    bed_sending(bed, "a", 0);
    bed_close(bed);
    shell("rm '%s-lock'%s", bed->path, "");
    assert_int_equal(unsetenv("HOME"), 0); /* nor is its mark kept elsewhere */
    assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
    bed_open(bed, false);
    continue_and_begin(bed);
}

static void a_backup_that_is_put_back_begins_nothing_before_continue(void **state)
{
    store_bed *bed = *state;
    char path[160];
    snprintf(path, sizeof path, "%s/copy", bed->folder);
    bed_sending(bed, "a", 0);
    for (int again = 0; again < 2; again++) {
        pomex_store_request *backup = bed_new_request(POMEX_STORE_BACKUP);
        backup->backup.path = path;
        bed_ask(bed, backup);
        assert_int_equal(backup->answer, again ? POMEX_STORE_BROKEN : POMEX_STORE_YES);
        assert_int_equal(bed_events(bed, "backup"), 1);
    }
    bed_close(bed);
    shell("cat '%s' > '%s'", path, bed->path);
    shell("rm '%s-lock'%s", bed->path, ""); /* as on another machine */
    bed_open(bed, false);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_SENDING); /* nobody buried it yet */
    continue_and_begin(bed);
}

static void a_file_that_is_moved_while_it_is_open_begins_nothing(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job;
    bed_join(bed);
    bed_put(bed, "a", "body");
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    shell("mv '%s' '%s.moved'", bed->path, bed->path);
    pomex_store_request *begin = bed_begin(bed, bed->worker, &job, 1, 0);
    assert_int_equal(begin->answer, POMEX_STORE_BROKEN);
    assert_non_null(strstr(begin->why, "moved"));
}

static void a_log_that_is_removed_while_it_is_open_is_noticed(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job;
    bed_join(bed);
    bed_put(bed, "a", "body");
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    shell("rm '%s-wal'%s", bed->path, "");
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 0)->answer, POMEX_STORE_BROKEN);
    bed_close(bed);
}

/* Closing a descriptor of the file would drop this process's locks; then the other process would
 * be the last, and would remove the log. */
static void looking_at_an_open_store_again_drops_no_lock(void **state)
{
    store_bed *bed = *state;
    store_bed second = *bed;
    bed_sending(bed, "a", 0);
    bed_open(&second, false); /* looks, and closes */
    bed_close(&second);
    process_sql(bed->path, "SELECT count(*) FROM job");
    assert_int_equal(reason(bed, "b"), POMEX_STORE_REASON_NONE);
    bed_close(bed);
    bed_open(bed, false);
    assert_int_equal(bed_get(bed, "b").attempt, 1);
}

static void the_log_is_made_long_and_stays_so(void **state)
{
    store_bed *bed = *state;
    struct stat at;
    char log[128], key[16], body[4001];
    snprintf(log, sizeof log, "%s-wal", bed->path);
    assert_int_equal(stat(log, &at), 0);
    assert_true(at.st_size >= 4 << 20);
    memset(body, 'x', 4000);
    body[4000] = '\0';
    for (int i = 0; i < 700; i++) { /* three times what it holds */
        snprintf(key, sizeof key, "k%d", i);
        bed_put(bed, key, body);
    }
    assert_int_equal(stat(log, &at), 0);
    assert_true(at.st_size < 6 << 20);
    bed_close(bed);
    assert_int_not_equal(stat(log, &at), 0); /* one file is left, and it is whole */
    bed_open(bed, false);
    assert_int_equal(bed_counts(bed).states[POMEX_STORE_READY], 700);
}

static void a_store_has_one_name_whatever_leads_to_it(void **state)
{
    store_bed *bed = *state;
    char lock[160];
    struct stat at;
    bed_sending(bed, "a", 0);
    store_bed linked = *bed;
    snprintf(linked.path, sizeof linked.path, "%.80s/link.db", bed->folder);
    assert_int_equal(symlink(bed->path, linked.path), 0);
    bed_open(&linked, true);
    bed_join(&linked);
    /* By another name it would look at another lock, and take the first worker for dead. */
    pomex_store_request *list = bed_ask(&linked, bed_new_request(POMEX_STORE_WORKERS));
    assert_int_equal(list->workers.worker_count, 2);
    assert_int_equal(list->workers.workers[0].dead, 0);
    assert_int_equal(bed_get(&linked, "a").state, POMEX_STORE_SENDING);
    bed_close(&linked);
    snprintf(lock, sizeof lock, "%s-lock", linked.path);
    assert_int_not_equal(stat(lock, &at), 0);
    bed->count = linked.count; /* both kept theirs in one list */
    memcpy(bed->kept, linked.kept, sizeof bed->kept);
}

static void its_owner_alone_reads_it(void **state)
{
    store_bed *bed = *state;
    static const char *const files[] = {"", "-wal", "-shm", "-lock"};
    for (size_t i = 0; i < 4; i++) {
        struct stat at;
        char name[128];
        snprintf(name, sizeof name, "%s%s", bed->path, files[i]);
        assert_int_equal(stat(name, &at), 0);
        assert_int_equal(at.st_mode & 0777, 0600);
    }
}

/* ------------------------------------------------------------------------------ what is refused */

static void refused(const char *path, const char *word)
{
    char why[512] = "";
    pomex_store_options options = {.backend = &pomex_store_sqlite, .path = path};
    pomex_store *store = pomex_store_open(&options, why, sizeof why);
    if (store)
        pomex_store_close(store);
    assert_null(store);
    if (!strstr(why, word))
        fail_msg("%s", why);
}

static void what_is_no_store_is_refused_and_left_as_it_is(void **state)
{
    store_bed *bed = *state;
    char path[160];
    bed_close(bed);
    snprintf(path, sizeof path, "%s/other", bed->folder);
    process_sql(path, "CREATE TABLE job (x)");
    shell("cp '%s' '%s.before'", path, path);
    refused(path, "no store of jobs");
    shell("cmp -s '%s' '%s.before'", path, path);
    shell("printf 'a letter to my mother, longer than a head' > '%s'%s", path, "");
    refused(path, path);
    shell("grep -q mother '%s'%s", path, "");
    snprintf(path, sizeof path, "%s/nowhere/jobs.db", bed->folder);
    refused(path, "No such file");
}

static void a_newer_store_is_refused(void **state)
{
    store_bed *bed = *state;
    bed_close(bed);
    process_sql(bed->path, "PRAGMA user_version = 99");
    refused(bed->path, "newer");
}

static void a_file_system_that_nobody_knows_is_refused(void **state)
{
    (void)state;
    refused("/proc/jobs.db", "file_system");
    assert_true(pomex_sq_good_file_system(0xef53));
    assert_false(pomex_sq_good_file_system(0x6969));     /* nfs */
    assert_false(pomex_sq_good_file_system(0xfe534d42)); /* smb */
    assert_false(pomex_sq_good_file_system(0x65735546)); /* fuse */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_start, bed_stop)

int main(int count, char **words)
{
    int status;
    if (process_main(count, words, &status))
        return status;
    const struct CMUnitTest tests[] = {
        TEST(a_store_that_is_opened_again_goes_on),
        TEST(a_copied_store_begins_nothing_before_continue),
        TEST(a_renamed_store_begins_nothing_before_continue),
        TEST(a_store_that_was_moved_to_another_folder_begins_nothing_before_continue),
        TEST(a_store_with_two_names_is_refused),
        TEST(a_store_that_is_open_learns_of_another_process_continue),
        TEST(an_older_state_put_back_into_the_same_file_is_noticed),
        TEST(a_folder_that_is_put_back_in_place_begins_nothing_before_continue),
        TEST(a_file_put_back_beside_a_later_log_is_refused),
        TEST(a_store_without_the_file_beside_it_begins_nothing_before_continue),
        TEST(a_backup_that_is_put_back_begins_nothing_before_continue),
        TEST(a_file_that_is_moved_while_it_is_open_begins_nothing),
        TEST(a_log_that_is_removed_while_it_is_open_is_noticed),
        TEST(looking_at_an_open_store_again_drops_no_lock),
        TEST(the_log_is_made_long_and_stays_so),
        TEST(a_store_has_one_name_whatever_leads_to_it),
        TEST(its_owner_alone_reads_it),
        TEST(what_is_no_store_is_refused_and_left_as_it_is),
        TEST(a_newer_store_is_refused),
        cmocka_unit_test(a_file_system_that_nobody_knows_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
