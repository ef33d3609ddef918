import HTML

/// What authors call parts of pages: in classes and identifiers, in the languages of many sites.
enum ClassHint: Int, CaseIterable, Sendable {
    case content, body, comment, navigation, footer, sidebar, related, share, advertisement, meta, header, title,
        consent
    case tags, media, product, listing, forum, hidden, search, lead, biography, reference, subscription, table, widget

    /// Parts of names. `_` stands for the start or end of a word: a sign that is no letter, or a change of case.
    static let words: [(hint: ClassHint, words: String)] = [
        (
            .content,
            """
            article _content content_ _post_ _entry _story _text_ _main maincontent artikel contenu contenido conteudo \
            inhalt beitrag _tresc statya _noticia _nota_ _cuerpo nyhet _page_ hauptinhalt
            """
        ),
        (
            .body,
            """
            articlebody article_body articlecontent article_content articletext article_text entrycontent entry_content \
            postcontent post_content postbody post_body storybody story_body storycontent story_content bodytext \
            body_text bodycopy body_copy maintext main_text richtext rich_text _prose markdown _wysiwyg _rte_ \
            newstext news_text news_body fulltext singlecontent single_content pagecontent page_content _mw_ \
            parseroutput tresc_artykulu article_detail articulo_cuerpo text_content _field_name_body
            """
        ),
        (
            .comment,
            """
            comment kommentar komentar commentaire comentario commento disqus _respond _replies discussion _reply \
            _coral_ livefyre
            """
        ),
        (
            .navigation,
            """
            _nav navi_ navigation navbar _menu menu_ breadcrumb pagination _pager _toc_ tableofcontents _tabs _crumb \
            sitemap _skip megamenu submenu _paging pagenav _next _prev _jump _anchor
            """
        ),
        (.footer, "footer _foot_ _bottom fusszeile copyright colophon _legal imprint impressum disclaimer rodape"),
        (.sidebar, "sidebar _side_ _rail aside_ _aside right_col rightcol left_col leftcol _secondary complementary"),
        (
            .related,
            """
            related recommend suggest similar _more_ readmore read_more popular trending mostread most_read _latest \
            teaser _also_ outbrain taboola verwandt aehnlich weitere meist_ relacionad recomend lire_aussi correlat \
            powiazane najnowsze headlines carousel slider _swiper recirc _upnext _teasers aktuell mehr_zum
            """
        ),
        (
            .share,
            """
            share_ _share sharing _social social_ facebook twitter whatsapp addthis addtoany _follow teilen partag \
            compartir udostepn _sns_ pinterest linkedin instagram
            """
        ),
        (
            .advertisement,
            """
            _ad_ _ads_ advert adslot sponsor _banner _promo anzeige werbung publicidad publicite reklam _dfp _gpt_ \
            affiliate _adv_ _mpu_ adsbygoogle _cta_ promotion _marketing
            """
        ),
        (
            .meta,
            """
            byline author _date_ dateline timestamp publish _meta_ metadata _info_ _autor auteur _time_ datum _posted \
            _updated datetime pubdate _credits _stats_ readtime reading_time
            """
        ),
        (.header, "header masthead _head_ _top_ topbar branding _logo kicker eyebrow _hero"),
        (.title, "title headline heading titel titre titulo _hed_ rubrik"),
        (
            .consent,
            """
            cookie consent gdpr modal popup overlay lightbox dialog _alert notification _notice _toast privacy onetrust \
            didomi usercentrics _cmp_ ccpa cybot iubenda
            """
        ),
        (.tags, "_tag_ _tags tagcloud tagged categor topics keyword _label_ schlagw rubri _cat_ _badge"),
        (
            .media,
            """
            caption figure gallery image_ _image photo _video bildunter legende _img_ _imgs thumb credit_ player \
            galerie _media _embed slideshow
            """
        ),
        (.product, "product price _sku _cart _shop review rating specification _specs _feature _buy_ checkout _offer"),
        (.listing, "_card _grid _tile listing _list_ _item result _feed_ _stream collection _archive _row_ _col_"),
        (
            .forum,
            "message _thread _topic_ answer question forum usercontent _qa_ _vote postcell _bbs_ lia_ _reply_ postrow"
        ),
        (
            .hidden,
            """
            hidden_ _hidden _hide_ invisible screen_reader sr_only visuallyhidden visually_hidden offscreen noprint \
            no_print printonly _d_none _print_ _collapse
            """
        ),
        (.search, "search_ _search suche_ _suche recherche busca _filter filter_ _sort"),
        (
            .lead,
            "_lead_ _intro summary excerpt standfirst _deck_ _dek_ subtitle subhead vorspann chapeau abstract descri _lede"
        ),
        (.biography, "_bio_ aboutauthor about_author about_the_author authorbox author_box profile _staff _team"),
        (
            .reference,
            "reference footnote citation _cite bibliograph editsection catlinks infobox navbox hatnote reflist sources_"
        ),
        (
            .subscription,
            """
            _login signin sign_in subscri newsletter register signup sign_up _form paywall regwall _abo_ mailchimp \
            _premium_ _account _contact
            """
        ),
        (.table, "_table tablepress datatable _spec _chart"),
        (.widget, "widget _module _plugin _tool _button _btn_ _icon _action toolbar _poll quiz"),
    ]

