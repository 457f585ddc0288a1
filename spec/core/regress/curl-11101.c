/* libcurl 7.88 (https://github.com/curl/curl/issues/11101): a folded line at the head of an answer is
 * appended to a header of the answer before, which was freed, where a handle is used again. The
 * sanitizer's run of this test sees that. */
#include "cmocka_all.h"

#include "scene.h"

TEST_CASE(a_folded_line_at_the_head_does_no_harm)
{
    static const fault_step steps[] = {
        {.times = 1,
         .kind = FAULT_RAW,
         .body = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: v.mp4\r\n\r\n"},
        {.kind = FAULT_RAW,
         .body =
             "HTTP/1.1 200 OK\r\n folded: a line that is much longer than its header was\r\n"
             "Content-Type: video/mp4\r\nContent-Length: 20\r\n\r\n" SCENE_VIDEO}};
    scene s;
    scene_start(&s, steps, 2);
    pomex_operation *op = scene_download(&s, s.link);
    harness_finish(&s.h, op);
    assert_int_equal(scene_exists(s.path), !pomex_operation_error(op));
    assert_true(fault_server_count(s.h.server, "GET /v.mp4") >= 2);
    pomex_operation_release(op);
    scene_stop(&s);
}
