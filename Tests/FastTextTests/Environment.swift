import Glibc

/// An environment variable.
func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
