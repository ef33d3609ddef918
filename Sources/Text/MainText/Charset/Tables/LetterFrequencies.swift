// Made by Scripts/generate-charset-tables; do not edit.

/// How languages use letters beyond ASCII: the letters, most frequent first, and for each, as a letter from `a`,
/// half-bits of its rarity among them (`a`: all of them; `c`: one in two; `e`: one in four).
enum LetterFrequencies {
    static let table: [(language: String, letters: String, rarities: String)] = [
        ("de", "üäöß", "cdgh"),
        ("fr", "éàè\u{300}ê\u{301}ôîçâ\u{303}", "bhhijjmoprs"),
        ("es", "óáíéúñ", "cefhjl"),
        ("pt", "çãõáíéóêúàâº", "eeghhiikknoq"),
        ("it", "àèùòìé\u{300}ã", "deghijjl"),
        ("nl", "ëéïöè", "deejj"),
        ("sv", "äöå", "ddd"),
        ("da", "åæø", "dde"),
        ("nb", "åøæ", "cdi"),
        ("fi", "äöå", "agq"),
        ("is", "ðáíþóæöúéý", "dgghhiijkl"),
        ("ca", "óéàèíòúçáïüñ", "effhhiiknnno"),
        ("ga", "íáéóúа", "eeeggr"),
        ("et", "äõüö\u{303}", "ddeiq"),
        ("pl", "łęąóśżćńź", "fffgggikl"),
        ("cs", "íářěéýčžšůúňľąťóăď", "efghhiiijknppqrrsu"),
        ("sk", "áýčíšžúéťľôňďóä", "fghhhhhiiklmnno"),
        ("hu", "áéöóíüőõúûűôå", "deghjjjklnoqs"),
        ("sl", "čšž", "cde"),
        ("hr", "čšžćđäťå", "deffhprr"),
        ("ro", "ășîțţďżşâãï", "dfgiiiijkpq"),
        ("sq", "ëç", "am"),
        ("lt", "ėųšžąįūčę", "effghhijl"),
        ("lv", "āīēšūņļģžķčä", "dffhjjkmmnpq"),
        ("tr", "ıüşçöğýþð\u{307}âäÿ", "dgggiiilnnrst"),
        (
            "vi",
            "đàưáệạếôảêóộốâơềớểựủấợờậầịíọìăãổồứụởắúữỉ\u{301}ùýừ\u{300}ửặỏò\u{323}ẽỹũé\u{309}ẩẫễằỷĩẹỡỗ",
            "hhijkkkkkkllllllllllmmmmmmmmmnnnnnnnooopppppppqqqqqqqqqrrrrrrsss"
        ),
        ("ru", "оиаетнсрвлкпмдуьызябйгчхюфжшцщэёъ", "hhhhiijjjjjkkkllllmmmnnooooppqsux"),
        ("uk", "оаниітврескудмлпзягьбйхчюцшжфїєщ", "hhiiiiijjjjkkkkkllmmmnnnoooooopr"),
        ("be", "анірыслектмдувяцозпўгбьчэхйшюжёф", "fiijjjjjjkkkkkkkkkklmmmmnnnnoops"),
        ("bg", "аиеотнрсвдплкмзябъгучцжщйфшхю", "ghhhhiijjkkkklllmmmnnoooqqqqu"),
        ("mk", "аоиетнрсвдклпмујгбзчшцжфњхќѓѕџ", "gghhiiijjjjkkllmmmmooopqqrrswy"),
        ("sr", "аиоенрстуквдјмлпзгбчцшњхћљжфђџ", "ghhhijjjjjkkkkkkmmmnnooppppqrx"),
        ("el", "αοτεινσκρπμηςυλίάόέδγήωθχύφώβζξψϊἀὸ", "hhhiiijjjjkkkkklllmmmmmnnnoopqqtyyy"),
        (
            "he",
            "\u{5d5}\u{5d9}\u{5d4}\u{5dc}\u{5e8}\u{5ea}\u{5d1}\u{5de}\u{5d0}\u{5e9}\u{5e0}\u{5d3}"
                + "\u{5dd}\u{5e7}\u{5e2}\u{5d7}\u{5e1}\u{5db}\u{5e4}\u{5d2}\u{5d8}\u{5e6}\u{5df}\u{5d6}"
                + "\u{5da}\u{5e3}\u{5e5}\u{5b0}",
            "gghiiiijjjkkkllllllmmmnnqsty"
        ),
        (
            "ar",
            "\u{627}\u{644}\u{645}\u{64a}\u{62a}\u{648}\u{631}\u{646}\u{639}\u{62f}\u{629}\u{641}"
                + "\u{628}\u{633}\u{62d}\u{647}\u{623}\u{62c}\u{642}\u{643}\u{62e}\u{635}\u{634}\u{637}"
                + "\u{625}\u{636}\u{649}\u{632}\u{630}\u{63a}\u{62b}\u{626}\u{621}\u{638}\u{622}\u{624}" + "\u{640}",
            "gghijjjjjjkkkllmmmmmnnnnnooopppqqquuv"
        ),
        (
            "fa",
            "\u{627}\u{6cc}\u{631}\u{62f}\u{646}\u{647}\u{648}\u{62a}\u{645}\u{628}\u{6a9}\u{644}"
                + "\u{633}\u{634}\u{632}\u{641}\u{639}\u{62e}\u{62c}\u{6af}\u{642}\u{67e}\u{637}\u{622}"
                + "\u{635}\u{62d}\u{686}\u{63a}\u{630}\u{636}\u{62b}\u{638}\u{626}\u{698}\u{64a}\u{623}",
            "fhhiiiiijjkkkklmnnnnnoooopqrssttuuxy"
        ),
        (
            "ur",
            "\u{627}\u{6cc}\u{631}\u{6a9}\u{648}\u{6c1}\u{646}\u{645}\u{6d2}\u{62a}\u{633}\u{644}"
                + "\u{62f}\u{628}\u{6ba}\u{62c}\u{67e}\u{6be}\u{6af}\u{639}\u{642}\u{626}\u{641}\u{632}"
                + "\u{634}\u{62d}\u{686}\u{679}\u{62e}\u{635}\u{622}\u{637}\u{688}\u{63a}\u{638}\u{636}"
                + "\u{691}\u{630}\u{62b}\u{647}\u{624}\u{621}\u{643}",
            "ghiiiijjjjkkkllmmmnnnnnoooopppqqrrssttuuwyy"
        ),
        (
            "th",
            "\u{e32}รนอมก\u{e48}ง\u{e31}\u{e40}\u{e49}ลสยวด\u{e35}บ\u{e34}ทตคปหชะ\u{e41}พจข\u{e38}"
                + "\u{e4c}\u{e33}\u{e39}\u{e37}\u{e44}\u{e43}\u{e42}ธศผภ\u{e47}ณษ\u{e36}ถฟญซฐฏฉฒฤฯ\u{e46}ฝ"
                + "\u{e4a}ฑฆฎฬ",
            "iiijjjkkkkkkllllllllllmmmmmmmnnnnnnooopppqqqqrrrrrvvvvvwwxxxyyy"
        ),
    ]
}
