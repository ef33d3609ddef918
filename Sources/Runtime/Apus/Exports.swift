// A program that imports Apus meets these in its signatures.
@_exported import struct ApusCore.ActorIdentifier
@_exported import enum ApusCore.ApusVersion
@_exported import enum ApusCore.CodingError
@_exported import struct ApusCore.Origin
@_exported import enum ApusCore.PlacementStrategy
@_exported import struct ApusCore.Quantity
@_exported import struct ApusCore.RemoteFailure
@_exported import struct ApusCore.Resources
@_exported import struct ApusCore.TaskError
