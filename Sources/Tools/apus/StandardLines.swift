import Files
import Glibc

/// Standard input, line by line, answered line by line on standard output.
enum StandardLines {
    /// Calls `body` with each line, without its line end, and a buffer for the answer, which gets one.
    static func forEach(_ body: (_ line: [UInt8], _ output: inout [UInt8]) throws -> Void) throws {
        let input = try FileReader("-")
        var pending: [UInt8] = []
        var output: [UInt8] = []
        var searched = 0
        var isAtEnd = false
        while !isAtEnd {
            isAtEnd = try input.read(1 << 16, into: &pending) == 0
            var start = 0
            while let end = pending[max(searched, start)...].firstIndex(of: 0x0A) {
                try body(Array(pending[start..<end]), &output)
                output.append(0x0A)
                start = end + 1
            }
            if isAtEnd, start < pending.count {
                try body(Array(pending[start...]), &output)
                output.append(0x0A)
                start = pending.count
            }
            pending.removeFirst(start)
            searched = pending.count
            // Someone may be waiting for the answers to the lines given so far.
            try write(&output)
        }
    }

    /// Writes all bytes to standard output, and empties the buffer.
    static func write(_ output: inout [UInt8]) throws(FileError) {
        var written = 0
        while written < output.count {
            let result = output.withUnsafeBytes { bytes in
                Glibc.write(STDOUT_FILENO, bytes.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if result < 0 {
                if errno == EINTR { continue }
                throw .current("write", "standard output")
            }
            written += result
        }
        output.removeAll(keepingCapacity: true)
    }
}
