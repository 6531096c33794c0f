// What a store is asked.
import CJulu
import Foundation

extension JuluStore {
  /// nil when there is no such record.
  public func get(_ id: String) async throws(JuluError) -> Record? {
    let handle = handle
    return try await blocking { () throws(JuluError) in
      let found = try bytes { out, error in withTexts([id]) { julu_store_get(handle, $0[0], out, error) } }
      guard let found else { return nil }
      return try decoded(Record.self, from: found)
    }
  }

  /// Newest first; without a filter the newest 50.
  public func list(_ filter: Filter = Filter()) async throws(JuluError) -> [Record] {
    let handle = handle
    return try await blocking { () throws(JuluError) in
      let narrowed = try encoded(filter, "filter")
      return try json { out, error in withTexts([narrowed]) { julu_store_list(handle, $0[0], out, error) } }
    }
  }

  /// The one record whose id ends so; 4 characters or more. Errors: record_unknown, bad_argument.
  public func findID(endingWith short: String) async throws(JuluError) -> String {
    try await askText(short) { julu_store_find_id($0, $1, $2, $3) }
  }

  public func shortID(of id: String) async throws(JuluError) -> String {
    try await askText(id) { julu_store_short_id($0, $1, $2, $3) }
  }

  /// Oldest first.
  public func history(of id: String) async throws(JuluError) -> [HistoryEntry] {
    let handle = handle
    return try await blocking { () throws(JuluError) in
      try json { out, error in withTexts([id]) { julu_store_history(handle, $0[0], out, error) } }
    }
  }

  public func conflicts() async throws(JuluError) -> [Conflict] {
    let handle = handle
    return try await blocking { () throws(JuluError) in try json { julu_store_conflicts(handle, $0, $1) } }
  }

  /// Errors: photo_unknown, cancelled when the target stops it, the file's own.
  public func readPhoto(_ sha256: String, to target: PhotoTarget) async throws(JuluError) {
    let handle = handle
    try await blocking { () throws(JuluError) in try Julu.readPhoto(handle, sha256, to: target) }
  }

  /// A JPEG of at most 8 KB, derived when first asked for.
  public func thumbnail(_ sha256: String) async throws(JuluError) -> Data {
    let handle = handle
    return try await blocking { () throws(JuluError) in
      try bytes { out, error in withTexts([sha256]) { julu_store_thumbnail(handle, $0[0], out, error) } } ?? Data()
    }
  }

  public func status() async throws(JuluError) -> Status {
    let handle = handle
    return try await blocking { () throws(JuluError) in
      var status = sized(julu_status(), \.size)
      try check { julu_store_status(handle, &status, $0) }
      return Status(status)
    }
  }

  /// The kinds known here, built in or sent by the platform.
  public func kinds() async throws(JuluError) -> [String] {
    let handle = handle
    return try await blocking { () throws(JuluError) in try json { julu_store_kinds(handle, $0, $1) } }
  }

  /// The kind's JSON Schema. Errors: kind_unknown.
  public func schema(of kind: String) async throws(JuluError) -> JSONValue {
    let handle = handle
    return try await blocking { () throws(JuluError) in
      try json { out, error in withTexts([kind]) { julu_store_schema(handle, $0[0], out, error) } }
    }
  }

  public func identity() async throws(JuluError) -> Identity {
    let handle = handle
    return try await blocking { () throws(JuluError) in try json { julu_store_identity(handle, $0, $1) } }
  }

  private typealias Question = @Sendable (
    julu_store, julu_text, UnsafeMutablePointer<julu_buf>, UnsafeMutablePointer<julu_error>
  ) -> Int32

  private func askText(_ word: String, _ ask: @escaping Question) async throws(JuluError) -> String {
    let handle = handle
    return try await blocking { () throws(JuluError) in
      try text { out, error in withTexts([word]) { ask(handle, $0[0], out, error) } }
    }
  }
}
