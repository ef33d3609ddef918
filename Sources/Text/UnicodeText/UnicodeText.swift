// UnicodeText: see Documentation/Architecture.md.
