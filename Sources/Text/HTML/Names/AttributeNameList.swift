// Made by Scripts/generate-html-tables. Do not edit.

extension AttributeName {
    /// `abbr`
    public static var abbr: AttributeName { AttributeName(rawValue: 1) }
    /// `accept`
    public static var accept: AttributeName { AttributeName(rawValue: 2) }
    /// `accept-charset`
    public static var acceptCharset: AttributeName { AttributeName(rawValue: 3) }
    /// `accesskey`
    public static var accesskey: AttributeName { AttributeName(rawValue: 4) }
    /// `action`
    public static var action: AttributeName { AttributeName(rawValue: 5) }
    /// `align`
    public static var align: AttributeName { AttributeName(rawValue: 6) }
    /// `alink`
    public static var alink: AttributeName { AttributeName(rawValue: 7) }
    /// `allow`
    public static var allow: AttributeName { AttributeName(rawValue: 8) }
    /// `allowfullscreen`
    public static var allowfullscreen: AttributeName { AttributeName(rawValue: 9) }
    /// `alt`
    public static var alt: AttributeName { AttributeName(rawValue: 10) }
    /// `archive`
    public static var archive: AttributeName { AttributeName(rawValue: 11) }
    /// `as`
    public static var `as`: AttributeName { AttributeName(rawValue: 12) }
    /// `async`
    public static var async: AttributeName { AttributeName(rawValue: 13) }
    /// `autocapitalize`
    public static var autocapitalize: AttributeName { AttributeName(rawValue: 14) }
    /// `autocomplete`
    public static var autocomplete: AttributeName { AttributeName(rawValue: 15) }
    /// `autofocus`
    public static var autofocus: AttributeName { AttributeName(rawValue: 16) }
    /// `autoplay`
    public static var autoplay: AttributeName { AttributeName(rawValue: 17) }
    /// `axis`
    public static var axis: AttributeName { AttributeName(rawValue: 18) }
    /// `background`
    public static var background: AttributeName { AttributeName(rawValue: 19) }
    /// `bgcolor`
    public static var bgcolor: AttributeName { AttributeName(rawValue: 20) }
    /// `border`
    public static var border: AttributeName { AttributeName(rawValue: 21) }
    /// `cellpadding`
    public static var cellpadding: AttributeName { AttributeName(rawValue: 22) }
    /// `cellspacing`
    public static var cellspacing: AttributeName { AttributeName(rawValue: 23) }
    /// `char`
    public static var char: AttributeName { AttributeName(rawValue: 24) }
    /// `charoff`
    public static var charoff: AttributeName { AttributeName(rawValue: 25) }
    /// `charset`
    public static var charset: AttributeName { AttributeName(rawValue: 26) }
    /// `checked`
    public static var checked: AttributeName { AttributeName(rawValue: 27) }
    /// `cite`
    public static var cite: AttributeName { AttributeName(rawValue: 28) }
    /// `class`
    public static var `class`: AttributeName { AttributeName(rawValue: 29) }
    /// `classid`
    public static var classid: AttributeName { AttributeName(rawValue: 30) }
    /// `clear`
    public static var clear: AttributeName { AttributeName(rawValue: 31) }
    /// `code`
    public static var code: AttributeName { AttributeName(rawValue: 32) }
    /// `codebase`
    public static var codebase: AttributeName { AttributeName(rawValue: 33) }
    /// `codetype`
    public static var codetype: AttributeName { AttributeName(rawValue: 34) }
    /// `color`
    public static var color: AttributeName { AttributeName(rawValue: 35) }
    /// `cols`
    public static var cols: AttributeName { AttributeName(rawValue: 36) }
    /// `colspan`
    public static var colspan: AttributeName { AttributeName(rawValue: 37) }
    /// `compact`
    public static var compact: AttributeName { AttributeName(rawValue: 38) }
    /// `content`
    public static var content: AttributeName { AttributeName(rawValue: 39) }
    /// `contenteditable`
    public static var contenteditable: AttributeName { AttributeName(rawValue: 40) }
    /// `controls`
    public static var controls: AttributeName { AttributeName(rawValue: 41) }
    /// `coords`
    public static var coords: AttributeName { AttributeName(rawValue: 42) }
    /// `crossorigin`
    public static var crossorigin: AttributeName { AttributeName(rawValue: 43) }
    /// `data`
    public static var data: AttributeName { AttributeName(rawValue: 44) }
    /// `data-id`
    public static var dataId: AttributeName { AttributeName(rawValue: 45) }
    /// `data-href`
    public static var dataHref: AttributeName { AttributeName(rawValue: 46) }
    /// `data-src`
    public static var dataSrc: AttributeName { AttributeName(rawValue: 47) }
    /// `data-srcset`
    public static var dataSrcset: AttributeName { AttributeName(rawValue: 48) }
    /// `data-title`
    public static var dataTitle: AttributeName { AttributeName(rawValue: 49) }
    /// `data-toggle`
    public static var dataToggle: AttributeName { AttributeName(rawValue: 50) }
    /// `data-target`
    public static var dataTarget: AttributeName { AttributeName(rawValue: 51) }
    /// `data-type`
    public static var dataType: AttributeName { AttributeName(rawValue: 52) }
    /// `data-url`
    public static var dataUrl: AttributeName { AttributeName(rawValue: 53) }
    /// `date`
    public static var date: AttributeName { AttributeName(rawValue: 54) }
    /// `datetime`
    public static var datetime: AttributeName { AttributeName(rawValue: 55) }
    /// `declare`
    public static var declare: AttributeName { AttributeName(rawValue: 56) }
    /// `decoding`
    public static var decoding: AttributeName { AttributeName(rawValue: 57) }
    /// `default`
    public static var `default`: AttributeName { AttributeName(rawValue: 58) }
    /// `defer`
    public static var `defer`: AttributeName { AttributeName(rawValue: 59) }
    /// `dir`
    public static var dir: AttributeName { AttributeName(rawValue: 60) }
    /// `dirname`
    public static var dirname: AttributeName { AttributeName(rawValue: 61) }
    /// `disabled`
    public static var disabled: AttributeName { AttributeName(rawValue: 62) }
    /// `download`
    public static var download: AttributeName { AttributeName(rawValue: 63) }
    /// `draggable`
    public static var draggable: AttributeName { AttributeName(rawValue: 64) }
    /// `encoding`
    public static var encoding: AttributeName { AttributeName(rawValue: 65) }
    /// `enctype`
    public static var enctype: AttributeName { AttributeName(rawValue: 66) }
    /// `enterkeyhint`
    public static var enterkeyhint: AttributeName { AttributeName(rawValue: 67) }
    /// `face`
    public static var face: AttributeName { AttributeName(rawValue: 68) }
    /// `fetchpriority`
    public static var fetchpriority: AttributeName { AttributeName(rawValue: 69) }
    /// `for`
    public static var `for`: AttributeName { AttributeName(rawValue: 70) }
    /// `form`
    public static var form: AttributeName { AttributeName(rawValue: 71) }
    /// `formaction`
    public static var formaction: AttributeName { AttributeName(rawValue: 72) }
    /// `formenctype`
    public static var formenctype: AttributeName { AttributeName(rawValue: 73) }
    /// `formmethod`
    public static var formmethod: AttributeName { AttributeName(rawValue: 74) }
    /// `formnovalidate`
    public static var formnovalidate: AttributeName { AttributeName(rawValue: 75) }
    /// `formtarget`
    public static var formtarget: AttributeName { AttributeName(rawValue: 76) }
    /// `frame`
    public static var frame: AttributeName { AttributeName(rawValue: 77) }
    /// `frameborder`
    public static var frameborder: AttributeName { AttributeName(rawValue: 78) }
    /// `headers`
    public static var headers: AttributeName { AttributeName(rawValue: 79) }
    /// `height`
    public static var height: AttributeName { AttributeName(rawValue: 80) }
    /// `hidden`
    public static var hidden: AttributeName { AttributeName(rawValue: 81) }
    /// `high`
    public static var high: AttributeName { AttributeName(rawValue: 82) }
    /// `href`
    public static var href: AttributeName { AttributeName(rawValue: 83) }
    /// `hreflang`
    public static var hreflang: AttributeName { AttributeName(rawValue: 84) }
    /// `hspace`
    public static var hspace: AttributeName { AttributeName(rawValue: 85) }
    /// `http-equiv`
    public static var httpEquiv: AttributeName { AttributeName(rawValue: 86) }
    /// `id`
    public static var id: AttributeName { AttributeName(rawValue: 87) }
    /// `imagesizes`
    public static var imagesizes: AttributeName { AttributeName(rawValue: 88) }
    /// `imagesrcset`
    public static var imagesrcset: AttributeName { AttributeName(rawValue: 89) }
    /// `inert`
    public static var inert: AttributeName { AttributeName(rawValue: 90) }
    /// `inputmode`
    public static var inputmode: AttributeName { AttributeName(rawValue: 91) }
    /// `integrity`
    public static var integrity: AttributeName { AttributeName(rawValue: 92) }
    /// `is`
    public static var `is`: AttributeName { AttributeName(rawValue: 93) }
    /// `ismap`
    public static var ismap: AttributeName { AttributeName(rawValue: 94) }
    /// `itemid`
    public static var itemid: AttributeName { AttributeName(rawValue: 95) }
    /// `itemprop`
    public static var itemprop: AttributeName { AttributeName(rawValue: 96) }
    /// `itemref`
    public static var itemref: AttributeName { AttributeName(rawValue: 97) }
    /// `itemscope`
    public static var itemscope: AttributeName { AttributeName(rawValue: 98) }
    /// `itemtype`
    public static var itemtype: AttributeName { AttributeName(rawValue: 99) }
    /// `kind`
    public static var kind: AttributeName { AttributeName(rawValue: 100) }
    /// `label`
    public static var label: AttributeName { AttributeName(rawValue: 101) }
    /// `lang`
    public static var lang: AttributeName { AttributeName(rawValue: 102) }
    /// `language`
    public static var language: AttributeName { AttributeName(rawValue: 103) }
    /// `link`
    public static var link: AttributeName { AttributeName(rawValue: 104) }
    /// `list`
    public static var list: AttributeName { AttributeName(rawValue: 105) }
    /// `loading`
    public static var loading: AttributeName { AttributeName(rawValue: 106) }
    /// `longdesc`
    public static var longdesc: AttributeName { AttributeName(rawValue: 107) }
    /// `loop`
    public static var loop: AttributeName { AttributeName(rawValue: 108) }
    /// `low`
    public static var low: AttributeName { AttributeName(rawValue: 109) }
    /// `marginheight`
    public static var marginheight: AttributeName { AttributeName(rawValue: 110) }
    /// `marginwidth`
    public static var marginwidth: AttributeName { AttributeName(rawValue: 111) }
    /// `max`
    public static var max: AttributeName { AttributeName(rawValue: 112) }
    /// `maxlength`
    public static var maxlength: AttributeName { AttributeName(rawValue: 113) }
    /// `media`
    public static var media: AttributeName { AttributeName(rawValue: 114) }
    /// `method`
    public static var method: AttributeName { AttributeName(rawValue: 115) }
    /// `min`
    public static var min: AttributeName { AttributeName(rawValue: 116) }
    /// `minlength`
    public static var minlength: AttributeName { AttributeName(rawValue: 117) }
    /// `multiple`
    public static var multiple: AttributeName { AttributeName(rawValue: 118) }
    /// `muted`
    public static var muted: AttributeName { AttributeName(rawValue: 119) }
    /// `name`
    public static var name: AttributeName { AttributeName(rawValue: 120) }
    /// `nohref`
    public static var nohref: AttributeName { AttributeName(rawValue: 121) }
    /// `nomodule`
    public static var nomodule: AttributeName { AttributeName(rawValue: 122) }
    /// `nonce`
    public static var nonce: AttributeName { AttributeName(rawValue: 123) }
    /// `noresize`
    public static var noresize: AttributeName { AttributeName(rawValue: 124) }
    /// `noshade`
    public static var noshade: AttributeName { AttributeName(rawValue: 125) }
    /// `novalidate`
    public static var novalidate: AttributeName { AttributeName(rawValue: 126) }
    /// `nowrap`
    public static var nowrap: AttributeName { AttributeName(rawValue: 127) }
    /// `object`
    public static var object: AttributeName { AttributeName(rawValue: 128) }
    /// `onblur`
    public static var onblur: AttributeName { AttributeName(rawValue: 129) }
    /// `onchange`
    public static var onchange: AttributeName { AttributeName(rawValue: 130) }
    /// `onclick`
    public static var onclick: AttributeName { AttributeName(rawValue: 131) }
    /// `onerror`
    public static var onerror: AttributeName { AttributeName(rawValue: 132) }
    /// `onfocus`
    public static var onfocus: AttributeName { AttributeName(rawValue: 133) }
    /// `onkeydown`
    public static var onkeydown: AttributeName { AttributeName(rawValue: 134) }
    /// `onkeypress`
    public static var onkeypress: AttributeName { AttributeName(rawValue: 135) }
    /// `onkeyup`
    public static var onkeyup: AttributeName { AttributeName(rawValue: 136) }
    /// `onload`
    public static var onload: AttributeName { AttributeName(rawValue: 137) }
    /// `onmousedown`
    public static var onmousedown: AttributeName { AttributeName(rawValue: 138) }
    /// `onmouseout`
    public static var onmouseout: AttributeName { AttributeName(rawValue: 139) }
    /// `onmouseover`
    public static var onmouseover: AttributeName { AttributeName(rawValue: 140) }
    /// `onmouseup`
    public static var onmouseup: AttributeName { AttributeName(rawValue: 141) }
    /// `onresize`
    public static var onresize: AttributeName { AttributeName(rawValue: 142) }
    /// `onsubmit`
    public static var onsubmit: AttributeName { AttributeName(rawValue: 143) }
    /// `onunload`
    public static var onunload: AttributeName { AttributeName(rawValue: 144) }
    /// `open`
    public static var open: AttributeName { AttributeName(rawValue: 145) }
    /// `optimum`
    public static var optimum: AttributeName { AttributeName(rawValue: 146) }
    /// `part`
    public static var part: AttributeName { AttributeName(rawValue: 147) }
    /// `pattern`
    public static var pattern: AttributeName { AttributeName(rawValue: 148) }
    /// `ping`
    public static var ping: AttributeName { AttributeName(rawValue: 149) }
    /// `placeholder`
    public static var placeholder: AttributeName { AttributeName(rawValue: 150) }
    /// `playsinline`
    public static var playsinline: AttributeName { AttributeName(rawValue: 151) }
    /// `popover`
    public static var popover: AttributeName { AttributeName(rawValue: 152) }
    /// `poster`
    public static var poster: AttributeName { AttributeName(rawValue: 153) }
    /// `preload`
    public static var preload: AttributeName { AttributeName(rawValue: 154) }
    /// `profile`
    public static var profile: AttributeName { AttributeName(rawValue: 155) }
    /// `prompt`
    public static var prompt: AttributeName { AttributeName(rawValue: 156) }
    /// `property`
    public static var property: AttributeName { AttributeName(rawValue: 157) }
    /// `pubdate`
    public static var pubdate: AttributeName { AttributeName(rawValue: 158) }
    /// `readonly`
    public static var readonly: AttributeName { AttributeName(rawValue: 159) }
    /// `referrerpolicy`
    public static var referrerpolicy: AttributeName { AttributeName(rawValue: 160) }
    /// `rel`
    public static var rel: AttributeName { AttributeName(rawValue: 161) }
    /// `required`
    public static var required: AttributeName { AttributeName(rawValue: 162) }
    /// `rev`
    public static var rev: AttributeName { AttributeName(rawValue: 163) }
    /// `reversed`
    public static var reversed: AttributeName { AttributeName(rawValue: 164) }
    /// `role`
    public static var role: AttributeName { AttributeName(rawValue: 165) }
    /// `rows`
    public static var rows: AttributeName { AttributeName(rawValue: 166) }
    /// `rowspan`
    public static var rowspan: AttributeName { AttributeName(rawValue: 167) }
    /// `rules`
    public static var rules: AttributeName { AttributeName(rawValue: 168) }
    /// `sandbox`
    public static var sandbox: AttributeName { AttributeName(rawValue: 169) }
    /// `scheme`
    public static var scheme: AttributeName { AttributeName(rawValue: 170) }
    /// `scope`
    public static var scope: AttributeName { AttributeName(rawValue: 171) }
    /// `scrolling`
    public static var scrolling: AttributeName { AttributeName(rawValue: 172) }
    /// `selected`
    public static var selected: AttributeName { AttributeName(rawValue: 173) }
    /// `shape`
    public static var shape: AttributeName { AttributeName(rawValue: 174) }
    /// `size`
    public static var size: AttributeName { AttributeName(rawValue: 175) }
    /// `sizes`
    public static var sizes: AttributeName { AttributeName(rawValue: 176) }
    /// `slot`
    public static var slot: AttributeName { AttributeName(rawValue: 177) }
    /// `span`
    public static var span: AttributeName { AttributeName(rawValue: 178) }
    /// `spellcheck`
    public static var spellcheck: AttributeName { AttributeName(rawValue: 179) }
    /// `src`
    public static var src: AttributeName { AttributeName(rawValue: 180) }
    /// `srcdoc`
    public static var srcdoc: AttributeName { AttributeName(rawValue: 181) }
    /// `srclang`
    public static var srclang: AttributeName { AttributeName(rawValue: 182) }
    /// `srcset`
    public static var srcset: AttributeName { AttributeName(rawValue: 183) }
    /// `standby`
    public static var standby: AttributeName { AttributeName(rawValue: 184) }
    /// `start`
    public static var start: AttributeName { AttributeName(rawValue: 185) }
    /// `step`
    public static var step: AttributeName { AttributeName(rawValue: 186) }
    /// `style`
    public static var style: AttributeName { AttributeName(rawValue: 187) }
    /// `summary`
    public static var summary: AttributeName { AttributeName(rawValue: 188) }
    /// `tabindex`
    public static var tabindex: AttributeName { AttributeName(rawValue: 189) }
    /// `target`
    public static var target: AttributeName { AttributeName(rawValue: 190) }
    /// `text`
    public static var text: AttributeName { AttributeName(rawValue: 191) }
    /// `title`
    public static var title: AttributeName { AttributeName(rawValue: 192) }
    /// `translate`
    public static var translate: AttributeName { AttributeName(rawValue: 193) }
    /// `type`
    public static var type: AttributeName { AttributeName(rawValue: 194) }
    /// `typeof`
    public static var typeof: AttributeName { AttributeName(rawValue: 195) }
    /// `usemap`
    public static var usemap: AttributeName { AttributeName(rawValue: 196) }
    /// `valign`
    public static var valign: AttributeName { AttributeName(rawValue: 197) }
    /// `value`
    public static var value: AttributeName { AttributeName(rawValue: 198) }
    /// `valuetype`
    public static var valuetype: AttributeName { AttributeName(rawValue: 199) }
    /// `version`
    public static var version: AttributeName { AttributeName(rawValue: 200) }
    /// `vlink`
    public static var vlink: AttributeName { AttributeName(rawValue: 201) }
    /// `vocab`
    public static var vocab: AttributeName { AttributeName(rawValue: 202) }
    /// `vspace`
    public static var vspace: AttributeName { AttributeName(rawValue: 203) }
    /// `width`
    public static var width: AttributeName { AttributeName(rawValue: 204) }
    /// `wrap`
    public static var wrap: AttributeName { AttributeName(rawValue: 205) }
    /// `aria-controls`
    public static var ariaControls: AttributeName { AttributeName(rawValue: 206) }
    /// `aria-describedby`
    public static var ariaDescribedby: AttributeName { AttributeName(rawValue: 207) }
    /// `aria-expanded`
    public static var ariaExpanded: AttributeName { AttributeName(rawValue: 208) }
    /// `aria-haspopup`
    public static var ariaHaspopup: AttributeName { AttributeName(rawValue: 209) }
    /// `aria-hidden`
    public static var ariaHidden: AttributeName { AttributeName(rawValue: 210) }
    /// `aria-label`
    public static var ariaLabel: AttributeName { AttributeName(rawValue: 211) }
    /// `aria-labelledby`
    public static var ariaLabelledby: AttributeName { AttributeName(rawValue: 212) }
    /// `aria-live`
    public static var ariaLive: AttributeName { AttributeName(rawValue: 213) }
    /// `aria-selected`
    public static var ariaSelected: AttributeName { AttributeName(rawValue: 214) }
    /// `xmlns`
    public static var xmlns: AttributeName { AttributeName(rawValue: 215) }
    /// `xml:lang`
    public static var xmlLang: AttributeName { AttributeName(rawValue: 216) }
    /// `xml:space`
    public static var xmlSpace: AttributeName { AttributeName(rawValue: 217) }
    /// `xml:base`
    public static var xmlBase: AttributeName { AttributeName(rawValue: 218) }
    /// `xmlns:xlink`
    public static var xmlnsXlink: AttributeName { AttributeName(rawValue: 219) }
    /// `xlink:actuate`
    public static var xlinkActuate: AttributeName { AttributeName(rawValue: 220) }
    /// `xlink:arcrole`
    public static var xlinkArcrole: AttributeName { AttributeName(rawValue: 221) }
    /// `xlink:href`
    public static var xlinkHref: AttributeName { AttributeName(rawValue: 222) }
    /// `xlink:role`
    public static var xlinkRole: AttributeName { AttributeName(rawValue: 223) }
    /// `xlink:show`
    public static var xlinkShow: AttributeName { AttributeName(rawValue: 224) }
    /// `xlink:title`
    public static var xlinkTitle: AttributeName { AttributeName(rawValue: 225) }
    /// `xlink:type`
    public static var xlinkType: AttributeName { AttributeName(rawValue: 226) }
    /// `fill`
    public static var fill: AttributeName { AttributeName(rawValue: 227) }
    /// `stroke`
    public static var stroke: AttributeName { AttributeName(rawValue: 228) }
    /// `stroke-width`
    public static var strokeWidth: AttributeName { AttributeName(rawValue: 229) }
    /// `stroke-linecap`
    public static var strokeLinecap: AttributeName { AttributeName(rawValue: 230) }
    /// `stroke-linejoin`
    public static var strokeLinejoin: AttributeName { AttributeName(rawValue: 231) }
    /// `fill-rule`
    public static var fillRule: AttributeName { AttributeName(rawValue: 232) }
    /// `clip-rule`
    public static var clipRule: AttributeName { AttributeName(rawValue: 233) }
    /// `d`
    public static var d: AttributeName { AttributeName(rawValue: 234) }
    /// `cx`
    public static var cx: AttributeName { AttributeName(rawValue: 235) }
    /// `cy`
    public static var cy: AttributeName { AttributeName(rawValue: 236) }
    /// `r`
    public static var r: AttributeName { AttributeName(rawValue: 237) }
    /// `rx`
    public static var rx: AttributeName { AttributeName(rawValue: 238) }
    /// `ry`
    public static var ry: AttributeName { AttributeName(rawValue: 239) }
    /// `x`
    public static var x: AttributeName { AttributeName(rawValue: 240) }
    /// `x1`
    public static var x1: AttributeName { AttributeName(rawValue: 241) }
    /// `x2`
    public static var x2: AttributeName { AttributeName(rawValue: 242) }
    /// `y`
    public static var y: AttributeName { AttributeName(rawValue: 243) }
    /// `y1`
    public static var y1: AttributeName { AttributeName(rawValue: 244) }
    /// `y2`
    public static var y2: AttributeName { AttributeName(rawValue: 245) }
    /// `points`
    public static var points: AttributeName { AttributeName(rawValue: 246) }
    /// `transform`
    public static var transform: AttributeName { AttributeName(rawValue: 247) }
    /// `opacity`
    public static var opacity: AttributeName { AttributeName(rawValue: 248) }
    /// `offset`
    public static var offset: AttributeName { AttributeName(rawValue: 249) }
    /// `definitionURL`
    public static var definitionURL: AttributeName { AttributeName(rawValue: 250) }
    /// `attributeName`
    public static var attributeName: AttributeName { AttributeName(rawValue: 251) }
    /// `attributeType`
    public static var attributeType: AttributeName { AttributeName(rawValue: 252) }
    /// `baseFrequency`
    public static var baseFrequency: AttributeName { AttributeName(rawValue: 253) }
    /// `baseProfile`
    public static var baseProfile: AttributeName { AttributeName(rawValue: 254) }
    /// `calcMode`
    public static var calcMode: AttributeName { AttributeName(rawValue: 255) }
    /// `clipPathUnits`
    public static var clipPathUnits: AttributeName { AttributeName(rawValue: 256) }
    /// `diffuseConstant`
    public static var diffuseConstant: AttributeName { AttributeName(rawValue: 257) }
    /// `edgeMode`
    public static var edgeMode: AttributeName { AttributeName(rawValue: 258) }
    /// `filterUnits`
    public static var filterUnits: AttributeName { AttributeName(rawValue: 259) }
    /// `glyphRef`
    public static var glyphRef: AttributeName { AttributeName(rawValue: 260) }
    /// `gradientTransform`
    public static var gradientTransform: AttributeName { AttributeName(rawValue: 261) }
    /// `gradientUnits`
    public static var gradientUnits: AttributeName { AttributeName(rawValue: 262) }
    /// `kernelMatrix`
    public static var kernelMatrix: AttributeName { AttributeName(rawValue: 263) }
    /// `kernelUnitLength`
    public static var kernelUnitLength: AttributeName { AttributeName(rawValue: 264) }
    /// `keyPoints`
    public static var keyPoints: AttributeName { AttributeName(rawValue: 265) }
    /// `keySplines`
    public static var keySplines: AttributeName { AttributeName(rawValue: 266) }
    /// `keyTimes`
    public static var keyTimes: AttributeName { AttributeName(rawValue: 267) }
    /// `lengthAdjust`
    public static var lengthAdjust: AttributeName { AttributeName(rawValue: 268) }
    /// `limitingConeAngle`
    public static var limitingConeAngle: AttributeName { AttributeName(rawValue: 269) }
    /// `markerHeight`
    public static var markerHeight: AttributeName { AttributeName(rawValue: 270) }
    /// `markerUnits`
    public static var markerUnits: AttributeName { AttributeName(rawValue: 271) }
    /// `markerWidth`
    public static var markerWidth: AttributeName { AttributeName(rawValue: 272) }
    /// `maskContentUnits`
    public static var maskContentUnits: AttributeName { AttributeName(rawValue: 273) }
    /// `maskUnits`
    public static var maskUnits: AttributeName { AttributeName(rawValue: 274) }
    /// `numOctaves`
    public static var numOctaves: AttributeName { AttributeName(rawValue: 275) }
    /// `pathLength`
    public static var pathLength: AttributeName { AttributeName(rawValue: 276) }
    /// `patternContentUnits`
    public static var patternContentUnits: AttributeName { AttributeName(rawValue: 277) }
    /// `patternTransform`
    public static var patternTransform: AttributeName { AttributeName(rawValue: 278) }
    /// `patternUnits`
    public static var patternUnits: AttributeName { AttributeName(rawValue: 279) }
    /// `pointsAtX`
    public static var pointsAtX: AttributeName { AttributeName(rawValue: 280) }
    /// `pointsAtY`
    public static var pointsAtY: AttributeName { AttributeName(rawValue: 281) }
    /// `pointsAtZ`
    public static var pointsAtZ: AttributeName { AttributeName(rawValue: 282) }
    /// `preserveAlpha`
    public static var preserveAlpha: AttributeName { AttributeName(rawValue: 283) }
    /// `preserveAspectRatio`
    public static var preserveAspectRatio: AttributeName { AttributeName(rawValue: 284) }
    /// `primitiveUnits`
    public static var primitiveUnits: AttributeName { AttributeName(rawValue: 285) }
    /// `refX`
    public static var refX: AttributeName { AttributeName(rawValue: 286) }
    /// `refY`
    public static var refY: AttributeName { AttributeName(rawValue: 287) }
    /// `repeatCount`
    public static var repeatCount: AttributeName { AttributeName(rawValue: 288) }
    /// `repeatDur`
    public static var repeatDur: AttributeName { AttributeName(rawValue: 289) }
    /// `requiredExtensions`
    public static var requiredExtensions: AttributeName { AttributeName(rawValue: 290) }
    /// `requiredFeatures`
    public static var requiredFeatures: AttributeName { AttributeName(rawValue: 291) }
    /// `specularConstant`
    public static var specularConstant: AttributeName { AttributeName(rawValue: 292) }
    /// `specularExponent`
    public static var specularExponent: AttributeName { AttributeName(rawValue: 293) }
    /// `spreadMethod`
    public static var spreadMethod: AttributeName { AttributeName(rawValue: 294) }
    /// `startOffset`
    public static var startOffset: AttributeName { AttributeName(rawValue: 295) }
    /// `stdDeviation`
    public static var stdDeviation: AttributeName { AttributeName(rawValue: 296) }
    /// `stitchTiles`
    public static var stitchTiles: AttributeName { AttributeName(rawValue: 297) }
    /// `surfaceScale`
    public static var surfaceScale: AttributeName { AttributeName(rawValue: 298) }
    /// `systemLanguage`
    public static var systemLanguage: AttributeName { AttributeName(rawValue: 299) }
    /// `tableValues`
    public static var tableValues: AttributeName { AttributeName(rawValue: 300) }
    /// `targetX`
    public static var targetX: AttributeName { AttributeName(rawValue: 301) }
    /// `targetY`
    public static var targetY: AttributeName { AttributeName(rawValue: 302) }
    /// `textLength`
    public static var textLength: AttributeName { AttributeName(rawValue: 303) }
    /// `viewBox`
    public static var viewBox: AttributeName { AttributeName(rawValue: 304) }
    /// `viewTarget`
    public static var viewTarget: AttributeName { AttributeName(rawValue: 305) }
    /// `xChannelSelector`
    public static var xChannelSelector: AttributeName { AttributeName(rawValue: 306) }
    /// `yChannelSelector`
    public static var yChannelSelector: AttributeName { AttributeName(rawValue: 307) }
    /// `zoomAndPan`
    public static var zoomAndPan: AttributeName { AttributeName(rawValue: 308) }

