// MainText: see Documentation/Architecture.md.
