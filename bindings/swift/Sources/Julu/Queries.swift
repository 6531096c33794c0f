// What a store is asked.
import Foundation

extension JuluStore {
  /// nil when there is no such record.
  public func get(_ id: String) async throws(JuluError) -> Record? {
    try await here { () throws(JuluError) in try self.blocking.get(id) }
  }

  /// Newest first by the time in the ids (UUIDs of version 7); without a filter the newest 50.
  public func list(_ filter: Filter = Filter()) async throws(JuluError) -> [Record] {
    try await here { () throws(JuluError) in try self.blocking.list(filter) }
  }

  /// The one record whose id ends so; 4 characters or more. Errors: record_unknown, bad_argument.
  public func findID(endingWith short: String) async throws(JuluError) -> String {
    try await here { () throws(JuluError) in try self.blocking.findID(endingWith: short) }
  }

  public func shortID(of id: String) async throws(JuluError) -> String {
    try await here { () throws(JuluError) in try self.blocking.shortID(of: id) }
  }

  /// Oldest first.
  public func history(of id: String) async throws(JuluError) -> [HistoryEntry] {
    try await here { () throws(JuluError) in try self.blocking.history(of: id) }
  }

  /// Where two people wrote one field; `resolve` ends it, and so does a patch that changes it.
  public func conflicts() async throws(JuluError) -> [Conflict] {
    try await here { () throws(JuluError) in try self.blocking.conflicts() }
  }

  /// Errors: photo_unknown, cancelled when the target stops it, suspended (in its middle too), the file's own.
  public func readPhoto(_ sha256: String, to target: PhotoTarget) async throws(JuluError) {
    // A stream is the host's, and a descriptor may be a pipe that another task reads.
    if case .file = target {
      try await here { () throws(JuluError) in try self.blocking.readPhoto(sha256, to: target) }
    } else {
      try await elsewhere { () throws(JuluError) in try self.blocking.readPhoto(sha256, to: target) }
    }
  }

  /// A JPEG of at most 8 KB, derived when first asked for; empty for a photo that decodes no further than its header.
  /// Errors: photo_unknown.
  public func thumbnail(_ sha256: String) async throws(JuluError) -> Data {
    try await here { () throws(JuluError) in try self.blocking.thumbnail(sha256) }
  }

  public func status() async throws(JuluError) -> Status {
    try await here { () throws(JuluError) in try self.blocking.status() }
  }

  /// The kinds known here, built in or sent by the platform.
  public func kinds() async throws(JuluError) -> [String] {
    try await here { () throws(JuluError) in try self.blocking.kinds() }
  }

  /// The kind's JSON Schema. Errors: kind_unknown.
  public func schema(of kind: String) async throws(JuluError) -> JSONValue {
    try await here { () throws(JuluError) in try self.blocking.schema(of: kind) }
  }

  /// A code list that a schema names with x-codes, as the platform sent it or built in: {"id", "version", "source",
  /// "title_zh", "items": [{"code", "zh", "en"}, …]}, of which a platform's may lack all but id and each item's code.
  /// Lists are open: a record may hold a code that is in none. Errors: codes_unknown.
  public func codes(of list: String) async throws(JuluError) -> JSONValue {
    try await here { () throws(JuluError) in try self.blocking.codes(of: list) }
  }

  public func identity() async throws(JuluError) -> Identity {
    try await here { () throws(JuluError) in try self.blocking.identity() }
  }
}
