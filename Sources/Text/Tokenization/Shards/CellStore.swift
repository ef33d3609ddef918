import Files
import Glibc

/// Sequences dealt to cells: in memory until they are too many, then in temporary files.
struct CellStore {
    private let folder: String
    private let memoryLimit: Int
    private var cells: [[UInt32]]
    /// Whether a cell has a file.
    private var hasFile: [Bool]
    private var held = 0

    /// - Parameter folder: exists; the caller removes it.
    init(folder: String, cells: Int, memoryLimit: Int) {
        self.folder = folder
        self.memoryLimit = memoryLimit
        self.cells = Array(repeating: [], count: cells)
        hasFile = Array(repeating: false, count: cells)
    }

    var count: Int { cells.count }

    /// Adds a sequence to a cell.
    mutating func append(_ sequence: some Collection<UInt32>, to cell: Int) throws(FileError) {
        cells[cell].append(contentsOf: sequence)
        held += sequence.count * 4
        if held > memoryLimit { try spill() }
    }

    /// All tokens of a cell, in the order they came in; the cell is empty afterwards.
    mutating func take(_ cell: Int) throws(FileError) -> [UInt32] {
        let rest = cells[cell]
        cells[cell] = []
        held -= rest.count * 4
        guard hasFile[cell] else { return rest }
        let path = self.path(cell)
        let bytes = try FileReader.bytes(of: path, limit: .max - 1)
        unlink(path)
        hasFile[cell] = false
        var tokens = [UInt32](unsafeUninitializedCapacity: bytes.count / 4) { buffer, count in
            bytes.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: .init(rebasing: $0[..<(bytes.count / 4 * 4)]))
            }
            count = bytes.count / 4
        }
        tokens.append(contentsOf: rest)
        return tokens
    }

    private func path(_ cell: Int) -> String { Paths.join(folder, "cell_\(cell)_of_\(count)") }

    private mutating func spill() throws(FileError) {
        for cell in cells.indices where !cells[cell].isEmpty {
            let path = self.path(cell)
            // One file is open at a time, whatever the number of cells.
            let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw .current("write", path) }
            defer { close(descriptor) }
            hasFile[cell] = true
            var failure: FileError?
            cells[cell].withUnsafeBytes { bytes in
                var written = 0
                while written < bytes.count {
                    let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
                    let result = write(descriptor, rest.baseAddress, rest.count)
                    if result < 0 {
                        if errno == EINTR { continue }
                        failure = .current("write", path)
                        return
                    }
                    written += result
                }
            }
            if let failure { throw failure }
            cells[cell].removeAll(keepingCapacity: false)
        }
        held = 0
    }
}