    /// The names above in the order of their numbers, which start at 1.
    static let known: StaticString = """
        abbr accept accept-charset accesskey action align alink allow allowfullscreen alt archive as async \
        autocapitalize autocomplete autofocus autoplay axis background bgcolor border cellpadding \
        cellspacing char charoff charset checked cite class classid clear code codebase codetype color cols \
        colspan compact content contenteditable controls coords crossorigin data data-id data-href data-src \
        data-srcset data-title data-toggle data-target data-type data-url date datetime declare decoding \
        default defer dir dirname disabled download draggable encoding enctype enterkeyhint face \
        fetchpriority for form formaction formenctype formmethod formnovalidate formtarget frame frameborder \
        headers height hidden high href hreflang hspace http-equiv id imagesizes imagesrcset inert inputmode \
        integrity is ismap itemid itemprop itemref itemscope itemtype kind label lang language link list \
        loading longdesc loop low marginheight marginwidth max maxlength media method min minlength multiple \
        muted name nohref nomodule nonce noresize noshade novalidate nowrap object onblur onchange onclick \
        onerror onfocus onkeydown onkeypress onkeyup onload onmousedown onmouseout onmouseover onmouseup \
        onresize onsubmit onunload open optimum part pattern ping placeholder playsinline popover poster \
        preload profile prompt property pubdate readonly referrerpolicy rel required rev reversed role rows \
        rowspan rules sandbox scheme scope scrolling selected shape size sizes slot span spellcheck src \
        srcdoc srclang srcset standby start step style summary tabindex target text title translate type \
        typeof usemap valign value valuetype version vlink vocab vspace width wrap aria-controls \
        aria-describedby aria-expanded aria-haspopup aria-hidden aria-label aria-labelledby aria-live \
        aria-selected xmlns xml:lang xml:space xml:base xmlns:xlink xlink:actuate xlink:arcrole xlink:href \
        xlink:role xlink:show xlink:title xlink:type fill stroke stroke-width stroke-linecap stroke-linejoin \
        fill-rule clip-rule d cx cy r rx ry x x1 x2 y y1 y2 points transform opacity offset definitionURL \
        attributeName attributeType baseFrequency baseProfile calcMode clipPathUnits diffuseConstant \
        edgeMode filterUnits glyphRef gradientTransform gradientUnits kernelMatrix kernelUnitLength \
        keyPoints keySplines keyTimes lengthAdjust limitingConeAngle markerHeight markerUnits markerWidth \
        maskContentUnits maskUnits numOctaves pathLength patternContentUnits patternTransform patternUnits \
        pointsAtX pointsAtY pointsAtZ preserveAlpha preserveAspectRatio primitiveUnits refX refY repeatCount \
        repeatDur requiredExtensions requiredFeatures specularConstant specularExponent spreadMethod \
        startOffset stdDeviation stitchTiles surfaceScale systemLanguage tableValues targetX targetY \
        textLength viewBox viewTarget xChannelSelector yChannelSelector zoomAndPan definitionurl \
        attributename attributetype basefrequency baseprofile calcmode clippathunits diffuseconstant \
        edgemode filterunits glyphref gradienttransform gradientunits kernelmatrix kernelunitlength \
        keypoints keysplines keytimes lengthadjust limitingconeangle markerheight markerunits markerwidth \
        maskcontentunits maskunits numoctaves pathlength patterncontentunits patterntransform patternunits \
        pointsatx pointsaty pointsatz preservealpha preserveaspectratio primitiveunits refx refy repeatcount \
        repeatdur requiredextensions requiredfeatures specularconstant specularexponent spreadmethod \
        startoffset stddeviation stitchtiles surfacescale systemlanguage tablevalues targetx targety \
        textlength viewbox viewtarget xchannelselector ychannelselector zoomandpan
        """
    /// How many names are known.
    static var knownCount: Int { 367 }
}
