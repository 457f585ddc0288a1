#include "sandbox/pages/embed.h"

/* A label after the bytes marks their end, so that no size has to be written down. */
#define EMBED(symbol, file)                                                                    \
    __asm__(".section .rodata\n.balign 16\n"                                                   \
            ".globl " #symbol "_begin\n.hidden " #symbol "_begin\n"                            \
            ".globl " #symbol "_end\n.hidden " #symbol "_end\n" #symbol "_begin:\n"            \
            ".incbin \"" POMEX_SB_WEB "/" file "\"\n" #symbol "_end:\n"                        \
            ".byte 0\n.previous\n");                                                           \
    extern const char symbol##_begin[] __attribute__((visibility("hidden")));                  \
    extern const char symbol##_end[] __attribute__((visibility("hidden")))

EMBED(pomex_sb_clip, "clip.mp4");
EMBED(pomex_sb_portrait, "portrait.png");
EMBED(pomex_sb_voice, "voice.wav");
EMBED(pomex_sb_style, "style.css");
EMBED(pomex_sb_script, "board.js");
EMBED(pomex_sb_h5, "h5.html");
EMBED(pomex_sb_dashboard, "dashboard.html");
EMBED(pomex_sb_strings, "strings.json");

static pomex_sb_blob between(const char *begin, const char *end)
{
    return (pomex_sb_blob){begin, (size_t)(end - begin)};
}

pomex_sb_blob pomex_sb_embed(enum pomex_sb_file file)
{
    switch (file) {
    case POMEX_SB_CLIP:
        return between(pomex_sb_clip_begin, pomex_sb_clip_end);
    case POMEX_SB_PORTRAIT:
        return between(pomex_sb_portrait_begin, pomex_sb_portrait_end);
    case POMEX_SB_VOICE:
        return between(pomex_sb_voice_begin, pomex_sb_voice_end);
    case POMEX_SB_STYLE:
        return between(pomex_sb_style_begin, pomex_sb_style_end);
    case POMEX_SB_SCRIPT:
        return between(pomex_sb_script_begin, pomex_sb_script_end);
    case POMEX_SB_H5:
        return between(pomex_sb_h5_begin, pomex_sb_h5_end);
    case POMEX_SB_DASHBOARD:
        return between(pomex_sb_dashboard_begin, pomex_sb_dashboard_end);
    case POMEX_SB_STRINGS:
        return between(pomex_sb_strings_begin, pomex_sb_strings_end);
    }
    return (pomex_sb_blob){"", 0};
}
