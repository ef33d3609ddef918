// Made by Scripts/generate-html-tables. Do not edit.

extension ElementName {
    /// `a`
    public static var a: ElementName { ElementName(rawValue: 1) }
    /// `abbr`
    public static var abbr: ElementName { ElementName(rawValue: 2) }
    /// `acronym`
    public static var acronym: ElementName { ElementName(rawValue: 3) }
    /// `address`
    public static var address: ElementName { ElementName(rawValue: 4) }
    /// `applet`
    public static var applet: ElementName { ElementName(rawValue: 5) }
    /// `area`
    public static var area: ElementName { ElementName(rawValue: 6) }
    /// `article`
    public static var article: ElementName { ElementName(rawValue: 7) }
    /// `aside`
    public static var aside: ElementName { ElementName(rawValue: 8) }
    /// `audio`
    public static var audio: ElementName { ElementName(rawValue: 9) }
    /// `b`
    public static var b: ElementName { ElementName(rawValue: 10) }
    /// `base`
    public static var base: ElementName { ElementName(rawValue: 11) }
    /// `basefont`
    public static var basefont: ElementName { ElementName(rawValue: 12) }
    /// `bdi`
    public static var bdi: ElementName { ElementName(rawValue: 13) }
    /// `bdo`
    public static var bdo: ElementName { ElementName(rawValue: 14) }
    /// `bgsound`
    public static var bgsound: ElementName { ElementName(rawValue: 15) }
    /// `big`
    public static var big: ElementName { ElementName(rawValue: 16) }
    /// `blink`
    public static var blink: ElementName { ElementName(rawValue: 17) }
    /// `blockquote`
    public static var blockquote: ElementName { ElementName(rawValue: 18) }
    /// `body`
    public static var body: ElementName { ElementName(rawValue: 19) }
    /// `br`
    public static var br: ElementName { ElementName(rawValue: 20) }
    /// `button`
    public static var button: ElementName { ElementName(rawValue: 21) }
    /// `canvas`
    public static var canvas: ElementName { ElementName(rawValue: 22) }
    /// `caption`
    public static var caption: ElementName { ElementName(rawValue: 23) }
    /// `center`
    public static var center: ElementName { ElementName(rawValue: 24) }
    /// `cite`
    public static var cite: ElementName { ElementName(rawValue: 25) }
    /// `code`
    public static var code: ElementName { ElementName(rawValue: 26) }
    /// `col`
    public static var col: ElementName { ElementName(rawValue: 27) }
    /// `colgroup`
    public static var colgroup: ElementName { ElementName(rawValue: 28) }
    /// `command`
    public static var command: ElementName { ElementName(rawValue: 29) }
    /// `data`
    public static var data: ElementName { ElementName(rawValue: 30) }
    /// `datalist`
    public static var datalist: ElementName { ElementName(rawValue: 31) }
    /// `dd`
    public static var dd: ElementName { ElementName(rawValue: 32) }
    /// `del`
    public static var del: ElementName { ElementName(rawValue: 33) }
    /// `details`
    public static var details: ElementName { ElementName(rawValue: 34) }
    /// `dfn`
    public static var dfn: ElementName { ElementName(rawValue: 35) }
    /// `dialog`
    public static var dialog: ElementName { ElementName(rawValue: 36) }
    /// `dir`
    public static var dir: ElementName { ElementName(rawValue: 37) }
    /// `div`
    public static var div: ElementName { ElementName(rawValue: 38) }
    /// `dl`
    public static var dl: ElementName { ElementName(rawValue: 39) }
    /// `dt`
    public static var dt: ElementName { ElementName(rawValue: 40) }
    /// `em`
    public static var em: ElementName { ElementName(rawValue: 41) }
    /// `embed`
    public static var embed: ElementName { ElementName(rawValue: 42) }
    /// `fieldset`
    public static var fieldset: ElementName { ElementName(rawValue: 43) }
    /// `figcaption`
    public static var figcaption: ElementName { ElementName(rawValue: 44) }
    /// `figure`
    public static var figure: ElementName { ElementName(rawValue: 45) }
    /// `font`
    public static var font: ElementName { ElementName(rawValue: 46) }
    /// `footer`
    public static var footer: ElementName { ElementName(rawValue: 47) }
    /// `form`
    public static var form: ElementName { ElementName(rawValue: 48) }
    /// `frame`
    public static var frame: ElementName { ElementName(rawValue: 49) }
    /// `frameset`
    public static var frameset: ElementName { ElementName(rawValue: 50) }
    /// `h1`
    public static var h1: ElementName { ElementName(rawValue: 51) }
    /// `h2`
    public static var h2: ElementName { ElementName(rawValue: 52) }
    /// `h3`
    public static var h3: ElementName { ElementName(rawValue: 53) }
    /// `h4`
    public static var h4: ElementName { ElementName(rawValue: 54) }
    /// `h5`
    public static var h5: ElementName { ElementName(rawValue: 55) }
    /// `h6`
    public static var h6: ElementName { ElementName(rawValue: 56) }
    /// `head`
    public static var head: ElementName { ElementName(rawValue: 57) }
    /// `header`
    public static var header: ElementName { ElementName(rawValue: 58) }
    /// `hgroup`
    public static var hgroup: ElementName { ElementName(rawValue: 59) }
    /// `hr`
    public static var hr: ElementName { ElementName(rawValue: 60) }
    /// `html`
    public static var html: ElementName { ElementName(rawValue: 61) }
    /// `i`
    public static var i: ElementName { ElementName(rawValue: 62) }
    /// `iframe`
    public static var iframe: ElementName { ElementName(rawValue: 63) }
    /// `image`
    public static var image: ElementName { ElementName(rawValue: 64) }
    /// `img`
    public static var img: ElementName { ElementName(rawValue: 65) }
    /// `input`
    public static var input: ElementName { ElementName(rawValue: 66) }
    /// `ins`
    public static var ins: ElementName { ElementName(rawValue: 67) }
    /// `isindex`
    public static var isindex: ElementName { ElementName(rawValue: 68) }
    /// `kbd`
    public static var kbd: ElementName { ElementName(rawValue: 69) }
    /// `keygen`
    public static var keygen: ElementName { ElementName(rawValue: 70) }
    /// `label`
    public static var label: ElementName { ElementName(rawValue: 71) }
    /// `legend`
    public static var legend: ElementName { ElementName(rawValue: 72) }
    /// `li`
    public static var li: ElementName { ElementName(rawValue: 73) }
    /// `link`
    public static var link: ElementName { ElementName(rawValue: 74) }
    /// `listing`
    public static var listing: ElementName { ElementName(rawValue: 75) }
    /// `main`
    public static var main: ElementName { ElementName(rawValue: 76) }
    /// `map`
    public static var map: ElementName { ElementName(rawValue: 77) }
    /// `mark`
    public static var mark: ElementName { ElementName(rawValue: 78) }
    /// `marquee`
    public static var marquee: ElementName { ElementName(rawValue: 79) }
    /// `menu`
    public static var menu: ElementName { ElementName(rawValue: 80) }
    /// `menuitem`
    public static var menuitem: ElementName { ElementName(rawValue: 81) }
    /// `meta`
    public static var meta: ElementName { ElementName(rawValue: 82) }
    /// `meter`
    public static var meter: ElementName { ElementName(rawValue: 83) }
    /// `multicol`
    public static var multicol: ElementName { ElementName(rawValue: 84) }
    /// `nav`
    public static var nav: ElementName { ElementName(rawValue: 85) }
    /// `nextid`
    public static var nextid: ElementName { ElementName(rawValue: 86) }
    /// `nobr`
    public static var nobr: ElementName { ElementName(rawValue: 87) }
    /// `noembed`
    public static var noembed: ElementName { ElementName(rawValue: 88) }
    /// `noframes`
    public static var noframes: ElementName { ElementName(rawValue: 89) }
    /// `noscript`
    public static var noscript: ElementName { ElementName(rawValue: 90) }
    /// `object`
    public static var object: ElementName { ElementName(rawValue: 91) }
    /// `ol`
    public static var ol: ElementName { ElementName(rawValue: 92) }
    /// `optgroup`
    public static var optgroup: ElementName { ElementName(rawValue: 93) }
    /// `option`
    public static var option: ElementName { ElementName(rawValue: 94) }
    /// `output`
    public static var output: ElementName { ElementName(rawValue: 95) }
    /// `p`
    public static var p: ElementName { ElementName(rawValue: 96) }
    /// `param`
    public static var param: ElementName { ElementName(rawValue: 97) }
    /// `picture`
    public static var picture: ElementName { ElementName(rawValue: 98) }
    /// `plaintext`
    public static var plaintext: ElementName { ElementName(rawValue: 99) }
    /// `portal`
    public static var portal: ElementName { ElementName(rawValue: 100) }
    /// `pre`
    public static var pre: ElementName { ElementName(rawValue: 101) }
    /// `progress`
    public static var progress: ElementName { ElementName(rawValue: 102) }
    /// `q`
    public static var q: ElementName { ElementName(rawValue: 103) }
    /// `rb`
    public static var rb: ElementName { ElementName(rawValue: 104) }
    /// `rbc`
    public static var rbc: ElementName { ElementName(rawValue: 105) }
    /// `rp`
    public static var rp: ElementName { ElementName(rawValue: 106) }
    /// `rt`
    public static var rt: ElementName { ElementName(rawValue: 107) }
    /// `rtc`
    public static var rtc: ElementName { ElementName(rawValue: 108) }
    /// `ruby`
    public static var ruby: ElementName { ElementName(rawValue: 109) }
    /// `s`
    public static var s: ElementName { ElementName(rawValue: 110) }
    /// `samp`
    public static var samp: ElementName { ElementName(rawValue: 111) }
    /// `script`
    public static var script: ElementName { ElementName(rawValue: 112) }
    /// `search`
    public static var search: ElementName { ElementName(rawValue: 113) }
    /// `section`
    public static var section: ElementName { ElementName(rawValue: 114) }
    /// `select`
    public static var select: ElementName { ElementName(rawValue: 115) }
    /// `slot`
    public static var slot: ElementName { ElementName(rawValue: 116) }
    /// `small`
    public static var small: ElementName { ElementName(rawValue: 117) }
    /// `source`
    public static var source: ElementName { ElementName(rawValue: 118) }
    /// `spacer`
    public static var spacer: ElementName { ElementName(rawValue: 119) }
    /// `span`
    public static var span: ElementName { ElementName(rawValue: 120) }
    /// `strike`
    public static var strike: ElementName { ElementName(rawValue: 121) }
    /// `strong`
    public static var strong: ElementName { ElementName(rawValue: 122) }
    /// `style`
    public static var style: ElementName { ElementName(rawValue: 123) }
    /// `sub`
    public static var sub: ElementName { ElementName(rawValue: 124) }
    /// `summary`
    public static var summary: ElementName { ElementName(rawValue: 125) }
    /// `sup`
    public static var sup: ElementName { ElementName(rawValue: 126) }
    /// `table`
    public static var table: ElementName { ElementName(rawValue: 127) }
    /// `tbody`
    public static var tbody: ElementName { ElementName(rawValue: 128) }
    /// `td`
    public static var td: ElementName { ElementName(rawValue: 129) }
    /// `template`
    public static var template: ElementName { ElementName(rawValue: 130) }
    /// `textarea`
    public static var textarea: ElementName { ElementName(rawValue: 131) }
    /// `tfoot`
    public static var tfoot: ElementName { ElementName(rawValue: 132) }
    /// `th`
    public static var th: ElementName { ElementName(rawValue: 133) }
    /// `thead`
    public static var thead: ElementName { ElementName(rawValue: 134) }
    /// `time`
    public static var time: ElementName { ElementName(rawValue: 135) }
    /// `title`
    public static var title: ElementName { ElementName(rawValue: 136) }
    /// `tr`
    public static var tr: ElementName { ElementName(rawValue: 137) }
    /// `track`
    public static var track: ElementName { ElementName(rawValue: 138) }
    /// `tt`
    public static var tt: ElementName { ElementName(rawValue: 139) }
    /// `u`
    public static var u: ElementName { ElementName(rawValue: 140) }
    /// `ul`
    public static var ul: ElementName { ElementName(rawValue: 141) }
    /// `var`
    public static var `var`: ElementName { ElementName(rawValue: 142) }
    /// `video`
    public static var video: ElementName { ElementName(rawValue: 143) }
    /// `wbr`
    public static var wbr: ElementName { ElementName(rawValue: 144) }
    /// `xmp`
    public static var xmp: ElementName { ElementName(rawValue: 145) }
    /// `math`
    public static var math: ElementName { ElementName(rawValue: 146) }
    /// `annotation`
    public static var annotation: ElementName { ElementName(rawValue: 147) }
    /// `annotation-xml`
    public static var annotationXml: ElementName { ElementName(rawValue: 148) }
    /// `maction`
    public static var maction: ElementName { ElementName(rawValue: 149) }
    /// `malignmark`
    public static var malignmark: ElementName { ElementName(rawValue: 150) }
    /// `menclose`
    public static var menclose: ElementName { ElementName(rawValue: 151) }
    /// `merror`
    public static var merror: ElementName { ElementName(rawValue: 152) }
    /// `mfenced`
    public static var mfenced: ElementName { ElementName(rawValue: 153) }
    /// `mfrac`
    public static var mfrac: ElementName { ElementName(rawValue: 154) }
    /// `mglyph`
    public static var mglyph: ElementName { ElementName(rawValue: 155) }
    /// `mi`
    public static var mi: ElementName { ElementName(rawValue: 156) }
    /// `mmultiscripts`
    public static var mmultiscripts: ElementName { ElementName(rawValue: 157) }
    /// `mn`
    public static var mn: ElementName { ElementName(rawValue: 158) }
    /// `mo`
    public static var mo: ElementName { ElementName(rawValue: 159) }
    /// `mover`
    public static var mover: ElementName { ElementName(rawValue: 160) }
    /// `mpadded`
    public static var mpadded: ElementName { ElementName(rawValue: 161) }
    /// `mphantom`
    public static var mphantom: ElementName { ElementName(rawValue: 162) }
    /// `mprescripts`
    public static var mprescripts: ElementName { ElementName(rawValue: 163) }
    /// `mroot`
    public static var mroot: ElementName { ElementName(rawValue: 164) }
    /// `mrow`
    public static var mrow: ElementName { ElementName(rawValue: 165) }
    /// `ms`
    public static var ms: ElementName { ElementName(rawValue: 166) }
    /// `mspace`
    public static var mspace: ElementName { ElementName(rawValue: 167) }
    /// `msqrt`
    public static var msqrt: ElementName { ElementName(rawValue: 168) }
    /// `mstyle`
    public static var mstyle: ElementName { ElementName(rawValue: 169) }
    /// `msub`
    public static var msub: ElementName { ElementName(rawValue: 170) }
    /// `msubsup`
    public static var msubsup: ElementName { ElementName(rawValue: 171) }
    /// `msup`
    public static var msup: ElementName { ElementName(rawValue: 172) }
    /// `mtable`
    public static var mtable: ElementName { ElementName(rawValue: 173) }
    /// `mtd`
    public static var mtd: ElementName { ElementName(rawValue: 174) }
    /// `mtext`
    public static var mtext: ElementName { ElementName(rawValue: 175) }
    /// `mtr`
    public static var mtr: ElementName { ElementName(rawValue: 176) }
    /// `munder`
    public static var munder: ElementName { ElementName(rawValue: 177) }
    /// `munderover`
    public static var munderover: ElementName { ElementName(rawValue: 178) }
    /// `none`
    public static var mathNone: ElementName { ElementName(rawValue: 179) }
    /// `semantics`
    public static var semantics: ElementName { ElementName(rawValue: 180) }
    /// `svg`
    public static var svg: ElementName { ElementName(rawValue: 181) }
    /// `animate`
    public static var animate: ElementName { ElementName(rawValue: 182) }
    /// `circle`
    public static var circle: ElementName { ElementName(rawValue: 183) }
    /// `defs`
    public static var defs: ElementName { ElementName(rawValue: 184) }
    /// `desc`
    public static var desc: ElementName { ElementName(rawValue: 185) }
    /// `ellipse`
    public static var ellipse: ElementName { ElementName(rawValue: 186) }
    /// `filter`
    public static var filter: ElementName { ElementName(rawValue: 187) }
    /// `g`
    public static var g: ElementName { ElementName(rawValue: 188) }
    /// `line`
    public static var line: ElementName { ElementName(rawValue: 189) }
    /// `marker`
    public static var marker: ElementName { ElementName(rawValue: 190) }
    /// `mask`
    public static var mask: ElementName { ElementName(rawValue: 191) }
    /// `metadata`
    public static var metadata: ElementName { ElementName(rawValue: 192) }
    /// `path`
    public static var path: ElementName { ElementName(rawValue: 193) }
    /// `pattern`
    public static var pattern: ElementName { ElementName(rawValue: 194) }
    /// `polygon`
    public static var polygon: ElementName { ElementName(rawValue: 195) }
    /// `polyline`
    public static var polyline: ElementName { ElementName(rawValue: 196) }
    /// `rect`
    public static var rect: ElementName { ElementName(rawValue: 197) }
    /// `set`
    public static var set: ElementName { ElementName(rawValue: 198) }
    /// `stop`
    public static var stop: ElementName { ElementName(rawValue: 199) }
    /// `switch`
    public static var `switch`: ElementName { ElementName(rawValue: 200) }
    /// `symbol`
    public static var symbol: ElementName { ElementName(rawValue: 201) }
    /// `text`
    public static var text: ElementName { ElementName(rawValue: 202) }
    /// `tspan`
    public static var tspan: ElementName { ElementName(rawValue: 203) }
    /// `use`
    public static var use: ElementName { ElementName(rawValue: 204) }
    /// `view`
    public static var view: ElementName { ElementName(rawValue: 205) }
    /// `altGlyph`
    public static var altGlyph: ElementName { ElementName(rawValue: 206) }
    /// `altGlyphDef`
    public static var altGlyphDef: ElementName { ElementName(rawValue: 207) }
    /// `altGlyphItem`
    public static var altGlyphItem: ElementName { ElementName(rawValue: 208) }
    /// `animateColor`
    public static var animateColor: ElementName { ElementName(rawValue: 209) }
    /// `animateMotion`
    public static var animateMotion: ElementName { ElementName(rawValue: 210) }
    /// `animateTransform`
    public static var animateTransform: ElementName { ElementName(rawValue: 211) }
    /// `clipPath`
    public static var clipPath: ElementName { ElementName(rawValue: 212) }
    /// `feBlend`
    public static var feBlend: ElementName { ElementName(rawValue: 213) }
    /// `feColorMatrix`
    public static var feColorMatrix: ElementName { ElementName(rawValue: 214) }
    /// `feComponentTransfer`
    public static var feComponentTransfer: ElementName { ElementName(rawValue: 215) }
    /// `feComposite`
    public static var feComposite: ElementName { ElementName(rawValue: 216) }
    /// `feConvolveMatrix`
    public static var feConvolveMatrix: ElementName { ElementName(rawValue: 217) }
    /// `feDiffuseLighting`
    public static var feDiffuseLighting: ElementName { ElementName(rawValue: 218) }
    /// `feDisplacementMap`
    public static var feDisplacementMap: ElementName { ElementName(rawValue: 219) }
    /// `feDistantLight`
    public static var feDistantLight: ElementName { ElementName(rawValue: 220) }
    /// `feDropShadow`
    public static var feDropShadow: ElementName { ElementName(rawValue: 221) }
    /// `feFlood`
    public static var feFlood: ElementName { ElementName(rawValue: 222) }
    /// `feFuncA`
    public static var feFuncA: ElementName { ElementName(rawValue: 223) }
    /// `feFuncB`
    public static var feFuncB: ElementName { ElementName(rawValue: 224) }
    /// `feFuncG`
    public static var feFuncG: ElementName { ElementName(rawValue: 225) }
    /// `feFuncR`
    public static var feFuncR: ElementName { ElementName(rawValue: 226) }
    /// `feGaussianBlur`
    public static var feGaussianBlur: ElementName { ElementName(rawValue: 227) }
    /// `feImage`
    public static var feImage: ElementName { ElementName(rawValue: 228) }
    /// `feMerge`
    public static var feMerge: ElementName { ElementName(rawValue: 229) }
    /// `feMergeNode`
    public static var feMergeNode: ElementName { ElementName(rawValue: 230) }
    /// `feMorphology`
    public static var feMorphology: ElementName { ElementName(rawValue: 231) }
    /// `feOffset`
    public static var feOffset: ElementName { ElementName(rawValue: 232) }
    /// `fePointLight`
    public static var fePointLight: ElementName { ElementName(rawValue: 233) }
    /// `feSpecularLighting`
    public static var feSpecularLighting: ElementName { ElementName(rawValue: 234) }
    /// `feSpotLight`
    public static var feSpotLight: ElementName { ElementName(rawValue: 235) }
    /// `feTile`
    public static var feTile: ElementName { ElementName(rawValue: 236) }
    /// `feTurbulence`
    public static var feTurbulence: ElementName { ElementName(rawValue: 237) }
    /// `foreignObject`
    public static var foreignObject: ElementName { ElementName(rawValue: 238) }
    /// `glyphRef`
    public static var glyphRef: ElementName { ElementName(rawValue: 239) }
    /// `linearGradient`
    public static var linearGradient: ElementName { ElementName(rawValue: 240) }
    /// `radialGradient`
    public static var radialGradient: ElementName { ElementName(rawValue: 241) }
    /// `textPath`
    public static var textPath: ElementName { ElementName(rawValue: 242) }

