// What comes before a store: the key, enrolment, the log. After `import Julu` they read Julu.enrol(…), Julu.setLog(…).
import CJulu
import Foundation

/// The raw 256-bit key of a store, which the keystore of the phone keeps.
public struct StoreKey: Sendable {
  enum Source: Sendable {
    case bytes(Data)
    case keystore(@Sendable () throws -> Data?)
    case none
  }
  let source: Source

  /// 32 bytes.
  public init(_ bytes: Data) { source = .bytes(bytes) }
  /// Asked at open and at resume, on the thread of that call. nil: not now, the phone has not been unlocked yet; the
  /// call fails with `locked` and can be tried again.
  public init(from keystore: @escaping @Sendable () throws -> Data?) { source = .keystore(keystore) }
  private init(source: Source) { self.source = source }
  /// For tests, and for builds without a cipher.
  public static let unencrypted = StoreKey(source: .none)

  /// The bytes now; nil for a store without a key. Errors: locked, bad_argument.
  func bytes() throws(JuluError) -> Data? {
    let given: Data?
    switch source {
    case .none: return nil
    case .bytes(let bytes): given = bytes
    case .keystore(let ask):
      do { given = try ask() } catch {
        throw JuluError(.badArgument, field: "key", detail: "the keystore failed", underlying: error)
      }
    }
    guard let given else { throw JuluError(.locked) }
    if given.count != Int(JULU_KEY_BYTES) {
      throw JuluError(.badArgument, field: "key", detail: "\(given.count) bytes")
    }
    return given
  }
}

/// When the worker consented; nothing goes to the network before.
public struct Consent: Sendable, Hashable {
  let at: Date
  public static func given(at: Date) -> Consent { Consent(at: at) }
}

public struct Identity: Sendable, Hashable, Codable {
  public let platform: String
  public let device: String
  public let worker: String
  public let name: String
  public let role: String
  public let grids: [String]
  public let gridNames: [String]

  private enum CodingKeys: String, CodingKey {
    case platform, device, worker, name, role, grids
    case gridNames = "grid_names"
  }
}

/// A phone that the platform knows.
public struct Device: Sendable, Hashable {
  /// What `JuluStore.open` takes.
  public let directory: URL
  public let identity: Identity
}

public struct Enrolled: Sendable, Hashable {
  /// The name of the folder: the worker's id with what a file system minds replaced, and the device's end where another
  /// platform's worker had that name first.
  public let worker: String
  public let directory: URL
}

/// Makes this phone known to the platform, once; durable. A lost reply costs nothing: ask again with the same code and
/// the same key; what was begun under another key is thrown away. A worker of this platform who is here already goes on
/// with the same store: it becomes the new device, also while it is open, and what is unsent goes under that one. So a
/// device that was revoked, or that a restore made unknown, asks with a new code.
/// `transport` nil: libcurl, with `caFile` (a PEM bundle; nil: libcurl's own default) and `pinnedKey` ("sha256//base64…").
/// Errors: consent_missing, enrolment_refused ("/code"), offline, captive_portal, tls, limited, server, bad_reply,
/// too_large, app_too_old, encryption_unavailable, busy (another enrolment is on its way in this root), sync_in_progress
/// (that store is being synced: ask again), store_key ("key": that store has another key; nothing was touched, and under
/// the right key it takes another code; where that key is gone for good, move the store's directory out of the root and
/// ask again), store_newer, bad_argument, and those of the disk.
public func enrol(
  platform: URL, code: String, root: URL, key: StoreKey, consent: Consent, within: Duration = .seconds(60),
  caFile: URL? = nil, pinnedKey: String? = nil, transport: (any HostTransport)? = nil
) async throws(JuluError) -> Device {
  struct Reply: Decodable {
    let directory: String
    let identity: Identity
  }
  let link = try transport.map { host throws(JuluError) in try TransportLink(host) }
  defer { link?.close() }
  let reply: Reply
  do throws(JuluError) {
    reply = try await elsewhereLong { () throws(JuluError) in
      var options = sized(julu_enrol_options(), \.size)
      options.consent_at_ms = milliseconds(consent.at)
      options.at_most_ms = max(1, milliseconds(within))
      options.transport = link?.handle ?? 0
      let bytes = try key.bytes()
      if bytes == nil { options.flags = UInt32(JULU_UNENCRYPTED) }
      let folder = try path(root, "root")
      let bundle: String? = if let caFile { try path(caFile, "ca_file") } else { nil }
      return try json { device, error in
        withKey(bytes) { key in
          withTexts([platform.absoluteString, code, folder, bundle, pinnedKey]) { texts in
            options.key = key
            (options.platform, options.code, options.root) = (texts[0], texts[1], texts[2])
            (options.ca_file, options.pinned_key) = (texts[3], texts[4])
            return julu_enrol(&options, device, error)
          }
        }
      }
    }
  } catch {
    throw link?.explained(error) ?? error
  }
  return Device(directory: URL(fileURLWithPath: reply.directory, isDirectory: true), identity: reply.identity)
}

/// Who is on this phone, without opening a store.
public func enrolments(in root: URL) async throws(JuluError) -> [Enrolled] {
  struct Row: Decodable {
    let worker: String
    let directory: String
  }
  let rows: [Row] = try await here { () throws(JuluError) in
    let folder = try path(root, "root")
    return try json { out, error in withTexts([folder]) { julu_enrolments($0[0], out, error) } }
  }
  return rows.map { Enrolled(worker: $0.worker, directory: URL(fileURLWithPath: $0.directory, isDirectory: true)) }
}

/// Of the C library.
public var libraryVersion: String { String(cString: julu_version()) }
/// Stores, syncs and transports that are open: 0 at the end of a program that closes what it opens.
public var liveHandles: Int { Int(julu_live_handles()) }

public enum LogLevel: Int32, Sendable { case info, warning, error }

/// Few lines for whoever looks after a phone: codes, counts, ids. Called on the thread that tells, and waits for no
/// task; nil ends it.
public func setLog(_ sink: (@Sendable (LogLevel, String) -> Void)?) {
  final class Sink: Sendable {
    let tell: @Sendable (LogLevel, String) -> Void
    init(_ tell: @escaping @Sendable (LogLevel, String) -> Void) { self.tell = tell }
  }
  guard let sink else {
    _ = julu_set_log(nil, nil, nil)
    return
  }
  let told: julu_log_fn = { context, level, line, length in
    let sink: Sink = borrowed(context)
    sink.tell(LogLevel(rawValue: level) ?? .error, string(julu_text(data: line, length: length)))
  }
  _ = julu_set_log(told, retained(Sink(sink)), release)
}

func withKey<R>(_ key: Data?, _ body: (UnsafePointer<UInt8>?) -> R) -> R {
  guard let key else { return body(nil) }
  return key.withUnsafeBytes { body($0.bindMemory(to: UInt8.self).baseAddress) }
}