    typealias Set = UInt32
}

/// Finds the words of all hints in one pass over a name (Aho and Corasick 1975).
struct HintAutomaton: Sendable {
    private static let symbols = 28
    private var next: [UInt16]
    private var found: [UInt32]

    static let shared = HintAutomaton()

    private init() {
        next = Array(repeating: 0, count: Self.symbols)
        found = [0]
        for (hint, words) in ClassHint.words {
            for word in words.split(separator: " ") {
                var state = 0
                for byte in word.utf8 {
                    let symbol = Int(Self.symbol(byte))
                    if next[state * Self.symbols + symbol] == 0 {
                        next[state * Self.symbols + symbol] = UInt16(found.count)
                        next += Array(repeating: 0, count: Self.symbols)
                        found.append(0)
                    }
                    state = Int(next[state * Self.symbols + symbol])
                }
                found[state] |= 1 << UInt32(hint.rawValue)
            }
        }
        // Breadth first: what is missing goes where the longest suffix goes.
        var fallback = Array(repeating: 0, count: found.count)
        var queue = (0..<Self.symbols).map { Int(next[$0]) }.filter { $0 != 0 }
        var head = 0
        while head < queue.count {
            let state = queue[head]
            head += 1
            found[state] |= found[fallback[state]]
            for symbol in 0..<Self.symbols {
                let child = Int(next[state * Self.symbols + symbol])
                let suffix = next[fallback[state] * Self.symbols + symbol]
                if child == 0 {
                    next[state * Self.symbols + symbol] = suffix
                } else {
                    fallback[child] = Int(suffix)
                    queue.append(child)
                }
            }
        }
    }

    /// 1 … 26 for letters, 0 for what ends a word.
    @inline(__always)
    private static func symbol(_ byte: UInt8) -> UInt8 {
        let letter = (byte | 0x20) &- 96
        return letter &- 1 < 26 ? letter : 0
    }

    /// The hints in a name; only the first 256 bytes count. Complexity: O(length).
    func hints(in name: UnsafeBufferPointer<UInt8>) -> ClassHint.Set {
        guard let bytes = name.baseAddress else { return 0 }
        return next.withUnsafeBufferPointer { next in
            found.withUnsafeBufferPointer { found in
                var state = Int(next[0])
                var result: UInt32 = 0
                var wasLower = false
                for index in 0..<min(name.count, 256) {
                    let byte = bytes[index]
                    let isUpper = byte &- 65 < 26
                    if isUpper, wasLower {
                        state = Int(next[state * Self.symbols])
                        result |= found[state]
                    }
                    wasLower = byte &- 97 < 26
                    state = Int(next[state * Self.symbols + Int(Self.symbol(byte))])
                    result |= found[state]
                }
                return result | found[Int(next[state * Self.symbols])]
            }
        }
    }
}
