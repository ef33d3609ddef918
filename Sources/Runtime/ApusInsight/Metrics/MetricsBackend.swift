import CoreMetrics

// Which of them a handler serves as was said when it was made; integers and fractions meet in `MetricsBackend`.
extension MetricHandler: CounterHandler {
    package func increment(by amount: Int64) { count(amount) }
    package func reset() { clear() }
}

extension MetricHandler: TimerHandler {
    package func recordNanoseconds(_ duration: Int64) { observe(Double(duration) / 1e9) }
}

/// A counter of fractions.
private final class AmountHandler: FloatingPointCounterHandler {
    let handler: MetricHandler
    init(_ handler: MetricHandler) { self.handler = handler }
    func increment(by amount: Double) { handler.add(amount) }
    func reset() { handler.clear() }
}

private final class GaugeHandler: MeterHandler, RecorderHandler {
    let handler: MetricHandler
    init(_ handler: MetricHandler) { self.handler = handler }
    func set(_ value: Int64) { handler.set(Double(value)) }
    func set(_ value: Double) { handler.set(value) }
    func increment(by amount: Double) { if amount > 0 { handler.shift(amount) } }
    func decrement(by amount: Double) { if amount > 0 { handler.shift(-amount) } }
    func record(_ value: Int64) { handler.set(Double(value)) }
    func record(_ value: Double) { handler.set(value) }
}

private final class ValuesHandler: RecorderHandler {
    let handler: MetricHandler
    init(_ handler: MetricHandler) { self.handler = handler }
    func record(_ value: Int64) { handler.observe(Double(value)) }
    func record(_ value: Double) { handler.observe(value) }
}

/// What swift-metrics calls: makes metrics that this process's nodes read.
package struct MetricsBackend: MetricsFactory, CustomStringConvertible {
    package init() {}

    // Printed by swift-metrics where a second factory is installed.
    package var description: String {
        "ApusMetrics.factory, which withCluster installs where there is none. Call MetricsSystem.bootstrap before withCluster, with a MultiplexMetricsHandler of your factory and ApusMetrics.factory"
    }

    private func handler(_ kind: MetricKind, _ label: String, _ dimensions: [(String, String)]) -> MetricHandler? {
        ProcessMetrics.shared.recorder?.handler(kind, label, dimensions)
    }

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        handler(.counter, label, dimensions) ?? NOOPMetricsHandler.instance
    }

    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        handler(.amount, label, dimensions).map { AmountHandler($0) } ?? NOOPMetricsHandler.instance
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        handler(.gauge, label, dimensions).map { GaugeHandler($0) } ?? NOOPMetricsHandler.instance
    }

    package func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        if aggregate {
            return handler(.values, label, dimensions).map { ValuesHandler($0) } ?? NOOPMetricsHandler.instance
        }
        return handler(.gauge, label, dimensions).map { GaugeHandler($0) } ?? NOOPMetricsHandler.instance
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        handler(.durations, label, dimensions) ?? NOOPMetricsHandler.instance
    }

    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) { (handler as? GaugeHandler)?.handler.destroy() }
    package func destroyRecorder(_ handler: any RecorderHandler) { (handler as? GaugeHandler)?.handler.destroy() }
    package func destroyTimer(_ handler: any TimerHandler) {}
}
