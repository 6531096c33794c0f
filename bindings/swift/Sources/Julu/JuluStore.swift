// One worker's store: what is captured here is durable when the call returns.
import CJulu
import Foundation

/// Free to share between tasks. Closed by `close`, and when the last reference goes. Any call after that throws `closed`;
/// calls under way end as usual. No call holds up the main actor but `close`, and the last reference that goes, which
/// put the last changes into place: after `suspend` there are none.
public final class JuluStore: Sendable {
  let handle: julu_store
  private let wakes = Wakes()

  private init(_ handle: julu_store) throws(JuluError) {
    self.handle = handle
    try wakes.observe(handle)
  }

  deinit { close() }

  /// `directory`: of `enrol`. `photoLongEdge` 320 to 16384 pixels, `photoQuality` 1 to 100, else bad_argument; nil:
  /// 1920 and 82. Brings an older file up to date first. Errors: store_missing, store_key, locked, store_corrupt,
  /// store_newer, encryption_unavailable, permission, busy, disk_full, io; the file is left as it was. store_corrupt from
  /// any call: close the store and open it, which sets the file aside and saves what can be read (`Status.salvage`);
  /// `resume` does not.
  public static func open(
    at directory: URL, key: StoreKey, photoLongEdge: Int32? = nil, photoQuality: Int32? = nil
  ) async throws(JuluError) -> JuluStore {
    let handle: julu_store = try await elsewhere { () throws(JuluError) in
      var options = sized(julu_store_options(), \.size)
      options.photo_long_edge_px = photoLongEdge ?? 0
      options.photo_quality = photoQuality ?? 0
      if case .none = key.source {
        options.flags = UInt32(JULU_UNENCRYPTED)
      } else {
        options.key_fn = KeyBox.function
      }
      let folder = try path(directory, "directory")
      var handle: julu_store = 0
      // Last, for from the call on it is the library that lets go of it.
      if options.key_fn != nil {
        options.key_context = retained(KeyBox(key))
        options.key_release = release
      }
      try check { error in
        withTexts([folder]) { texts in
          options.directory = texts[0]
          return julu_store_open(&options, &handle, error)
        }
      }
      return handle
    }
    return try JuluStore(handle)
  }

  public func close() {
    julu_store_close(handle)
    wakes.finish()
  }

  /// For an app that goes to sleep: ends the syncs of this store, waits for the calls under way and lets go of the file.
  /// Of `readPhoto` and `maintain` it waits for the piece that they are at, and they end there as `suspended`. Until
  /// `resume`, what needs the file throws `suspended`; `identity`, `kinds`, `schema` and `sync` do not, and a loop over
  /// `changes` waits. Errors: busy when a progress function of a run of this store does not return within 5 seconds, as
  /// one cannot that waits for this; the run ends all the same.
  public func suspend() async throws(JuluError) {
    try await ask { store, error in julu_store_suspend(store, error) }
  }

  /// Asks the key's source again, or takes this one. Errors: as `open`; it mends no damaged file.
  public func resume(key: StoreKey? = nil) async throws(JuluError) {
    let handle = handle
    try await elsewhere { () throws(JuluError) in
      let bytes = try key?.bytes()
      try check { error in withKey(bytes) { julu_store_resume(handle, $0, error) } }
    }
    wakes.wake()  // for what a loop over `changes` could not ask meanwhile
  }

  /// A UUID of version 7 (RFC 9562) for `capture`, by the store's clock; nothing is written.
  public func newID() async throws(JuluError) -> String {
    try await here { () throws(JuluError) in try self.blocking.newID() }
  }

  /// Record, photos and history, together or not at all. `id`: one of `newID`, or another UUID of version 7 of the
  /// caller's own, so that it may ask again after it died: the same content gives the first answer, other content
  /// `id_conflict`. Lists and their pages go by the time in it. An error names the field.
  public func capture<B: RecordBody>(
    _ body: B, photos: [Photo] = [], id: String? = nil
  ) async throws(JuluError) -> Saved {
    try await withPhotos(photos) { () throws(JuluError) in try self.blocking.capture(body, photos: photos, id: id) }
  }

  /// The same for a kind that has no struct here.
  public func capture(
    kind: String, _ body: JSONValue, photos: [Photo] = [], id: String? = nil
  ) async throws(JuluError) -> Saved {
    try await withPhotos(photos) { () throws(JuluError) in try self.blocking.capture(kind: kind, body, photos: photos, id: id) }
  }

