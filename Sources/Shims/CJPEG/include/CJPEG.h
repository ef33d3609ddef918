// Grey values of JPEG images by libjpeg-turbo, whose errors are returned here instead of ending the process.
#ifndef C_JPEG_H
#define C_JPEG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cj_image cj_image;

// Reads the header. Returns null, with the reason in `message`, where that is not possible. `bytes` must outlive the image.
cj_image *cj_open(const uint8_t *bytes, unsigned long count, char message[256]);
long cj_width(const cj_image *image);
long cj_height(const cj_image *image);
// Writes width × height values from 0 (black) to 255, by rows from the top: the luminance of grey, YCbCr, RGB, CMYK and
// YCCK images, sequential or progressive. Returns 0, with the reason in `message`, where the data is broken or ends early.
int cj_read(cj_image *image, uint8_t *grey, char message[256]);
void cj_close(cj_image *image);

#ifdef __cplusplus
}
#endif
#endif
