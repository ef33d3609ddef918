import ApusCore
import ApusInsight
import Testing

@Suite("Why work waits") struct ExplanationTests {
    private func words(
        _ demand: Resources, available: Resources, holders: [WaitingExplanation.Holder] = [], starting: Int = 0,
        isAdmitted: Bool = false, others: Int = 0
    ) -> String {
        WaitingExplanation(
            demand: demand, total: Resources(cpus: 2, gpus: 1, memory: 100, custom: ["slots": 4]), available: available,
            holders: holders, starting: starting, isAdmitted: isAdmitted, others: others
        ).words
    }

    @Test("what is missing is named, and who holds it")
    func held() {
        let text = words(
            Resources(cpus: 1), available: Resources(cpus: 0, gpus: 1),
            holders: [
                .init(name: "Sleep", process: 3, resources: Resources(cpus: 1), isSuspended: false),
                .init(name: "Sleep", process: 4, resources: Resources(cpus: 1), isSuspended: false),
                .init(name: "Camera", process: 5, resources: Resources(gpus: 1), isSuspended: false),
            ])
        #expect(text == "it needs 1 cpus, and 0 of 2 are free. In use by `Sleep` (worker 3, 4)")
    }

    @Test("each missing resource is told")
    func several() {
        let text = words(
            Resources(cpus: 1, gpus: 1, memory: 80, custom: ["slots": 2]),
            available: Resources(cpus: 1, memory: 50, custom: ["slots": 1]))
        #expect(!text.contains("cpus"))
        #expect(text.contains("it needs 1 gpus, and 0 of 1 are free"))
        #expect(text.contains("it needs 80 bytes of memory, and 50 of 100 are free"))
        #expect(text.contains("it needs 2 slots, and 1 of 4 are free"))
    }

    @Test("the other reasons have words of their own")
    func others() {
        let all = Resources(cpus: 2, gpus: 1, memory: 100, custom: ["slots": 4])
        #expect(words(Resources(cpus: 3), available: all).contains("has only"))
        #expect(words(Resources(cpus: 1), available: all, starting: 1, isAdmitted: true).contains("worker to start"))
        #expect(words(Resources(cpus: 1), available: all, others: 2).contains("behind 2 other requests"))
        #expect(words(Resources(cpus: 1), available: all).contains("about to start"))
    }
}
