// The calls of a store on the thread that calls.
import CJulu
import Foundation

extension JuluStore {
  /// The same calls for code that is not async, on a thread that may wait, such as a shell's own or its serial queue; not
  /// the main thread. What each does is said at the store's call of its name.
  public var blocking: Blocking { Blocking(store: self) }

  public struct Blocking: Sendable {
    let store: JuluStore
    private var handle: julu_store { store.handle }
  }
}

extension JuluStore.Blocking {
  public func capture<B: RecordBody>(
    _ body: B, photos: [Photo] = [], id: String? = nil
  ) throws(JuluError) -> Saved {
    try capture(kind: B.kind, encoding: body, photos, id)
  }

  public func capture(
    kind: String, _ body: JSONValue, photos: [Photo] = [], id: String? = nil
  ) throws(JuluError) -> Saved {
    try capture(kind: kind, encoding: body, photos, id)
  }

  private func capture(
    kind: String, encoding body: some Encodable, _ photos: [Photo], _ id: String?
  ) throws(JuluError) -> Saved {
    let texts = [kind, try encoded(body, "body"), id]
    return try write(texts, photos) { julu_store_capture(handle, $0[0], $0[1], $1, $2, $0[2], $3, $4) }
  }

  public func patch(_ id: String, _ change: JSONValue, photos: [Photo] = []) throws(JuluError) -> Saved {
    let texts = [id, try encoded(change, "body")]
    return try write(texts, photos) { julu_store_patch(handle, $0[0], $0[1], $1, $2, $3, $4) }
  }

  public func act(
    _ id: String, _ action: String, _ body: JSONValue = [:], photos: [Photo] = []
  ) throws(JuluError) -> Saved {
    let texts = [id, action, try encoded(body, "body")]
    return try write(texts, photos) { julu_store_act(handle, $0[0], $0[1], $0[2], $1, $2, $3, $4) }
  }

  public func attach(_ photos: [Photo], to id: String) throws(JuluError) -> Saved {
    try write([id], photos) { julu_store_attach(handle, $0[0], $1, $2, $3, $4) }
  }

  public func remove(_ id: String) throws(JuluError) -> Saved {
    try write([id], []) { julu_store_remove(handle, $0[0], $3, $4) }
  }

  public func resend(_ id: String) throws(JuluError) {
    try check { error in withTexts([id]) { julu_store_resend(handle, $0[0], error) } }
  }

  public func giveUp(_ id: String) throws(JuluError) {
    try check { error in withTexts([id]) { julu_store_give_up(handle, $0[0], error) } }
  }

  public func resolve(_ id: String, field: String, value: JSONValue?) throws(JuluError) {
    let json: String? = if let value { try encoded(value, "value") } else { nil }
    try check { error in withTexts([id, field, json]) { julu_store_resolve(handle, $0[0], $0[1], $0[2], error) } }
  }

  public func get(_ id: String) throws(JuluError) -> Record? {
    let found = try bytes { out, error in withTexts([id]) { julu_store_get(handle, $0[0], out, error) } }
    guard let found else { return nil }
    return try decoded(Record.self, from: found)
  }

  public func list(_ filter: Filter = Filter()) throws(JuluError) -> [Record] {
    let narrowed = try encoded(filter, "filter")
    return try json { out, error in withTexts([narrowed]) { julu_store_list(handle, $0[0], out, error) } }
  }

  public func findID(endingWith short: String) throws(JuluError) -> String {
    try text { out, error in withTexts([short]) { julu_store_find_id(handle, $0[0], out, error) } }
  }

  public func shortID(of id: String) throws(JuluError) -> String {
    try text { out, error in withTexts([id]) { julu_store_short_id(handle, $0[0], out, error) } }
  }

  public func newID() throws(JuluError) -> String {
    try text { julu_store_new_id(handle, $0, $1) }
  }

  public func history(of id: String) throws(JuluError) -> [HistoryEntry] {
    try json { out, error in withTexts([id]) { julu_store_history(handle, $0[0], out, error) } }
  }

  public func conflicts() throws(JuluError) -> [Conflict] {
    try json { julu_store_conflicts(handle, $0, $1) }
  }

  public func readPhoto(_ sha256: String, to target: PhotoTarget) throws(JuluError) {
    try Julu.readPhoto(handle, sha256, to: target)
  }

  public func thumbnail(_ sha256: String) throws(JuluError) -> Data {
    try bytes { out, error in withTexts([sha256]) { julu_store_thumbnail(handle, $0[0], out, error) } } ?? Data()
  }

  public func status() throws(JuluError) -> Status {
    var status = sized(julu_status(), \.size)
    try check { julu_store_status(handle, &status, $0) }
    return Status(status)
  }

  public func kinds() throws(JuluError) -> [String] {
    try json { julu_store_kinds(handle, $0, $1) }
  }

  public func schema(of kind: String) throws(JuluError) -> JSONValue {
    try json { out, error in withTexts([kind]) { julu_store_schema(handle, $0[0], out, error) } }
  }

  public func codes(of list: String) throws(JuluError) -> JSONValue {
    try json { out, error in withTexts([list]) { julu_store_codes(handle, $0[0], out, error) } }
  }

  public func identity() throws(JuluError) -> Identity {
    try json { julu_store_identity(handle, $0, $1) }
  }
}
