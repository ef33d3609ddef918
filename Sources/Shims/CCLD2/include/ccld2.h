#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What CLD2 says about a text: up to three languages, best first.
typedef struct {
    /// Language codes as CLD2 names them (`iw`, `zh-Hant`, `xx-Tfng`); static strings. `un` where there is none.
    const char *_Nonnull code[3];
    /// Shares of the text in percent.
    int32_t percent[3];
    /// Whether CLD2 is sure of the first.
    bool is_reliable;
    /// Bytes that are valid UTF-8 without control characters; less than the length means that nothing was detected.
    int32_t valid_bytes;
} ccld2_answer;

/// Detects the languages of plain text in UTF-8, making its best effort on short text.
/// Keeps no state; any number of threads may call it.
ccld2_answer ccld2_detect(const char *_Nonnull text, int32_t length);

/// The code of language number `index`; NULL after the last.
const char *_Nullable ccld2_language(int32_t index);

#ifdef __cplusplus
}
#endif
