/// The report's style sheet: light and dark, wide and narrow, screen and paper.
package enum ReportStyle {
    /// Colours for data sets; further ones repeat them.
    package static let colours = 6

    // The six hues keep apart for the common kinds of colour blindness (Okabe & Ito's palette, darkened for contrast).
    package static let css = """
        :root{--ink:#1d2329;--soft:#5b6570;--line:#dfe3e8;--paper:#fff;--panel:#f6f7f9;--good:#0b6e4f;--loss:#b9bfc7;
        --c0:#c2571a;--c1:#0b6fa4;--c2:#0a8f6a;--c3:#9b4f88;--c4:#8a6d00;--c5:#5b6570;color-scheme:light dark}
        @media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4af;--line:#333b44;--paper:#14181d;--panel:#1c2228;
        --good:#4cc79b;--loss:#56606b;--c0:#ef8e52;--c1:#58b2e6;--c2:#43c79e;--c3:#d68fc4;--c4:#d9b93b;--c5:#9aa4af}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
        header,main,footer{max-width:62rem;margin:0 auto;padding:0 1.25rem}
        header{padding-top:2.5rem}
        .kicker{margin:0;color:var(--soft);font-size:.8rem;letter-spacing:.08em;text-transform:uppercase}
        h1{margin:.1rem 0 .4rem;font-size:2rem;line-height:1.2;overflow-wrap:anywhere}
        .verdict{margin:0 0 1rem;padding:.9rem 1.1rem;border-left:4px solid var(--good);background:var(--panel);font-size:1.15rem}
        section{margin:2.2rem 0;border-top:1px solid var(--line)}
        h2{margin:1.1rem 0 .6rem;font-size:1.3rem}h3{margin:1.4rem 0 .3rem;font-size:1.05rem}
        p{max-width:46rem}.note,footer{color:var(--soft);font-size:.9rem}
        footer{border-top:1px solid var(--line);padding-top:1rem;padding-bottom:2.5rem}
        .scroll{overflow-x:auto;margin:.8rem 0}
        table{border-collapse:collapse;width:100%;font-size:.93rem}
        th{color:var(--soft);font-weight:600;text-align:left;white-space:nowrap}
        th,td{padding:.42rem .7rem;border-bottom:1px solid var(--line);vertical-align:top}
        th:first-child,td:first-child{padding-left:0}
        .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
        code,pre{font:.85em/1.45 ui-monospace,"SF Mono",Menlo,Consolas,monospace}
        code{overflow-wrap:anywhere}
        .best{padding:.05rem .45rem;border-radius:1rem;background:var(--good);color:var(--paper);font-size:.75rem;font-weight:600}
        .swatch{display:inline-block;width:.75rem;height:.75rem;margin-right:.5rem;border-radius:3px}
        .legend{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;margin:.2rem 0;font-size:.9rem;color:var(--soft)}.legend span span{margin-right:.4rem}
        td:first-child{white-space:nowrap}.wide svg{min-width:34rem}
        .pair{display:grid;grid-template-columns:1fr 1fr;gap:1.5rem}
        figure{margin:.8rem 0}figcaption{font-size:.9rem;font-weight:600;margin-bottom:.3rem}
        svg{display:block;width:100%;height:auto;font:12px system-ui,sans-serif}
        svg text{fill:var(--ink);paint-order:stroke;stroke:var(--paper);stroke-width:3px}svg .tick{fill:var(--soft);font-size:11px}svg .label{font-size:13px}
        svg .value{font-weight:600}.grid{stroke:var(--line)}
        .reference{stroke:var(--soft);stroke-dasharray:4 3}
        .curve{fill:none;stroke-width:2.2;stroke-linejoin:round}.raw{fill:none;stroke-width:1;opacity:.28}
        .funnel{display:grid;grid-template-columns:minmax(9rem,20rem) 1fr minmax(7.5rem,auto);gap:.15rem .8rem;align-items:center;
        font-size:.88rem;margin:.6rem 0}
        .funnel .rule{overflow-wrap:anywhere}.track{background:var(--panel);height:.8rem;border-radius:3px;overflow:hidden}
        .bar{display:block;height:100%;opacity:.85}.bar.all{opacity:.45}.bar.loss{background:var(--loss)}small{color:var(--soft)}
        details{margin:.6rem 0}summary{cursor:pointer;color:var(--soft)}
        .samples{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(24rem,100%),1fr));gap:.8rem;margin:.6rem 0}
        .sample{border:1px solid var(--line);border-radius:6px;background:var(--panel);padding:.6rem .8rem;min-width:0}
        .sample.dropped{border-left:3px solid var(--loss)}
        .sample .source{margin:0 0 .3rem;color:var(--soft);font-size:.78rem;overflow-wrap:anywhere}
        .sample strong{color:var(--ink);margin-right:.5rem}
        pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;max-height:14rem;overflow-y:auto}
        @media(max-width:42rem){h1{font-size:1.6rem}.pair{grid-template-columns:1fr}
        .funnel{grid-template-columns:1fr auto;grid-auto-flow:row dense}.funnel .track{grid-column:1/-1;margin-bottom:.35rem}}
        @media print{details:not([open])>*{display:block}pre{max-height:none}section{break-inside:avoid}}
        """
        + (0..<colours).map {
            ".c\($0){background:var(--c\($0))}.s\($0){stroke:var(--c\($0))}.f\($0){fill:var(--c\($0));background:var(--c\($0))}"
        }.joined()
}
