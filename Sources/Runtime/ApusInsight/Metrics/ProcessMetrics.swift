import ApusTransport
import Synchronization

/// Wants to know of this process's metrics once there are any.
package protocol MetricListener: AnyObject, Sendable {
    /// - Parameter descriptor: of the memory; stays the process's.
    func metricsAppeared(_ descriptor: Int32)
}

/// This process's metrics: none, and no memory for them, until the program makes the first.
package final class ProcessMetrics: Sendable {
    package static let shared = ProcessMetrics()

    private struct Listening { weak var listener: (any MetricListener)? }
    private struct State {
        var recorder: MetricRecorder?
        var hasFailed = false
        var listening: [Listening] = []
    }
    private let state = Mutex(State())

    /// Makes the memory the first time; nil where the system has none.
    package var recorder: MetricRecorder? {
        let (recorder, listening) = state.withLock { state -> (MetricRecorder?, [Listening]) in
            guard state.recorder == nil, !state.hasFailed else { return (state.recorder, []) }
            do throws(TransportError) { state.recorder = try MetricRecorder() } catch { state.hasFailed = true }
            defer { state.listening = [] }
            return (state.recorder, state.listening)
        }
        if let recorder { for one in listening { one.listener?.metricsAppeared(recorder.descriptor) } }
        return recorder
    }

    /// What there is; nil where the program made no metric.
    package var reader: MetricReader? { state.withLock { $0.recorder?.reader } }

    /// Tells of the memory, now or once it is made.
    package func tell(_ listener: any MetricListener) {
        let descriptor: Int32? = state.withLock { state in
            if let recorder = state.recorder { return recorder.descriptor }
            state.listening.removeAll { $0.listener == nil }
            state.listening.append(Listening(listener: listener))
            return nil
        }
        if let descriptor { listener.metricsAppeared(descriptor) }
    }
}
