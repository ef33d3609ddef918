#!/usr/bin/env python3
"""Writes langdetect/cases.jsonl: texts, seeds, and what langdetect 1.0.9 answers (pip install langdetect==1.0.9).

    Tests/Golden/langdetect_cases.py
"""
import json
import random
from pathlib import Path

from langdetect import DetectorFactory, LangDetectException, detect_langs

WORDS = {
    "en": "the house is on the hill and we went there when it was raining hard".split(),
    "de": "das Haus steht auf dem Hügel und wir gingen hin als es regnete".split(),
    "fr": "la maison est sur la colline et nous y sommes allés quand il pleuvait".split(),
    "vi": "ngôi nhà ở trên đồi và chúng tôi đã đến đó khi trời mưa to".split(),
    "ru": "дом стоит на холме и мы пошли туда когда шёл сильный дождь".split(),
    "ja": "家は丘の上にあり 雨が降っているときに そこへ行きました カタカナ".split(),
    "zh": "房子在山上 下雨的时候我们去了那里 學習漢字".split(),
    "ko": "집은 언덕 위에 있고 비가 많이 올 때 우리는 그곳에 갔다".split(),
    "ar": "البيت على التل وذهبنا إلى هناك عندما كانت السماء تمطر بغزارة".split(),
    "fa": "خانه روی تپه است و ما وقتی باران می‌بارید به آنجا رفتیم".split(),
    "ro": "casa este pe deal și am mers acolo când ploua tare într-o zi".split(),
}
ODD = [
    "NASA", "USA", "https://example.com/a?b=c", "http://x", "me.too@mail.example.org", "a@b", "@", "1234", "…", "  ",
    "a\u0300", "e\u0323", "\u1ea0", "\u0219", "\U0001F600", "ΣΑΣ", "«»", "\n", "\t", "x" * 70 + "@y.z",
]


def main():
    draw = random.Random(20)
    texts = ["", "   ", "1 2 3", "word " * 4000]
    for _ in range(400):
        languages = draw.sample(sorted(WORDS), draw.choice([1, 1, 1, 2, 3]))
        pieces = [draw.choice(WORDS[draw.choice(languages)]) for _ in range(draw.randint(1, 60))]
        for _ in range(draw.choice([0, 0, 1, 4])):
            pieces.insert(draw.randrange(len(pieces) + 1), draw.choice(ODD))
        texts.append(draw.choice([" ", " ", ""]).join(pieces))
    with open(Path(__file__).parent / "langdetect" / "cases.jsonl", "w", encoding="utf-8") as out:
        for number, text in enumerate(texts):
            DetectorFactory.seed = seed = [0, 0, 1, 12345, -7, 2**40 + 3][number % 6]
            try:
                languages = {found.lang: found.prob for found in detect_langs(text)}
            except LangDetectException:
                languages = {}
            out.write(json.dumps({"seed": seed, "text": text, "languages": languages}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
