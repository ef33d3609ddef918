#pragma once
#include <stdlib.h>
#include <isa-l/crc64.h>
#include <isa-l/igzip_lib.h>

// Swift takes in no struct with arrays this large, so the decoder's state is used through these.

/// A decoder of gzip members. The header is read by a call of its own, because `isal_inflate` forgets which fields are
/// to come where its input ends between them.
struct apus_gzip {
    struct inflate_state state;
    struct isal_gzip_header header;
    int has_header;
};

/// Makes it ready for a member.
static inline void apus_gzip_reset(struct apus_gzip *_Nonnull gzip) {
    isal_inflate_init(&gzip->state);
    isal_gzip_header_init(&gzip->header);
    gzip->state.crc_flag = ISAL_GZIP_NO_HDR_VER;
    gzip->has_header = 0;
}

/// A decoder that is ready; null when memory is short.
static inline struct apus_gzip *_Nullable apus_gzip_create(void) {
    struct apus_gzip *gzip = (struct apus_gzip *)calloc(1, sizeof(struct apus_gzip));
    if (gzip) apus_gzip_reset(gzip);
    return gzip;
}

/// Decodes what is there. Gives the library's code; the sizes become what is left of input and of room.
static inline int apus_gzip_decode(
    struct apus_gzip *_Nonnull gzip, const uint8_t *_Nullable input, uint32_t *_Nonnull inputLeft,
    uint8_t *_Nullable output, uint32_t *_Nonnull room
) {
    struct inflate_state *state = &gzip->state;
    int code = ISAL_DECOMP_OK;
    state->next_in = (uint8_t *)input;
    state->avail_in = *inputLeft;
    state->next_out = output;
    state->avail_out = *room;
    if (!gzip->has_header) {
        code = isal_read_gzip_header(state, &gzip->header);
        gzip->has_header = code == ISAL_DECOMP_OK;
    }
    if (gzip->has_header) code = isal_inflate(state);
    *inputLeft = state->avail_in;
    *room = state->avail_out;
    return code;
}

/// Whether the member is over, its checksum was right, and all its bytes were given out.
static inline int apus_gzip_is_finished(const struct apus_gzip *_Nonnull gzip) {
    return gzip->state.block_state == ISAL_BLOCK_FINISH;
}

/// Bytes that were taken from the input and lie behind the finished member.
static inline int apus_gzip_excess(const struct apus_gzip *_Nonnull gzip) { return gzip->state.read_in_length / 8; }