    /// The names above in the order of their numbers, which start at 1.
    static let known: StaticString = """
        a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big blink \
        blockquote body br button canvas caption center cite code col colgroup command data datalist dd del \
        details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form frame frameset \
        h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe image img input ins isindex kbd keygen label \
        legend li link listing main map mark marquee menu menuitem meta meter multicol nav nextid nobr \
        noembed noframes noscript object ol optgroup option output p param picture plaintext portal pre \
        progress q rb rbc rp rt rtc ruby s samp script search section select slot small source spacer span \
        strike strong style sub summary sup table tbody td template textarea tfoot th thead time title tr \
        track tt u ul var video wbr xmp math annotation annotation-xml maction malignmark menclose merror \
        mfenced mfrac mglyph mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms mspace \
        msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none semantics svg animate \
        circle defs desc ellipse filter g line marker mask metadata path pattern polygon polyline rect set \
        stop switch symbol text tspan use view altGlyph altGlyphDef altGlyphItem animateColor animateMotion \
        animateTransform clipPath feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix \
        feDiffuseLighting feDisplacementMap feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG \
        feFuncR feGaussianBlur feImage feMerge feMergeNode feMorphology feOffset fePointLight \
        feSpecularLighting feSpotLight feTile feTurbulence foreignObject glyphRef linearGradient \
        radialGradient textPath altglyph altglyphdef altglyphitem animatecolor animatemotion \
        animatetransform clippath feblend fecolormatrix fecomponenttransfer fecomposite feconvolvematrix \
        fediffuselighting fedisplacementmap fedistantlight fedropshadow feflood fefunca fefuncb fefuncg \
        fefuncr fegaussianblur feimage femerge femergenode femorphology feoffset fepointlight \
        fespecularlighting fespotlight fetile feturbulence foreignobject glyphref lineargradient \
        radialgradient textpath
        """
    /// How many names are known.
    static var knownCount: Int { 279 }
}
