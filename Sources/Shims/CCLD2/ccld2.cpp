#include "ccld2.h"

// CLD2 uses FILE without including its header.
#include <cstdio>

#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>

namespace {
// CLD2 keeps the number of this flag in an internal header: answer even where the evidence is thin.
constexpr int kBestEffort = 0x4000;
}  // namespace

extern "C" ccld2_answer ccld2_detect(const char *text, int32_t length) {
    CLD2::Language languages[3] = {CLD2::UNKNOWN_LANGUAGE, CLD2::UNKNOWN_LANGUAGE, CLD2::UNKNOWN_LANGUAGE};
    int percent[3] = {0, 0, 0};
    double scores[3] = {0, 0, 0};
    int text_bytes = 0;
    int valid_bytes = 0;
    bool is_reliable = false;
    const CLD2::CLDHints hints = {nullptr, nullptr, CLD2::UNKNOWN_ENCODING, CLD2::UNKNOWN_LANGUAGE};
    CLD2::ExtDetectLanguageSummaryCheckUTF8(
        text, length, true, &hints, kBestEffort, languages, percent, scores, nullptr, &text_bytes, &is_reliable,
        &valid_bytes);
    ccld2_answer answer;
    for (int i = 0; i < 3; ++i) {
        answer.code[i] = CLD2::LanguageCode(languages[i]);
        answer.percent[i] = percent[i];
    }
    answer.is_reliable = is_reliable;
    answer.valid_bytes = valid_bytes;
    return answer;
}

extern "C" const char *ccld2_language(int32_t index) {
    if (index < 0 || index >= CLD2::NUM_LANGUAGES) return nullptr;
    return CLD2::LanguageCode(static_cast<CLD2::Language>(index));
}
