import Apus
import Testing

@Suite("Mailbox") struct MailboxTests {
    @Test("calls start in order, as many at once as allowed")
    func order() {
        var mailbox = Mailbox<Int>(concurrency: 2)
        for call in 0..<3 { mailbox.append(call) }
        let outcome1 = mailbox.start()
        #expect(outcome1 == nil)
        mailbox.isOpen = true
        let outcome2 = mailbox.start()
        #expect(outcome2 == 0)
        let outcome3 = mailbox.start()
        #expect(outcome3 == 1)
        let outcome4 = mailbox.start()
        #expect(outcome4 == nil)
        mailbox.finish()
        let outcome5 = mailbox.start()
        #expect(outcome5 == 2)
    }

    @Test("nothing behind a reserved place starts before it is filled or given up")
    func reserved() {
        var mailbox = Mailbox<Int>(concurrency: 1)
        mailbox.isOpen = true
        let first = mailbox.reserve()
        let second = mailbox.reserve()
        mailbox.append(3)
        mailbox.fill(second, with: 2)
        let outcome6 = mailbox.start()
        #expect(outcome6 == nil)
        mailbox.release(first)
        let outcome7 = mailbox.start()
        #expect(outcome7 == 2)
        mailbox.finish()
        let outcome8 = mailbox.start()
        #expect(outcome8 == 3)
    }

    @Test("a call that is retried goes first")
    func retry() {
        var mailbox = Mailbox<Int>(concurrency: 1)
        mailbox.isOpen = true
        mailbox.append(1)
        mailbox.append(2)
        let outcome9 = mailbox.start()
        #expect(outcome9 == 1)
        mailbox.retry(1)
        mailbox.finish()
        let outcome10 = mailbox.start()
        #expect(outcome10 == 1)
        let outcome11 = mailbox.drain()
        #expect(outcome11 == [2])
    }
}