  /// Changes fields of a document by a JSON merge patch: null clears a field, one that is left out stays. Adds photos.
  /// Durable. Errors: record_unknown, record_deleted (these two in `act`, `attach` and `remove` too), shape_mismatch for
  /// another kind.
  public func patch(_ id: String, _ change: JSONValue, photos: [Photo] = []) async throws(JuluError) -> Saved {
    try await withPhotos(photos) { () throws(JuluError) in try self.blocking.patch(id, change, photos: photos) }
  }

  /// A step of a case; `body` holds the note and what the flow asks. Durable. Errors: step_not_allowed, shape_mismatch.
  public func act(
    _ id: String, _ action: String, _ body: JSONValue = [:], photos: [Photo] = []
  ) async throws(JuluError) -> Saved {
    try await withPhotos(photos) { () throws(JuluError) in try self.blocking.act(id, action, body, photos: photos) }
  }

  /// Adds photos to any record. Durable. Errors: bad_argument ("/photos") without one.
  public func attach(_ photos: [Photo], to id: String) async throws(JuluError) -> Saved {
    try await withPhotos(photos) { () throws(JuluError) in try self.blocking.attach(photos, to: id) }
  }

  /// Deletes a document. Durable. Errors: shape_mismatch for another kind.
  public func remove(_ id: String) async throws(JuluError) -> Saved {
    try await here { () throws(JuluError) in try self.blocking.remove(id) }
  }

  /// Sends again what the platform refused, as it stands now. Durable. Errors: record_unknown.
  public func resend(_ id: String) async throws(JuluError) {
    try await here { () throws(JuluError) in try self.blocking.resend(id) }
  }

  /// Gives up for good what the platform refused of a record, the photos that came with it, and the later steps of a
  /// case; the history keeps it. Later edits go on without it; a record that the county never took or has deleted is
  /// shown as deleted. Durable. Errors: record_unknown.
  public func giveUp(_ id: String) async throws(JuluError) {
    try await here { () throws(JuluError) in try self.blocking.giveUp(id) }
  }

  /// A person's choice in a conflict, by a patch; nil: the field shall be absent. Durable. Errors: record_unknown
  /// ("/field" when it is in no conflict), and those of `patch`.
  public func resolve(_ id: String, field: String, value: JSONValue?) async throws(JuluError) {
    try await here { () throws(JuluError) in try self.blocking.resolve(id, field: field, value: value) }
  }

  /// Upkeep while the host is idle; stops within the budget; but the first of a boot, on Apple's systems of a process,
  /// reads every row first (a quarter of a second for 10,000 records). Errors: store_corrupt (then close and open),
  /// suspended, those of the disk.
  public func maintain(for budget: Duration) async throws(JuluError) {
    let ms = milliseconds(budget)
    try await ask { store, error in julu_store_maintain(store, ms, error) }
  }

  /// Carries what is here to the platform and its changes back. `platform`: where the device was enrolled,
  /// however it is spelled, or nil; another is bad_argument; not looked at with a transport.
  /// `transport` nil: libcurl, with `caFile` (a PEM bundle; nil: libcurl's own default) and `pinnedKey` ("sha256//base64…").
  public func sync(
    with platform: URL? = nil, caFile: URL? = nil, pinnedKey: String? = nil, transport: (any HostTransport)? = nil
  ) async throws(JuluError) -> JuluSync {
    let handle = handle
    return try await elsewhere { () throws(JuluError) in
      try JuluSync(handle, platform: platform, caFile: caFile, pinnedKey: pinnedKey, transport: transport)
    }
  }

  /// What is here and what becomes of it. See `Changes`.
  public var changes: Changes { changes(since: 0) }
  /// Goes on after the change that had this token.
  public func changes(since token: Int64) -> Changes { Changes(store: handle, wakes: wakes, token: token) }

  func ask(
    _ call: @escaping @Sendable (julu_store, UnsafeMutablePointer<julu_error>) -> Int32
  ) async throws(JuluError) {
    let handle = handle
    try await elsewhere { () throws(JuluError) in try check { call(handle, $0) } }
  }
}

/// What C asks for the key, until the store is closed.
private final class KeyBox: Sendable {
  let key: StoreKey
  init(_ key: StoreKey) { self.key = key }

  static let function: julu_key_fn = { context, out in
    let box: KeyBox = borrowed(context)
    do throws(JuluError) {
      guard let bytes = try box.key.bytes() else { return -1 }
      bytes.copyBytes(to: out!, count: bytes.count)
      return 0
    } catch {
      if let thrown = error.underlying { Thrown.keep(thrown) }
      return error.code == .locked ? Int32(JULU_KEY_NOT_NOW) : -1
    }
  }
}
