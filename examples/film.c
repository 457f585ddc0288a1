/* From a portrait to a saved video, in C. docs/c.md says how to install pomex for it. Then:
 *
 *     cc film.c $(pkg-config --cflags --libs pomex) -o film
 *     POMEX_API_KEY=sk-… ./film https://cdn.example/portrait.jpg out.mp4 [GROUP_ID]
 *
 * Without a GROUP_ID the portrait goes to the account's Virtual group. The video is billed, unless
 * POMEX_BASE_URL and POMEX_API_KEY are what pomex-sandbox prints: that makes one for nothing. */
#include <pomex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const billed[] = {"not billed", "maybe billed", "billed"};

static void check(const pomex_error *error)
{
    if (!error)
        return;
    fprintf(stderr, "%s: %s%s%s (%s; id %s)\n", error->type, error->message,
            error->hint ? ": " : "", error->hint ? error->hint : "", billed[error->billed],
            error->id ? error->id : "unknown");
    exit(1);
}

/* Waits for an operation, and ends the program if it failed. A program with a loop of its own
 * watches pomex_client_pollfd instead. */
static pomex_operation *finish(pomex_client *client, pomex_operation *operation)
{
    unsigned news;
    if (!operation) {
        check(pomex_client_failure(client));
        exit(1);
    }
    while (!pomex_operation_done(operation)) {
        pomex_client_poll(client, -1);
        pomex_client_step(client, 0);
        while (pomex_client_next(client, &news))
            continue; /* with many operations: whose news it is */
    }
    check(pomex_operation_error(operation));
    return operation;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return fprintf(stderr, "usage: %s PORTRAIT_URL FILE [GROUP_ID]\n", argv[0]), 2;
    const char *file = argv[2], *group = argc > 3 ? argv[3] : NULL;
    pomex_error *error;
    pomex_client *client = pomex_client_new(NULL, &error);
    check(error);
    check(pomex_saving_check(file, false)); /* before anything is paid for */

    json_t *portrait =
        json_pack("{s:s, s:s, s:s*}", "url", argv[1], "asset_type", "Image", "group_id", group);
    pomex_operation *upload =
        finish(client, pomex_client_call(client, POMEX_ASSET_CREATE, NULL, 0, portrait, NULL));
    const char *asset = pomex_operation_object(upload);
    pomex_operation_release(
        finish(client, pomex_client_wait(client, POMEX_ASSET_GET, asset, strlen(asset), NULL)));

    char uri[300];
    snprintf(uri, sizeof uri, "asset://%s", asset);
    json_t *film = json_pack("{s:s, s:[{s:s, s:s}, {s:s, s:{s:s}, s:s}]}", "model",
                             "byteplus/seedance-2.0-fast", "content", "type", "text", "text",
                             "The person in image 1 smiles and waves.", "type", "image_url",
                             "image_url", "url", uri, "role", "reference_image");
    pomex_operation *task =
        finish(client, pomex_client_call(client, POMEX_GENERATION_CREATE, NULL, 0, film, NULL));
    const char *id = pomex_operation_object(task);
    printf("%s\n", id); /* billed from here on: keep it */
    pomex_operation_release(
        finish(client, pomex_client_wait(client, POMEX_GENERATION_GET, id, strlen(id), NULL)));
    pomex_operation_release(
        finish(client, pomex_client_download(client, id, strlen(id), NULL, file, NULL)));
    printf("%s\n", file);

    pomex_operation_release(upload);
    pomex_operation_release(task);
    json_decref(portrait);
    json_decref(film);
    pomex_client_free(client);
    return 0;
}
