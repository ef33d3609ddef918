import Glibc

enum Processors {
    /// Processors of this machine.
    static var count: Int { min(4096, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }
}
