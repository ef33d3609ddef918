#include "CJPEG.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

// A small file can ask for any number of passes over a large image; encoders write about ten.
enum { most_scans = 100 };

struct cj_image {
    struct jpeg_decompress_struct codec;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    char *message;
};

static void fail(j_common_ptr codec) {
    cj_image *image = (cj_image *)codec->client_data;
    char text[JMSG_LENGTH_MAX];
    codec->err->format_message(codec, text);
    snprintf(image->message, 256, "%s", text);
    longjmp(image->escape, 1);
}

// The library would go on with grey where data is broken or ends early. Bytes between segments do no harm.
static void note(j_common_ptr codec, int level) {
    if (level >= 0) return;
    switch (codec->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR: return;
    default: fail(codec);
    }
}

static void watch(j_common_ptr codec) {
    j_decompress_ptr decoder = (j_decompress_ptr)codec;
    if (decoder->input_scan_number <= most_scans) return;
    cj_image *image = (cj_image *)codec->client_data;
    snprintf(image->message, 256, "it has more than %d scans", most_scans);
    longjmp(image->escape, 1);
}

cj_image *cj_open(const uint8_t *bytes, unsigned long count, char message[256]) {
    cj_image *image = calloc(1, sizeof *image);
    if (!image) {
        snprintf(message, 256, "there is no memory for a decoder");
        return NULL;
    }
    image->message = message;
    image->codec.err = jpeg_std_error(&image->errors);
    image->errors.error_exit = fail;
    image->errors.emit_message = note;
    image->codec.client_data = image;
    if (setjmp(image->escape)) {
        cj_close(image);
        return NULL;
    }
    jpeg_create_decompress(&image->codec);
    // Creation clears everything but the errors.
    image->codec.client_data = image;
    image->progress.progress_monitor = watch;
    image->codec.progress = &image->progress;
    jpeg_mem_src(&image->codec, bytes, count);
    jpeg_read_header(&image->codec, TRUE);
    return image;
}

long cj_width(const cj_image *image) { return image->codec.image_width; }
long cj_height(const cj_image *image) { return image->codec.image_height; }

int cj_read(cj_image *image, uint8_t *grey, char message[256]) {
    struct jpeg_decompress_struct *codec = &image->codec;
    image->message = message;
    if (setjmp(image->escape)) return 0;
    int is_ink = codec->jpeg_color_space == JCS_CMYK || codec->jpeg_color_space == JCS_YCCK;
    codec->out_color_space = is_ink ? JCS_CMYK : JCS_GRAYSCALE;
    jpeg_start_decompress(codec);
    long width = codec->output_width;
    // The codec's own memory, which goes with it wherever reading ends.
    JSAMPARRAY line = codec->mem->alloc_sarray((j_common_ptr)codec, JPOOL_IMAGE, width * codec->output_components, 1);
    while (codec->output_scanline < codec->output_height) {
        uint8_t *out = grey + codec->output_scanline * width;
        jpeg_read_scanlines(codec, line, 1);
        if (!is_ink) {
            memcpy(out, line[0], width);
            continue;
        }
        for (long x = 0; x < width; x++) {
            int rgb[3];
            for (int c = 0; c < 3; c++) {
                // Adobe's programs write how much light is left instead of how much ink there is.
                int light = line[0][4 * x + c], black = line[0][4 * x + 3];
                if (!codec->saw_Adobe_marker) light = 255 - light, black = 255 - black;
                rgb[c] = light * black;
            }
            out[x] = (uint8_t)((299L * rgb[0] + 587L * rgb[1] + 114L * rgb[2] + 127500) / 255000);
        }
    }
    jpeg_finish_decompress(codec);
    return 1;
}

void cj_close(cj_image *image) {
    if (!image) return;
    jpeg_destroy_decompress(&image->codec);
    free(image);
}
