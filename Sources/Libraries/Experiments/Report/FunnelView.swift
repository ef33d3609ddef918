import Reports

/// The account of a data set as bars: what each step let through, and what each rule took.
struct FunnelView {
    let funnel: FunnelResult
    let colour: Int

    var html: String {
        var page = HTMLWriter()
        page.element("div", class: "funnel") { page in
            bar(&page, "read", funnel.read, class: "f\(colour) all")
            // Dropped and failed pages have bars of their own below; the steps show what is left after each.
            for step in funnel.steps { bar(&page, step.name, step.count, class: "f\(colour)") }
        }
        let losses = funnel.dropped.map { ($0, "dropped") } + funnel.failed.map { ($0, "failed") }
        if !losses.isEmpty {
            page.details("What took the others (\(losses.count) reasons)", isOpen: false) { page in
                page.element("div", class: "funnel") { page in
                    for (loss, kind) in losses.sorted(by: { $0.0.count > $1.0.count }) {
                        bar(&page, kind == "failed" ? "failed: \(loss.name)" : loss.name, loss.count, class: "loss")
                    }
                }
            }
        }
        return page.html
    }

    private func bar(_ page: inout HTMLWriter, _ name: String, _ count: Int, class style: String) {
        let share = funnel.read > 0 ? Double(count) / Double(funnel.read) * 100 : 0
        page.element("span", class: "rule") { $0.text(name) }
        page.raw(
            "<span class=\"track\"><span class=\"bar \(style)\" style=\"width:\(Format.decimal(share, digits: 2))%\"></span></span>"
        )
        page.element("span", class: "number") { page in
            page.text("\(Format.count(count)) ")
            page.element("small") { $0.text("\(Format.decimal(share, digits: 1)) %") }
        }
    }
}
